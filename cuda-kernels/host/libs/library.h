// A library of NVIDIA's that is loaded when it is first asked for: the build needs none of them, nor their headers. The
// few functions, types and numbers used are declared beside each library from its documentation; they hold for the
// major versions that its Sought names, and others are refused.
#pragma once

#include <string>
#include <vector>

namespace hb::cuda {

class Library {
  public:
    struct Sought {
        const char* name;                // "cuBLAS"
        const char* environment;         // names the file to load instead of `files`
        std::vector<const char*> files;  // newest first; looked for by the loader, then in CUDA's usual folders
        const char* versions;            // "12 or 13"
    };

    bool found() const { return reason_.empty(); }
    // Why it cannot be used; empty where it can.
    const std::string& reason() const { return reason_; }
    // What was loaded, and its version; empty where nothing was.
    const std::string& file() const { return file_; }
    const std::string& version() const { return version_; }
    // Throws Error(HB_ERROR_DEVICE): which library, which versions would do, where it was looked for.
    void require() const;
    // {"file": …, "version": …} or {"reason": …}
    std::string facts() const;

  protected:
    explicit Library(Sought sought);

    template <class Function>
    void bind(Function*& function, const char* symbol) {
        function = reinterpret_cast<Function*>(address(symbol));
    }
    // After all are bound: what was found, where `accepted`.
    void accept(bool accepted, int major, int minor, int patch);

  private:
    void load();
    bool load(const std::string& file);
    void* address(const char* symbol);

    const Sought sought_;
    void* handle_ = nullptr;
    std::string file_, version_, reason_;
};

}  // namespace hb::cuda
