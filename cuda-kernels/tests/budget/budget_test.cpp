// The budget's parts: what is read of compilers and launches, the occupancy, and what is found wrong. Its argument is
// the folder of the files beside it.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include "budget/facts.h"
#include "budget/occupancy.h"
#include "budget/table.h"
#include "tests/host/check.h"

namespace {

using namespace hb::budget;
using hb::cuda::test::check;
using hb::cuda::test::check_words;

const KernelName kSum{"gemm", "sum_kernel<float>"};
const KernelName kTile{"gemm", "tile_kernel<64, true>"};

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + '\n';
    return text;
}

Kept sample(const std::string& folder) {
    return {"nvcc 13.0.88",
            {{"sm_90a", read_resources(folder + "/resources.txt", "gemm")}},
            read_launches(folder + "/launches.txt")};
}

void names() {
    check(readable("_ZN2hb4cuda12_GLOBAL__N_110sum_kernelIfEEvPT_PKS3_l") == "sum_kernel<float>", "a template");
    check(readable("plain") == "plain", "a name that is not mangled");
    check(kTile.family() == "tile_kernel" && KernelName{"a", "clear_kernel"}.family() == "clear_kernel", "families");
}

void resources(const std::string& folder) {
    const CompiledKernels kernels = read_resources(folder + "/resources.txt", "gemm");
    check(kernels.size() == 4, "%zu kernels", kernels.size());
    check(kernels.at(kSum) == Resources{30, 0, 0, 0, 256}, "sum_kernel<float>: a block of 32 x 8");
    check(kernels.at({"gemm", "sum_kernel<Bf16>"}) == Resources{32, 64, 0, 0, 256}, "sum_kernel<Bf16>");
    check(kernels.at(kTile) == Resources{255, 49152, 16, 20, 128}, "tile_kernel");
    check(kernels.at({"gemm", "clear_kernel"}) == Resources{10, 0, 0, 0, 0}, "clear_kernel: no bounds");
}

void launches(const std::string& folder) {
    const Launched all = read_launches(folder + "/launches.txt");
    check(all.size() == 2 && all.at(kSum) == Launches{64, 256, 512}, "sum_kernel was started in two ways");
    check(all.at(kTile) == Launches{128, 128, 100000}, "tile_kernel");
}

// By the rules of the CUDA C++ Programming Guide: 65,536 registers, given to warps in pieces of 256; 2,048 threads and
// 32 blocks; 164 or 228 KB of shared memory, 1 KB of it a block's own.
void occupancies() {
    struct Row {
        const char* architecture;
        Resources kernel;
        int threads, dynamic, blocks, percent;
        const char* limit;
    };
    for (const Row& row : {
             Row{"sm_80", {32, 0, 0, 0, 256}, 256, 0, 8, 100, "registers"},
             Row{"sm_90a", {80, 0, 0, 0, 128}, 128, 0, 6, 37, "registers"},
             Row{"sm_90a", {81, 0, 0, 0, 128}, 128, 0, 5, 31, "registers"},  // 88 a thread
             Row{"sm_90a", {16, 0, 0, 0, 1024}, 32, 0, 32, 50, "blocks"},
             Row{"sm_80", {32, 0, 0, 0, 128}, 128, 40 << 10, 4, 25, "shared memory"},   // 164 / 41
             Row{"sm_100", {32, 0, 0, 0, 128}, 128, 40 << 10, 5, 31, "shared memory"},  // 228 / 41
             Row{"sm_80", {32, 0, 0, 0, 128}, 128, 163 << 10, 1, 6, "shared memory"},
             Row{"sm_100", {16, 0, 0, 0, 1024}, 1024, 0, 2, 100, "threads"},
         }) {
        const Occupancy found = occupancy(row.architecture, row.kernel, row.threads, row.dynamic);
        check(found.blocks == row.blocks && found.percent == row.percent && found.limit == row.limit,
              "%s, %d registers, %d threads, %d bytes: %d blocks, %d %%, %s", row.architecture, row.kernel.registers,
              row.threads, row.dynamic, found.blocks, found.percent, found.limit.c_str());
    }
    check(occupancy("sm_80", {32, 0, 0, 0, 128}, 128, 164 << 10).blocks == 0,
          "more shared memory than a block may have");
    check(occupancy("sm_80", {32, 0, 0, 0, 128}, 256, 0).blocks == 0, "more threads than the bounds say");
    check(occupancy("sm_80", {32, (48 << 10) + 1, 0, 0, 128}, 128, 0).blocks == 0, "more static memory than there is");
    try {
        occupancy("sm_75", {}, 32, 0);
        check(false, "sm_75 is not known");
    } catch (const std::runtime_error& error) {
        check_words("sm_75", error.what(), {"sm_75", "sm_80"});
    }
}

