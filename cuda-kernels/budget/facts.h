// What is known of every kernel: from the compiler, for each architecture, and from the tests that start it.
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace hb::budget {

// A kernel of one source file. Names are as a reader writes them: without namespaces, parameters and result.
struct KernelName {
    std::string file;  // "gemm" for gemm.cu
    std::string name;  // "sum_parts_kernel<float>"

    auto operator<=>(const KernelName&) const = default;
    // "sum_parts_kernel"
    std::string family() const { return name.substr(0, name.find('<')); }
};

// What a thread and a block of it take. Bytes are a thread's, but for shared memory, which is a block's.
struct Resources {
    int registers = 0;
    int static_shared = 0;
    int stack = 0;
    int spills = 0;        // stored and loaded
    int most_threads = 0;  // __launch_bounds__; 0: not told

    bool operator==(const Resources&) const = default;
};
using CompiledKernels = std::map<KernelName, Resources>;

// By architecture, as in "sm_90a".
using Compiled = std::map<std::string, CompiledKernels>;

// How tests started a kernel.
struct Launches {
    int least_threads = 0, most_threads = 0;  // of a block
    int most_dynamic_shared = 0;

    void add(int threads, int dynamic_shared);
    bool operator==(const Launches&) const = default;
};
using Launched = std::map<KernelName, Launches>;

// Of a symbol, as c++filt would show it, less what every kernel has.
std::string readable(const std::string& symbol);

// All of these throw std::runtime_error, which names the file and what is wrong.

// What compile.sh wrote of one source file.
CompiledKernels read_resources(const std::string& path, const std::string& file);
// Every FILE.txt of a folder.
CompiledKernels read_resource_folder(const std::string& folder);
// What HORNBEAM_EMULATED_LAUNCHES recorded.
Launched read_launches(const std::string& path);

// The two tables that are kept: a line for each kernel, comma-separated.
struct Kept {
    std::string compiler;  // as in "nvcc 13.0.88"
    Compiled compiled;
    Launched launched;
};
Kept read_kept(const std::string& kernels_path, const std::string& launches_path);
void write_kernels(std::ostream& to, const Kept& kept);
void write_launches(std::ostream& to, const Launched& launched);

}  // namespace hb::budget
