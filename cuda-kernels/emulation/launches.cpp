#include "emulation/launches.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include "emulation/report.h"

namespace hb::emulation {

namespace {

struct Symbol {
    std::string file;  // "gemm" for gemm.cu, which is compiled as gemm.cpp
    std::string name;
};

// Functions of a program or library by their addresses in it. Kernels are not exported, so the dynamic linker does not
// know them; the table for debuggers does, and names the source file before the functions that it alone sees.
std::map<uint64_t, Symbol> functions_of(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
    std::map<uint64_t, Symbol> functions;
    if (bytes.size() < sizeof(Elf64_Ehdr)) return functions;
    const auto& header = *reinterpret_cast<const Elf64_Ehdr*>(bytes.data());
    const auto* sections = reinterpret_cast<const Elf64_Shdr*>(bytes.data() + header.e_shoff);
    for (int i = 0; i < header.e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB) continue;
        const auto* symbols = reinterpret_cast<const Elf64_Sym*>(bytes.data() + sections[i].sh_offset);
        const char* names = bytes.data() + sections[sections[i].sh_link].sh_offset;
        std::string file;
        for (size_t s = 0; s < sections[i].sh_size / sizeof(Elf64_Sym); s++) {
            const char* name = names + symbols[s].st_name;
            const int type = ELF64_ST_TYPE(symbols[s].st_info);
            if (type == STT_FILE) {
                file = name;
                file.resize(std::min(file.size(), file.find('.')));
            } else if (type == STT_FUNC && symbols[s].st_value != 0) {
                functions.emplace(symbols[s].st_value, Symbol{file, name});
            }
        }
    }
    return functions;
}

const Symbol* symbol_of(const void* function) {
    static std::map<const void*, std::map<uint64_t, Symbol>> modules;
    Dl_info info;
    if (!dladdr(function, &info)) return nullptr;
    auto found = modules.find(info.dli_fbase);
    if (found == modules.end()) {
        // A library that was loaded by its path keeps it; a program may have been found by its name alone.
        const std::string path = info.dli_fname[0] == '/' ? info.dli_fname : "/proc/self/exe";
        found = modules.emplace(info.dli_fbase, functions_of(path)).first;
    }
    auto address = reinterpret_cast<uintptr_t>(function);
    if (static_cast<const Elf64_Ehdr*>(info.dli_fbase)->e_type == ET_DYN)
        address -= reinterpret_cast<uintptr_t>(info.dli_fbase);
    auto symbol = found->second.find(address);
    return symbol == found->second.end() ? nullptr : &symbol->second;
}

}  // namespace

void record_launch(const void* kernel, uint64_t threads, size_t dynamic_shared_bytes) {
    static const char* path = std::getenv("HORNBEAM_EMULATED_LAUNCHES");
    if (!path || !*path) return;
    static std::set<std::tuple<const void*, uint64_t, size_t>> known;
    if (!known.emplace(kernel, threads, dynamic_shared_bytes).second) return;
    const Symbol* symbol = symbol_of(kernel);
    if (!symbol) exit_with("HORNBEAM_EMULATED_LAUNCHES: a kernel has no symbol; was the library stripped?");
    const std::string line = symbol->file + ' ' + symbol->name + ' ' + std::to_string(threads) + ' ' +
                             std::to_string(dynamic_shared_bytes) + '\n';
    // One write to the end: several processes may share the file.
    static const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0 || write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        exit_with("HORNBEAM_EMULATED_LAUNCHES: '%s' cannot be written", path);
}

}  // namespace hb::emulation
