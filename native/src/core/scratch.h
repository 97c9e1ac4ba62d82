// Temporary memory of a kernel, from the caching allocator: no malloc once warm. Content is undefined.
#pragma once

#include <cstdint>

namespace hb {

void* allocate_host(int64_t bytes);  // 64-byte aligned; throws Error(HB_ERROR_MEMORY)
void release_host(void* data);

template <class T>
class Scratch {
  public:
    explicit Scratch(int64_t count) : data_(count > 0 ? static_cast<T*>(allocate_host(count * sizeof(T))) : nullptr) {}
    ~Scratch() {
        if (data_) release_host(data_);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    T* data() const { return data_; }
    T& operator[](int64_t i) const { return data_[i]; }

  private:
    T* data_;
};

}  // namespace hb
