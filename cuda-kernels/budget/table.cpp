#include "budget/table.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "budget/occupancy.h"

namespace hb::budget {

namespace {

constexpr const char* kBegin = "<!-- kernels: made by budget-write -->\n";
constexpr const char* kEnd = "<!-- end of kernels -->\n";

struct Range {
    int least = 0, most = 0;
    bool any = false;

    void add(int value) {
        least = any ? std::min(least, value) : value;
        most = any ? std::max(most, value) : value;
        any = true;
    }
    std::string text() const {
        if (!any) return "";
        return least == most ? std::to_string(most) : std::to_string(least) + "–" + std::to_string(most);
    }
};

// All instances of a kernel template in one file.
struct Family {
    int instances = 0, started = 0;
    Range threads, static_shared, dynamic_shared;
    struct OnArchitecture {
        Range registers, blocks, percent;
        std::set<std::string> limits;
    };
    std::map<std::string, OnArchitecture> on;
};

const Launches* launches_of(const Kept& kept, const KernelName& name) {
    auto found = kept.launched.find(name);
    return found == kept.launched.end() ? nullptr : &found->second;
}

std::string full(const KernelName& name) { return name.file + ".cu: " + name.name; }

std::string text_of(const Resources& r) {
    return std::to_string(r.registers) + " registers, " + std::to_string(r.static_shared) + " B shared, " +
           std::to_string(r.stack) + " B stack, " + std::to_string(r.spills) + " B spilled, " +
           std::to_string(r.most_threads) + " threads at most";
}

// ptxas does not always choose alike: of the same PTX it has made 94 registers and 96.
constexpr int kRegistersOfChance = 4;

bool same(Resources kept, const Resources& found) {
    if (std::abs(kept.registers - found.registers) <= kRegistersOfChance) kept.registers = found.registers;
    return kept == found;
}

}  // namespace

std::string table_of(const Kept& kept) {
    // By the architecture that the table of the next one is read beside: 80 before 90a before 100.
    std::vector<std::string> architectures;
    for (const auto& entry : kept.compiled) architectures.push_back(entry.first);
    std::sort(architectures.begin(), architectures.end(),
              [](const auto& a, const auto& b) { return std::stoi(a.substr(3)) < std::stoi(b.substr(3)); });

    std::map<std::string, std::map<std::string, Family>> files;
    std::set<KernelName> names;
    int started = 0;
    for (const std::string& architecture : architectures) {
        for (const auto& [name, resources] : kept.compiled.at(architecture)) {
            Family& family = files[name.file][name.family()];
            Family::OnArchitecture& on = family.on[architecture];
            const Launches* launches = launches_of(kept, name);
            if (names.insert(name).second) {
                family.instances++;
                family.started += launches ? 1 : 0;
                started += launches ? 1 : 0;
            }
            family.static_shared.add(resources.static_shared);
            on.registers.add(resources.registers);
            if (!launches) continue;
            family.threads.add(launches->least_threads);
            family.threads.add(launches->most_threads);
            family.dynamic_shared.add(launches->most_dynamic_shared);
            const Occupancy held =
                occupancy(architecture, resources, launches->most_threads, launches->most_dynamic_shared);
            on.blocks.add(held.blocks);
            on.percent.add(held.percent);
            on.limits.insert(held.limit);
        }
    }

    std::string text = std::to_string(names.size()) + " kernels, " + kept.compiler + "; tests start " +
                       std::to_string(started) + " of them.\n";
    for (const auto& [file, families] : files) {
        text += "\n### " + file + ".cu\n\n| kernel | instances | started | threads | shared memory, static | dynamic |";
        for (const std::string& a : architectures) text += " " + a + ": registers | blocks | warps, % | limit |";
        text += "\n|---|---|---|---|---|---|";
        for (size_t i = 0; i < architectures.size(); i++) text += "---|---|---|---|";
        text += '\n';
        for (const auto& [kernel, f] : families) {
            text += "| " + kernel + " | " + std::to_string(f.instances) + " | " + std::to_string(f.started) + " | " +
                    f.threads.text() + " | " + f.static_shared.text() + " | " + f.dynamic_shared.text() + " |";
            for (const std::string& a : architectures) {
                auto on = f.on.find(a);
                if (on == f.on.end()) {
                    text += " | | | |";
                    continue;
                }
                std::string limits;
                for (const std::string& limit : on->second.limits) limits += (limits.empty() ? "" : ", ") + limit;
                text += " " + on->second.registers.text() + " | " + on->second.blocks.text() + " | " +
                        on->second.percent.text() + " | " + limits + " |";
            }
            text += '\n';
        }
    }
    return text;
}

std::string with_tables(const std::string& text, const std::string& tables) {
    const size_t begin = text.find(kBegin), end = text.find(kEnd);
    if (begin == std::string::npos || end == std::string::npos || end < begin)
        throw std::runtime_error(std::string("the lines that mark the tables are missing: ") + kBegin + kEnd);
    return text.substr(0, begin) + kBegin + '\n' + tables + '\n' + text.substr(end);
}

std::vector<std::string> faults_of(const Kept& kept) {
    std::vector<std::string> faults;
    for (const auto& [architecture, kernels] : kept.compiled) {
        for (const auto& [name, r] : kernels) {
            const std::string where = architecture + ", " + full(name) + ": ";
            if (r.spills > 0) faults.push_back(where + std::to_string(r.spills) + " bytes of spilled registers");
            if (r.stack > 0) faults.push_back(where + std::to_string(r.stack) + " bytes of stack");
            const Launches* launches = launches_of(kept, name);
            if (!launches) continue;
            if (r.most_threads > 0 && launches->most_threads > r.most_threads)
                faults.push_back(where + "started with " + std::to_string(launches->most_threads) +
                                 " threads, and its __launch_bounds__ say " + std::to_string(r.most_threads));
            else if (occupancy(architecture, r, launches->most_threads, launches->most_dynamic_shared).blocks == 0)
                faults.push_back(where + "no multiprocessor holds a block of " +
                                 std::to_string(launches->most_threads) + " threads with " +
                                 std::to_string(launches->most_dynamic_shared) + " bytes of dynamic shared memory");
        }
    }
    return faults;
}

std::vector<std::string> differences(const std::string& architecture, const CompiledKernels& kept,
                                     const CompiledKernels& found) {
    std::vector<std::string> lines;
    for (const auto& [name, r] : found) {
        auto before = kept.find(name);
        const std::string where = architecture + ", " + full(name) + ": ";
        if (before == kept.end())
            lines.push_back(where + "is new: " + text_of(r));
        else if (!same(before->second, r))
            lines.push_back(where + text_of(r) + "; was " + text_of(before->second));
    }
    for (const auto& entry : kept)
        if (!found.count(entry.first)) lines.push_back(architecture + ", " + full(entry.first) + ": is gone");
    return lines;
}

std::vector<std::string> new_launches(const Launched& kept, const Launched& found) {
    std::vector<std::string> lines;
    for (const auto& [name, l] : found) {
        auto before = kept.find(name);
        if (before == kept.end())
            lines.push_back(full(name) + ": was never started by a test before");
        else if (l.least_threads < before->second.least_threads || l.most_threads > before->second.most_threads ||
                 l.most_dynamic_shared > before->second.most_dynamic_shared)
            lines.push_back(full(name) + ": " + std::to_string(l.least_threads) + " to " +
                            std::to_string(l.most_threads) + " threads and up to " +
                            std::to_string(l.most_dynamic_shared) + " bytes of dynamic shared memory; were " +
                            std::to_string(before->second.least_threads) + " to " +
                            std::to_string(before->second.most_threads) + " and " +
                            std::to_string(before->second.most_dynamic_shared));
    }
    return lines;
}

}  // namespace hb::budget
