// What the emulation found wrong in a program, and how it says so: the kernel, the block, the thread and the lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emulation/thread.h"

namespace hb::emulation {

struct Finding {
    std::string what;   // such as "race: read after write, of shared memory"
    std::string where;  // the kernel, block and thread; or the call of the host
    std::string lines;  // the source line, and that of the other access where there are two
    const void* pc = nullptr;
    const void* other_pc = nullptr;
    bool lines_must_differ = false;
};

// Notes a finding at the place that runs now, once for each pair of places. `pc` and `other_pc` are return addresses
// into the kernel; the other may be null. `other` says who was there, such as "thread (3, 0, 0)". Lines are looked up,
// and the finding is printed to stderr, when no kernel runs any more.
void report(const char* what, const void* pc, const void* other_pc = nullptr, const std::string& other = "");
// As report, but nothing where both places turn out to be one line, of which the compiler made several.
void report_different_lines(const char* what, const void* pc, const void* other_pc);
// The thread waits, and what it waits for cannot come.
void report_waiting(const Thread& thread);
// For host calls: `where` names the call.
void report_host(const char* what, const std::string& where);

// Prints what is not printed yet. Call on the host's stack.
void print_findings();
// Those since the last call, printed or not. The process still exits with an error because of them, unless `forgive`.
std::vector<Finding> take_findings(bool forgive);

// Prints one line, as printf, and ends the process with status 70.
[[noreturn]] void exit_with(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

// "(1, 2, 3)"
std::string text_of(uint3 index);
// The index of the thread of this number in its block.
uint3 thread_index(uint32_t linear);

// A process in which anything was found exits with this status, whatever main returned.
constexpr int kExitStatus = 86;

}  // namespace hb::emulation
