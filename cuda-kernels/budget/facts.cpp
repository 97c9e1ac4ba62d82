#include "budget/facts.h"

#include <cxxabi.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace hb::budget {

namespace {

std::ifstream opened(const std::string& path) {
    std::ifstream from(path);
    if (!from) throw std::runtime_error(path + " cannot be read");
    return from;
}

// Of a line that is part of what compile.sh wrote. ptxas names a kernel, and tells of it in the lines that follow.
constexpr const char* kKernelLine = "Compiling entry function '";

int number_before(const std::string& line, const char* what) {
    size_t at = line.find(what);
    if (at == std::string::npos) return 0;
    size_t begin = at;
    while (begin > 0 && std::isdigit(static_cast<unsigned char>(line[begin - 1]))) begin--;
    return begin == at ? 0 : std::stoi(line.substr(begin, at - begin));
}

// Commas of template arguments are within quotes.
std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (char c : line) {
        if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            fields.emplace_back();
        else
            fields.back() += c;
    }
    return fields;
}

std::string quoted(const std::string& text) { return text.find(',') == std::string::npos ? text : '"' + text + '"'; }

// The lines of a table after its comments and its header; each with `columns` fields.
std::vector<std::vector<std::string>> rows_of(const std::string& path, size_t columns) {
    std::ifstream from = opened(path);
    std::vector<std::vector<std::string>> rows;
    bool header = true;
    int number = 0;
    for (std::string line; std::getline(from, line);) {
        number++;
        if (line.empty() || line[0] == '#') continue;
        if (std::exchange(header, false)) continue;
        rows.push_back(fields_of(line));
        if (rows.back().size() != columns)
            throw std::runtime_error(path + ":" + std::to_string(number) + ": expected " + std::to_string(columns) +
                                     " fields");
    }
    return rows;
}

}  // namespace

void Launches::add(int threads, int dynamic_shared) {
    least_threads = least_threads == 0 ? threads : std::min(least_threads, threads);
    most_threads = std::max(most_threads, threads);
    most_dynamic_shared = std::max(most_dynamic_shared, dynamic_shared);
}

std::string readable(const std::string& symbol) {
    int status = 0;
    std::unique_ptr<char, decltype(&std::free)> demangled(
        abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free);
    std::string text = status == 0 ? demangled.get() : symbol;
    // nvcc gives unnamed namespaces names of their own, which the demangler knows.
    for (const char* part : {"(anonymous namespace)::", "hb::cuda::", "hb::"}) {
        for (size_t at; (at = text.find(part)) != std::string::npos;) text.erase(at, std::string(part).size());
    }
    // The parameters: from the parenthesis that is not within template arguments.
    int depth = 0;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '<') depth++;
        if (text[i] == '>') depth--;
        if (text[i] == '(' && depth == 0) {
            text.resize(i);
            break;
        }
    }
    if (text.rfind("void ", 0) == 0) text.erase(0, 5);
    static const std::regex closing(" +>");
    return std::regex_replace(text, closing, ">");
}

CompiledKernels read_resources(const std::string& path, const std::string& file) {
    std::ifstream from = opened(path);
    CompiledKernels kernels;
    Resources* current = nullptr;
    for (std::string line; std::getline(from, line);) {
        if (size_t at = line.find(kKernelLine); at != std::string::npos) {
            const size_t begin = at + std::string(kKernelLine).size();
            current = &kernels[{file, readable(line.substr(begin, line.find('\'', begin) - begin))}];
        } else if (size_t entry = line.find(".entry "); entry != std::string::npos) {
            const size_t begin = entry + std::string(".entry ").size();
            const KernelName name{file, readable(line.substr(begin, line.find('(', begin) - begin))};
            auto found = kernels.find(name);
            if (found == kernels.end())
                throw std::runtime_error(path + ": the PTX has " + name.name + ", of which ptxas told nothing");
            current = &found->second;
        } else if (!current) {
            continue;
        } else if (line.rfind(".maxntid ", 0) == 0) {
            int threads = 1;
            std::istringstream sizes(line.substr(9));
            for (std::string size; std::getline(sizes, size, ',');) threads *= std::stoi(size);
            current->most_threads = threads;
        } else if (line.find("bytes stack frame") != std::string::npos) {
            current->stack = number_before(line, " bytes stack frame");
            current->spills = number_before(line, " bytes spill stores") + number_before(line, " bytes spill loads");
        } else if (line.find("Used ") != std::string::npos) {
            current->registers = number_before(line, " registers");
            current->static_shared = number_before(line, " bytes smem");
        }
    }
    for (const auto& [name, resources] : kernels)
        if (resources.registers == 0) throw std::runtime_error(path + ": no registers are told of " + name.name);
    return kernels;
}

CompiledKernels read_resource_folder(const std::string& folder) {
    CompiledKernels all;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".txt") continue;
        all.merge(read_resources(entry.path().string(), entry.path().stem().string()));
    }
    if (all.empty()) throw std::runtime_error(folder + " tells of no kernel");
    return all;
}

Launched read_launches(const std::string& path) {
    std::ifstream from = opened(path);
    Launched all;
    std::string file, symbol;
    int threads, dynamic_shared;
    while (from >> file >> symbol >> threads >> dynamic_shared)
        all[{file, readable(symbol)}].add(threads, dynamic_shared);
    if (!from.eof()) throw std::runtime_error(path + " has a line that is no launch");
    return all;
}

Kept read_kept(const std::string& kernels_path, const std::string& launches_path) {
    Kept kept;
    std::ifstream from = opened(kernels_path);
    std::string first;
    std::getline(from, first);
    if (first.rfind("# ", 0) != 0) throw std::runtime_error(kernels_path + ": the first line must name the compiler");
    kept.compiler = first.substr(2);
    for (const auto& f : rows_of(kernels_path, 8)) {
        kept.compiled[f[2]][{f[0], f[1]}] = {std::stoi(f[3]), std::stoi(f[4]), std::stoi(f[5]), std::stoi(f[6]),
                                             std::stoi(f[7])};
    }
    for (const auto& f : rows_of(launches_path, 5))
        kept.launched[{f[0], f[1]}] = {std::stoi(f[2]), std::stoi(f[3]), std::stoi(f[4])};
    return kept;
}

void write_kernels(std::ostream& to, const Kept& kept) {
    to << "# " << kept.compiler << '\n'
       << "file,kernel,architecture,registers,static_shared_bytes,stack_bytes,spill_bytes,most_threads\n";
    std::map<KernelName, std::map<std::string, const Resources*>> sorted;
    for (const auto& [architecture, kernels] : kept.compiled)
        for (const auto& [name, resources] : kernels) sorted[name][architecture] = &resources;
    for (const auto& [name, architectures] : sorted)
        for (const auto& [architecture, r] : architectures)
            to << name.file << ',' << quoted(name.name) << ',' << architecture << ',' << r->registers << ','
               << r->static_shared << ',' << r->stack << ',' << r->spills << ',' << r->most_threads << '\n';
}

void write_launches(std::ostream& to, const Launched& launched) {
    to << "file,kernel,least_threads,most_threads,most_dynamic_shared_bytes\n";
    for (const auto& [name, l] : launched)
        to << name.file << ',' << quoted(name.name) << ',' << l.least_threads << ',' << l.most_threads << ','
           << l.most_dynamic_shared << '\n';
}

}  // namespace hb::budget