void tables_are_kept(const std::string& folder) {
    const Kept kept = sample(folder);
    const std::string beside =
        (std::filesystem::temp_directory_path() / ("budget_test." + std::to_string(getpid()))).string();
    const std::string kernels = beside + ".kernels", launches = beside + ".launches";
    {
        std::ofstream a(kernels), b(launches);
        write_kernels(a, kept);
        write_launches(b, kept.launched);
    }
    const Kept again = read_kept(kernels, launches);
    check(again.compiler == kept.compiler && again.compiled == kept.compiled && again.launched == kept.launched,
          "what was written is read again");
    std::filesystem::remove(kernels);
    std::filesystem::remove(launches);
}

void document(const std::string& folder) {
    const std::string tables = table_of(sample(folder));
    // 256 threads of 30 registers, 32 as they are given: 8 blocks of 8 warps.
    check_words("table", tables,
                {"4 kernels, nvcc 13.0.88; tests start 2 of them.", "### gemm.cu",
                 "| sum_kernel | 2 | 1 | 64–256 | 0–64 | 512 | 30–32 | 8 | 100 |",
                 "| clear_kernel | 1 | 0 |  | 0 |  | 10 |  |  |  |"});
    const std::string marks = "<!-- kernels: made by budget-write -->\n";
    const std::string text = "before\n" + marks + "old\n<!-- end of kernels -->\nafter\n";
    const std::string made = with_tables(text, "new\n");
    check(made == "before\n" + marks + "\nnew\n\n<!-- end of kernels -->\nafter\n", "replaced: %s", made.c_str());
    check(with_tables(made, "new\n") == made, "and the same again");
    try {
        with_tables("no marks", "new");
        check(false, "nothing marks the place");
    } catch (const std::runtime_error&) {
    }
}

void wrong(const std::string& folder) {
    Kept kept = sample(folder);
    check_words("faults", joined(faults_of(kept)),
                {"sm_90a, gemm.cu: tile_kernel<64, true>: 20 bytes of spilled registers", "16 bytes of stack"});
    check(faults_of(kept).size() == 2, "nothing else is wrong: %s", joined(faults_of(kept)).c_str());
    kept.launched[kTile].add(256, 0);
    kept.launched[kSum].add(32, 240 << 10);
    check_words("faults", joined(faults_of(kept)),
                {"started with 256 threads, and its __launch_bounds__ say 128",
                 "sum_kernel<float>: no multiprocessor holds a block of 256 threads with 245760 bytes"});

    CompiledKernels other = kept.compiled["sm_90a"];
    check(differences("sm_90a", other, other).empty(), "the same is not different");
    for (const int registers : {26, 34}) {
        other[kSum].registers = registers;
        check(differences("sm_90a", kept.compiled["sm_90a"], other).empty(), "ptxas varies: %d", registers);
    }
    other[kSum].registers = 35;
    other[{"gemm", "new_kernel"}] = {8, 0, 0, 0, 32};
    other.erase(kTile);
    const auto lines = differences("sm_90a", kept.compiled["sm_90a"], other);
    check(lines.size() == 3, "%zu lines", lines.size());
    check_words("differences", joined(lines),
                {"sum_kernel<float>: 35 registers", "was 30 registers", "new_kernel: is new: 8 registers",
                 "tile_kernel<64, true>: is gone"});

    const Launched before = read_launches(folder + "/launches.txt");
    Launched now = before;
    check(new_launches(before, now).empty() && new_launches(before, {}).empty(), "these were known");
    now[kSum] = {128, 128, 0};
    check(new_launches(before, now).empty(), "within what was known");
    now[kSum] = {32, 256, 0};
    now[{"gemm", "clear_kernel"}] = {32, 32, 0};
    check_words("new launches", joined(new_launches(before, now)),
                {"sum_kernel<float>: 32 to 256 threads", "were 64 to 256", "clear_kernel: was never started"});
}

}  // namespace

int main(int count, char** values) {
    if (count != 2) {
        std::fprintf(stderr, "usage: budget_test FOLDER\n");
        return 2;
    }
    const std::string folder = values[1];
    names();
    resources(folder);
    launches(folder);
    occupancies();
    tables_are_kept(folder);
    document(folder);
    wrong(folder);
    return hb::cuda::test::finish();
}
