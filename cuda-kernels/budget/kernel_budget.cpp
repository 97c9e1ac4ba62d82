// kernel_budget: makes and checks budget.md and the two tables beside it.
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "budget/facts.h"
#include "budget/table.h"

namespace hb::budget {
namespace {

constexpr const char* kUsage =
    "usage: kernel_budget write|check --in FOLDER [--compiler NAME] [--resources FOLDER]... [--launches FILE]...\n"
    "\n"
    "  --in         the folder of budget.md, with budget/kernels.csv and budget/launches.csv\n"
    "  --compiler   as in \"nvcc 13.0.88\"\n"
    "  --resources  what compile.sh wrote, a file for each source file; the folder is named for the architecture, "
    "sm_90a\n"
    "  --launches   what the emulation recorded (HORNBEAM_EMULATED_LAUNCHES)\n"
    "\n"
    "write puts these facts in place of the kept ones, and keeps what is not given, such as launches of other "
    "kernels.\n"
    "check compares them with the kept ones, and budget.md with both tables; it exits with 1 where anything differs,\n"
    "spills, or cannot be started.\n";

std::string content_of(const std::string& path) {
    std::ifstream from(path, std::ios::binary);
    if (!from) throw std::runtime_error(path + " cannot be read");
    return {std::istreambuf_iterator<char>(from), {}};
}

void replace(const std::string& path, const std::string& content) {
    const std::string beside = path + ".new";
    {
        std::ofstream to(beside, std::ios::binary);
        to << content;
        if (!to.flush()) throw std::runtime_error(beside + " cannot be written");
    }
    std::filesystem::rename(beside, path);
}

struct Arguments {
    bool write = false;
    std::string in, compiler;
    std::vector<std::string> resources, launches;

    bool read(int count, char** values) {
        if (count < 2) return false;
        write = std::strcmp(values[1], "write") == 0;
        if (!write && std::strcmp(values[1], "check") != 0) return false;
        for (int i = 2; i + 1 < count; i += 2) {
            const std::string option = values[i], value = values[i + 1];
            if (option == "--in")
                in = value;
            else if (option == "--compiler")
                compiler = value;
            else if (option == "--resources")
                resources.push_back(value);
            else if (option == "--launches")
                launches.push_back(value);
            else
                return false;
        }
        return count % 2 == 0 && !in.empty();
    }
};

class Budget {
  public:
    explicit Budget(const Arguments& arguments)
        : arguments_(arguments), document_(arguments.in + "/budget.md"), kernels_(arguments.in + "/budget/kernels.csv"),
          launches_(arguments.in + "/budget/launches.csv") {
        for (std::string folder : arguments.resources) {
            while (folder.ends_with('/')) folder.pop_back();
            compiled_[std::filesystem::path(folder).filename()] = read_resource_folder(folder);
        }
        for (const std::string& path : arguments.launches)
            for (const auto& [name, l] : read_launches(path)) {
                launched_[name].add(l.least_threads, l.most_dynamic_shared);
                launched_[name].add(l.most_threads, l.most_dynamic_shared);
            }
    }

    int write() {
        Kept kept;
        if (std::filesystem::exists(kernels_)) kept = read_kept(kernels_, launches_);
        for (const auto& [architecture, kernels] : compiled_) kept.compiled[architecture] = kernels;
        if (!compiled_.empty()) kept.compiler = arguments_.compiler;
        // Some tests may have been left out.
        for (const auto& [name, l] : launched_) kept.launched[name] = l;
        drop_foreign_launches(kept);
        std::ostringstream kernels, launches;
        write_kernels(kernels, kept);
        write_launches(launches, kept.launched);
        const std::string text = with_tables(content_of(document_), table_of(kept));
        replace(kernels_, kernels.str());
        replace(launches_, launches.str());
        replace(document_, text);
        return told(faults_of(kept), "these kernels cannot stay as they are:");
    }

    int check() {
        Kept kept = read_kept(kernels_, launches_);
        int status = 0;
        const std::string text = content_of(document_);
        if (with_tables(text, table_of(kept)) != text) {
            std::fprintf(stderr, "budget.md is not what its tables say: write it again\n");
            status = 1;
        }
        // Another compiler chooses other registers; what it says is then only held against what a GPU allows.
        const bool comparable = arguments_.compiler.empty() || arguments_.compiler == kept.compiler;
        std::vector<std::string> lines;
        for (const auto& [architecture, kernels] : compiled_) {
            if (comparable) {
                const auto some = differences(architecture, kept.compiled[architecture], kernels);
                lines.insert(lines.end(), some.begin(), some.end());
            }
            kept.compiled[architecture] = kernels;
            std::printf("%s: %zu kernels%s\n", architecture.c_str(), kernels.size(),
                        comparable ? "" : ", not compared: the kept numbers are of another compiler");
        }
        Kept started = kept;
        started.launched = launched_;
        drop_foreign_launches(started);
        const auto some = new_launches(kept.launched, started.launched);
        lines.insert(lines.end(), some.begin(), some.end());
        status |= told(lines, "the budget is not what is kept; if this is meant, write it again (docs/gpu.md):");
        for (const auto& [name, l] : started.launched) {
            kept.launched[name].add(l.least_threads, l.most_dynamic_shared);
            kept.launched[name].add(l.most_threads, l.most_dynamic_shared);
        }
        return status | told(faults_of(kept), "these kernels cannot stay as they are:");
    }

  private:
    // Tests have kernels of their own.
    static void drop_foreign_launches(Kept& kept) {
        std::erase_if(kept.launched, [&](const auto& launch) {
            for (const auto& entry : kept.compiled)
                if (entry.second.count(launch.first)) return false;
            return true;
        });
    }

    static int told(const std::vector<std::string>& lines, const char* what) {
        if (lines.empty()) return 0;
        std::fprintf(stderr, "%s\n", what);
        for (const std::string& line : lines) std::fprintf(stderr, "  %s\n", line.c_str());
        return 1;
    }

    const Arguments& arguments_;
    std::string document_, kernels_, launches_;
    Compiled compiled_;
    Launched launched_;
};

}  // namespace
}  // namespace hb::budget

int main(int count, char** values) {
    hb::budget::Arguments arguments;
    if (!arguments.read(count, values)) {
        std::fputs(hb::budget::kUsage, stderr);
        return 2;
    }
    try {
        hb::budget::Budget budget(arguments);
        return arguments.write ? budget.write() : budget.check();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "kernel_budget: %s\n", error.what());
        return 1;
    }
}
