// The launch of a kernel, as HB_LAUNCH of kernels/launch.cuh asks for it.
#pragma once

#include <cstddef>
#include <memory>
#include <tuple>
#include <utility>

#include <cuda_runtime_api.h>

namespace hb::emulation {

// A kernel with the values of its parameters, taken at the launch as a GPU takes them.
struct BoundKernel {
    const char* name;
    const void* function;
    std::shared_ptr<const void> arguments;
    size_t argument_bytes;
    void (*body)(const void* arguments);
};

#pragma GCC visibility push(hidden)
// Queues it. An error is also kept for cudaGetLastError.
cudaError_t launch(BoundKernel kernel, dim3 grid, dim3 block, size_t dynamic_shared_bytes, cudaStream_t stream);
#pragma GCC visibility pop

template <class... Parameters>
struct Call {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> values;

    static void run(const void* call) {
        const Call& self = *static_cast<const Call*>(call);
        std::apply(self.kernel, self.values);
    }
};

template <class... Parameters, class... Arguments>
cudaError_t launch_kernel(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block,
                          size_t dynamic_shared_bytes, cudaStream_t stream, Arguments&&... arguments) {
    static_assert(sizeof...(Parameters) == sizeof...(Arguments), "the kernel has another number of parameters");
    using Bound = Call<Parameters...>;
    auto bound = std::make_shared<Bound>(
        Bound{kernel, std::tuple<Parameters...>(static_cast<Parameters>(std::forward<Arguments>(arguments))...)});
    return launch({name, reinterpret_cast<const void*>(kernel), std::move(bound), sizeof(Bound), Bound::run}, grid,
                  block, dynamic_shared_bytes, stream);
}

}  // namespace hb::emulation
