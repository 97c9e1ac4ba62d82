#include "emulation/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

#include "emulation/scheduler.h"

namespace hb::emulation {

namespace {

constexpr size_t kMostPrinted = 50;

struct Findings {
    std::vector<Finding> kept;
    size_t printed = 0;
    size_t all = 0;
    // Places are the same under every launch of a kernel; one report of them is enough.
    std::set<std::tuple<std::string, const void*, const void*>> seen;
    std::map<const void*, std::string> lines;  // those looked up

    ~Findings() {
        print_findings();
        if (all == 0) return;
        std::fprintf(stderr, "hornbeam emulation: %zu wrong\n", all);
        std::fflush(nullptr);
        _exit(kExitStatus);
    }
};

Findings& findings() {
    static Findings all;
    return all;
}

// The module of an address, and what its file calls the address.
struct Place {
    std::string file;
    uintptr_t address = 0;
};

Place place_of(const void* pc) {
    Dl_info info;
    if (!dladdr(pc, &info)) return {};
    auto base = reinterpret_cast<uintptr_t>(info.dli_fbase);
    // One before, as a return address may already be of the next line.
    uintptr_t address = reinterpret_cast<uintptr_t>(pc) - 1;
    if (static_cast<const Elf64_Ehdr*>(info.dli_fbase)->e_type == ET_DYN) address -= base;
    char path[4096];
    ssize_t length = -1;
    if (info.dli_fname[0] != '/') length = readlink("/proc/self/exe", path, sizeof path - 1);
    return {length > 0 ? std::string(path, static_cast<size_t>(length)) : info.dli_fname, address};
}

// The last two parts of a path say enough.
std::string shorten(const std::string& line) {
    size_t slash = line.rfind('/');
    if (slash == std::string::npos || slash == 0) return line;
    slash = line.rfind('/', slash - 1);
    return slash == std::string::npos ? line : line.substr(slash + 1);
}

// Of the calls inlined into each other at an address, innermost first, the first that is not the emulation's own.
std::string line_of(const std::vector<std::string>& chain) {
    for (size_t i = 0; i < chain.size(); i++) {
        if (chain[i].find("/emulation/") != std::string::npos && chain[i].find("/tests/") == std::string::npos)
            continue;
        std::string line = shorten(chain[i]);
        if (i + 1 < chain.size()) line += ", in " + shorten(chain[i + 1]);
        return line;
    }
    return chain.empty() ? "?" : shorten(chain.back());
}

// Looks up those not known yet, with one run of addr2line per module.
const std::map<const void*, std::string>& lines_of(const std::set<const void*>& addresses) {
    std::map<const void*, std::string>& lines = findings().lines;
    std::map<std::string, std::vector<std::pair<const void*, uintptr_t>>> by_file;
    for (const void* pc : addresses) {
        if (lines.count(pc)) continue;
        Place place = place_of(pc);
        char text[64];
        std::snprintf(text, sizeof text, "+%#zx", static_cast<size_t>(place.address));
        lines[pc] = place.file.empty() ? "?" : shorten(place.file) + text;
        if (!place.file.empty()) by_file[place.file].emplace_back(pc, place.address);
    }
    for (const auto& [file, places] : by_file) {
        std::string command = "addr2line -i -a -e '" + file + "'";
        for (const auto& place : places) {
            char text[32];
            std::snprintf(text, sizeof text, " %#zx", static_cast<size_t>(place.second));
            command += text;
        }
        FILE* output = popen((command + " 2>/dev/null").c_str(), "r");
        if (!output) continue;
        std::vector<std::string> chain;
        size_t next = 0;
        auto keep = [&] {
            if (next > 0 && !chain.empty() && chain[0][0] != '?') lines[places[next - 1].first] = line_of(chain);
            chain.clear();
        };
        char text[4096];
        while (std::fgets(text, sizeof text, output)) {
            std::string line(text);
            while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
            size_t discriminator = line.find(" (discriminator");
            if (discriminator != std::string::npos) line.resize(discriminator);
            if (line.rfind("0x", 0) == 0) {
                keep();
                next++;
            } else if (!line.empty()) {
                chain.push_back(line);
            }
        }
        keep();
        pclose(output);
    }
    return lines;
}

void resolve(std::vector<Finding>& some) {
    std::set<const void*> addresses;
    for (const Finding& f : some) {
        if (f.lines.find_first_of("@#") == std::string::npos) continue;
        if (f.pc) addresses.insert(f.pc);
        if (f.other_pc) addresses.insert(f.other_pc);
    }
    if (addresses.empty()) return;
    const auto& lines = lines_of(addresses);
    // '@' and '#' stand for the two lines until they are known.
    for (Finding& f : some) {
        size_t at = f.lines.find('@');
        if (at != std::string::npos) f.lines.replace(at, 1, lines.at(f.pc));
        at = f.lines.find('#');
        if (at != std::string::npos) f.lines.replace(at, 1, lines.at(f.other_pc));
    }
    size_t before = some.size();
    std::erase_if(some, [&](const Finding& f) {
        return f.lines_must_differ && f.pc && f.other_pc && lines.at(f.pc) == lines.at(f.other_pc);
    });
    findings().all -= before - some.size();
}

void add(Finding finding) {
    Findings& f = findings();
    f.all++;
    if (f.kept.size() < 10000) f.kept.push_back(std::move(finding));
}

std::string here() {
    if (!running.thread) return "a copy, fill or free";
    return std::string("kernel ") + running_launch().name + ", block " + text_of(running.block_index) + ", thread " +
           text_of(running.thread->index);
}

}  // namespace

std::string text_of(uint3 index) {
    return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")";
}

uint3 thread_index(uint32_t linear) {
    dim3 size = running.block_size;
    return {linear % size.x, linear / size.x % size.y, linear / (size.x * size.y)};
}

void report(const char* what, const void* pc, const void* other_pc, const std::string& other) {
    if (!findings().seen.insert({what, pc, other_pc}).second) return;
    Finding finding{what, here(), pc ? "at @" : "", pc, other_pc, false};
    if (other_pc) {
        finding.lines += (pc ? "; the other: " : "the other: ") + other + " at #";
    } else if (!other.empty()) {
        finding.lines += (pc ? "; the other: " : "the other: ") + other;
    }
    add(std::move(finding));
}

void report_different_lines(const char* what, const void* pc, const void* other_pc) {
    if (!findings().seen.insert({what, pc, other_pc}).second) return;
    add({what, here(), "at @; others at #", pc, other_pc, true});
}

void report_waiting(const Thread& thread) {
    std::string what = std::string("deadlock: threads wait forever in ") + thread.waits_for;
    if (!findings().seen.insert({what, thread.site, nullptr}).second) return;
    std::string where = std::string("kernel ") + running_launch().name + ", block " + text_of(running.block_index) +
                        ", thread " + text_of(thread.index);
    add({what, where, thread.site ? "at @" : "", thread.site, nullptr, false});
}

void report_host(const char* what, const std::string& where) { add({what, where, "", nullptr, nullptr, false}); }

void print_findings() {
    Findings& f = findings();
    if (f.printed == f.kept.size()) return;
    resolve(f.kept);
    for (; f.printed < f.kept.size(); f.printed++) {
        if (f.printed == kMostPrinted) std::fprintf(stderr, "hornbeam emulation: further ones are not printed\n");
        if (f.printed >= kMostPrinted) continue;
        const Finding& one = f.kept[f.printed];
        std::fprintf(stderr, "hornbeam emulation: %s\n  %s\n", one.what.c_str(), one.where.c_str());
        if (!one.lines.empty()) std::fprintf(stderr, "  %s\n", one.lines.c_str());
    }
}

std::vector<Finding> take_findings(bool forgive) {
    Findings& f = findings();
    resolve(f.kept);
    std::vector<Finding> taken;
    taken.swap(f.kept);
    f.printed = 0;
    f.seen.clear();
    if (forgive) f.all -= std::min(f.all, taken.size());
    return taken;
}

void exit_with(const char* pattern, ...) {
    va_list values;
    va_start(values, pattern);
    std::fprintf(stderr, "hornbeam emulation: ");
    std::vfprintf(stderr, pattern, values);
    std::fprintf(stderr, "\n");
    va_end(values);
    std::fflush(nullptr);
    _exit(70);
}

}  // namespace hb::emulation
