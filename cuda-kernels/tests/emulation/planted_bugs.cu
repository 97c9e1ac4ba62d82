// Bugs that kernels and their host code really have, each beside its twin without: the checker must report every one of
// them under every schedule, with the right kind and its line, and nothing for the twins.
//
//   planted_bugs          all of them under 8 schedules, within the process
//   planted_bugs NAME     one bug, as a program would meet it: what is wrong goes to stderr, and the status is not 0
//
// Built with AddressSanitizer and without the checker, it tries those that are wrong addresses, each in a process.
#include "kernels/launch.cuh"
#include "kernels/mma.cuh"

#include <cstring>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "emulation/report.h"
#include "emulation/schedule.h"
#include "tests/emulation/check.h"

namespace hb::cuda {
void check_launch(const char*, dim3, dim3, size_t) {}
}  // namespace hb::cuda

using namespace hb::test;

namespace {

__device__ __forceinline__ float warp_sum(float v) {
#pragma unroll
    for (int distance = 16; distance; distance >>= 1) v += __shfl_xor_sync(0xffffffffu, v, distance);
    return v;
}

// ---- races in shared memory

// Sums of rows; the partial sums of warps are in shared memory, which the next row uses again.
template <bool after_write, bool after_read>
__global__ void row_sums(const float* x, float* y, int rows, int columns) {
    __shared__ float part[4];
    for (int row = 0; row < rows; row++) {
        float sum = 0;
        for (int i = threadIdx.x; i < columns; i += blockDim.x) sum += x[row * columns + i];
        sum = warp_sum(sum);
        if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
        if (after_write) __syncthreads();
        if (threadIdx.x == 0) y[row] = part[0] + part[1] + part[2] + part[3];
        if (after_read) __syncthreads();
    }
}
template <bool after_write, bool after_read>
void run_row_sums() {
    DeviceArray<float> x(std::vector<float>(4 * 256, 1.0f)), y(4);
    HB_LAUNCH((row_sums<after_write, after_read>), 1, 128, 0, nullptr, x, y, 4, 256);
}
void barrier_after_write(bool bug) { bug ? run_row_sums<false, true>() : run_row_sums<true, true>(); }
void barrier_after_read(bool bug) { bug ? run_row_sums<true, false>() : run_row_sums<true, true>(); }

// A product of 16 x k and k x 16, tile by tile through shared memory.
template <bool bug>
__global__ void tiled_product(const float* a, const float* b, float* c, int k) {
    __shared__ float tile_a[16][17], tile_b[16][17];
    int x = threadIdx.x, y = threadIdx.y;
    float sum = 0;
    for (int k0 = 0; k0 < k; k0 += 16) {
        tile_a[y][x] = a[y * k + k0 + x];
        tile_b[y][x] = b[(k0 + y) * 16 + x];
        __syncthreads();
        for (int i = 0; i < 16; i++) sum = fmaf(tile_a[y][i], tile_b[i][x], sum);
        if (!bug) __syncthreads();
    }
    c[y * 16 + x] = sum;
}
template <bool bug>
void run_tiled_product() {
    DeviceArray<float> a(std::vector<float>(16 * 64, 1.0f)), b(std::vector<float>(16 * 64, 1.0f)), c(256);
    HB_LAUNCH(tiled_product<bug>, 1, dim3(16, 16), 0, nullptr, a, b, c, 64);
}
void barrier_between_tiles(bool bug) { bug ? run_tiled_product<true>() : run_tiled_product<false>(); }

template <bool bug>
__global__ void two_writers(float* y) {
    __shared__ float first;
    if (bug ? threadIdx.x % 32 == 0 : threadIdx.x == 0) first = threadIdx.x;
    __syncthreads();
    y[threadIdx.x] = first;
}
template <bool bug>
void run_two_writers() {
    DeviceArray<float> y(64);
    HB_LAUNCH(two_writers<bug>, 1, 64, 0, nullptr, y);
}
void writers_of_one_word(bool bug) { bug ? run_two_writers<true>() : run_two_writers<false>(); }

template <bool after_write, bool after_read>
__global__ void warp_turn(float* y) {
    __shared__ float s[32];
    float v = threadIdx.x;
    for (int i = 0; i < 3; i++) {
        s[threadIdx.x] = v;
        if (after_write) __syncwarp();
        v = s[31 - threadIdx.x] + 1;
        if (after_read) __syncwarp();
    }
    y[threadIdx.x] = v;
}
template <bool after_write, bool after_read>
void run_warp_turn() {
    DeviceArray<float> y(32);
    HB_LAUNCH((warp_turn<after_write, after_read>), 1, 32, 0, nullptr, y);
}
void syncwarp_after_write(bool bug) { bug ? run_warp_turn<false, true>() : run_warp_turn<true, true>(); }
void syncwarp_after_read(bool bug) { bug ? run_warp_turn<true, false>() : run_warp_turn<true, true>(); }

// A barrier of half a warp does not order the other half.
template <bool bug>
__global__ void half_warp(float* y) {
    __shared__ float s[32];
    unsigned half = threadIdx.x < 16 ? 0x0000ffffu : 0xffff0000u;
    s[threadIdx.x] = threadIdx.x;
    __syncwarp(bug ? half : 0xffffffffu);
    y[threadIdx.x] = s[threadIdx.x ^ 16];
}
template <bool bug>
void run_half_warp() {
    DeviceArray<float> y(32);
    HB_LAUNCH(half_warp<bug>, 1, 32, 0, nullptr, y);
}
void syncwarp_of_too_few(bool bug) { bug ? run_half_warp<true>() : run_half_warp<false>(); }

// ---- races in global memory

template <bool bug>
__global__ void total(const float* x, float* sum) {
    float v = warp_sum(x[blockIdx.x * 32 + threadIdx.x]);
    if (threadIdx.x != 0) return;
    if (bug)
        *sum += v;
    else
        atomicAdd(sum, v);
}
template <bool bug>
void run_total() {
    DeviceArray<float> x(std::vector<float>(128, 1.0f)), sum(std::vector<float>(1));
    HB_LAUNCH(total<bug>, 4, 32, 0, nullptr, x, sum);
}
void sum_without_atomic(bool bug) { bug ? run_total<true>() : run_total<false>(); }

// In place, the neighbour's block may have been before or after.
template <bool bug>
__global__ void smooth(float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float v = x[i] + x[i + 1 < n ? i + 1 : i];
    __syncthreads();
    (bug ? x : y)[i] = v;
}
template <bool bug>
void run_smooth() {
    DeviceArray<float> x(std::vector<float>(128, 1.0f)), y(128);
    HB_LAUNCH(smooth<bug>, 4, 32, 0, nullptr, x, y, 128);
}
void in_place_over_blocks(bool bug) { bug ? run_smooth<true>() : run_smooth<false>(); }

template <bool bug>
__global__ void through_global(float* scratch, float* y) {
    scratch[threadIdx.x] = threadIdx.x;
    if (!bug) __syncthreads();
    y[threadIdx.x] = scratch[63 - threadIdx.x];
}
template <bool bug>
void run_through_global() {
    DeviceArray<float> scratch(64), y(64);
    HB_LAUNCH(through_global<bug>, 1, 64, 0, nullptr, scratch, y);
}
void barrier_around_scratch(bool bug) { bug ? run_through_global<true>() : run_through_global<false>(); }

// ---- the last block to finish adds what the others left

enum class Ticket { right, no_fence, fence_too_early, no_barrier };
template <Ticket kind>
__global__ void last_block(const float* x, float* part, unsigned* ticket, float* sum) {
    __shared__ bool last;
    float* own = part + blockIdx.x * 2;
    if (kind == Ticket::fence_too_early) __threadfence();
    if (threadIdx.x % 32 == 0) own[threadIdx.x / 32] = x[blockIdx.x * 64 + threadIdx.x];
    if (kind != Ticket::no_barrier) __syncthreads();
    if (threadIdx.x == 0) {
        if (kind == Ticket::right || kind == Ticket::no_barrier) __threadfence();
        last = atomicAdd(ticket, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last || threadIdx.x != 0) return;
    float v = 0;
    for (unsigned i = 0; i < gridDim.x * 2; i++) v += part[i];
    *sum = v;
}
template <Ticket kind>
void run_last_block() {
    DeviceArray<float> x(std::vector<float>(256, 1.0f)), part(8), sum(1);
    DeviceArray<unsigned> ticket(std::vector<unsigned>(1));
    HB_LAUNCH(last_block<kind>, 4, 64, 0, nullptr, x, part, ticket, sum);
}
void ticket_without_fence(bool bug) { bug ? run_last_block<Ticket::no_fence>() : run_last_block<Ticket::right>(); }
void fence_before_the_write(bool bug) {
    bug ? run_last_block<Ticket::fence_too_early>() : run_last_block<Ticket::right>();
}
void fence_without_barrier(bool bug) { bug ? run_last_block<Ticket::no_barrier>() : run_last_block<Ticket::right>(); }

// ---- memory

__global__ void copy_all(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i];
}
void run_copy(int n, int n_x, int n_y) {
    DeviceArray<float> x(std::vector<float>(size_t(n_x), 1.0f)), y{size_t(n_y)};
    HB_LAUNCH(copy_all, 2, 64, 0, nullptr, x, y, n);
    (void)cudaDeviceSynchronize();
}
void read_past_the_end(bool bug) { run_copy(100, bug ? 99 : 100, 100); }
void write_past_the_end(bool bug) { run_copy(100, 100, bug ? 99 : 100); }

void use_after_free(bool bug) {
    DeviceArray<float> y(64);
    float* x;
    must(cudaMalloc(reinterpret_cast<void**>(&x), 64 * sizeof(float)), "cudaMalloc");
    must(cudaMemset(x, 0, 64 * sizeof(float)), "cudaMemset");
    if (bug) must(cudaFree(x), "cudaFree");
    HB_LAUNCH(copy_all, 1, 64, 0, nullptr, x, y, 64);
    (void)cudaDeviceSynchronize();
    if (!bug) must(cudaFree(x), "cudaFree");
}

__global__ void fill_dynamic(float* y, int n) {
    HB_DYNAMIC_SHARED(float, s);
    for (int i = threadIdx.x; i < n; i += blockDim.x) s[i] = i;
    __syncthreads();
    y[threadIdx.x] = s[threadIdx.x];
}
void dynamic_shared_too_small(bool bug) {
    DeviceArray<float> y(64);
    HB_LAUNCH(fill_dynamic, 1, 64, (bug ? 70 : 71) * sizeof(float), nullptr, y, 71);
    (void)cudaDeviceSynchronize();
}

template <int n>
__global__ void static_array(float* y, int last) {
    __shared__ float s[n];
    s[threadIdx.x] = threadIdx.x;
    __syncthreads();
    const float* from = s;
    y[threadIdx.x] = from[min(int(threadIdx.x) + 1, last)];
}
void static_shared_too_small(bool bug) {
    DeviceArray<float> y(64);
    HB_LAUNCH(static_array<64>, 1, 64, 0, nullptr, y, bug ? 64 : 63);
    (void)cudaDeviceSynchronize();
}

void null_pointer(bool bug) {
    DeviceArray<float> x(std::vector<float>(64, 1.0f)), y(64);
    HB_LAUNCH(copy_all, 1, 64, 0, nullptr, bug ? nullptr : static_cast<float*>(x), y, 64);
    (void)cudaDeviceSynchronize();
}

void pageable_host_memory(bool bug) {
    std::vector<float> host(64, 1.0f);
    DeviceArray<float> x(host), y(64);
    HB_LAUNCH(copy_all, 1, 64, 0, nullptr, bug ? host.data() : static_cast<float*>(x), y, 64);
    (void)cudaDeviceSynchronize();
}

void other_device(bool bug) {
    DeviceArray<float> x(std::vector<float>(64, 1.0f));
    must(cudaSetDevice(bug ? 1 : 0), "cudaSetDevice");
    {
        DeviceArray<float> y(64);
        HB_LAUNCH(copy_all, 1, 64, 0, nullptr, x, y, 64);
        (void)cudaDeviceSynchronize();
    }
    must(cudaSetDevice(0), "cudaSetDevice");
}

// ---- what nobody wrote

void uninitialised_global(bool bug) {
    DeviceArray<float> x(64), y(64);
    must(cudaMemset(x, 0, (bug ? 63 : 64) * sizeof(float)), "cudaMemset");
    HB_LAUNCH(copy_all, 1, 64, 0, nullptr, x, y, 64);
}

template <bool bug>
__global__ void partly_filled(float* y) {
    __shared__ float s[64];
    if (!bug || threadIdx.x < 60) s[threadIdx.x] = 1;
    __syncthreads();
    y[blockIdx.x * 64 + threadIdx.x] = s[63 - threadIdx.x];
}
template <bool bug>
void run_partly_filled() {
    DeviceArray<float> y(128);
    HB_LAUNCH(partly_filled<bug>, 2, 64, 0, nullptr, y);
}
void uninitialised_shared(bool bug) { bug ? run_partly_filled<true>() : run_partly_filled<false>(); }

// ---- barriers and collectives that not all reach

template <bool bug>
__global__ void barrier_for_some(float* y) {
    if (!bug || threadIdx.x < 32) __syncthreads();
    y[threadIdx.x] = 0;
}
template <bool bug>
void run_barrier_for_some() {
    DeviceArray<float> y(64);
    HB_LAUNCH(barrier_for_some<bug>, 1, 64, 0, nullptr, y);
}
void barrier_in_a_branch(bool bug) { bug ? run_barrier_for_some<true>() : run_barrier_for_some<false>(); }

template <bool bug>
__global__ void return_early(const float* x, float* y, int n) {
    __shared__ float s[64];
    int i = threadIdx.x;
    if (bug && i >= n) return;
    s[i] = i < n ? x[i] : 0;
    __syncthreads();
    if (i < n) y[i] = s[n - 1 - i];
}
template <bool bug>
void run_return_early() {
    DeviceArray<float> x(std::vector<float>(50, 1.0f)), y(50);
    HB_LAUNCH(return_early<bug>, 1, 64, 0, nullptr, x, y, 50);
}
void return_before_a_barrier(bool bug) { bug ? run_return_early<true>() : run_return_early<false>(); }

template <bool bug>
__global__ void two_barriers(float* y) {
    if (bug && threadIdx.x >= 32) {
        y[threadIdx.x] = 1;
        __syncthreads();
    } else {
        y[threadIdx.x] = 2;
        __syncthreads();
    }
    y[threadIdx.x] += 1;
}
template <bool bug>
void run_two_barriers() {
    DeviceArray<float> y(64);
    HB_LAUNCH(two_barriers<bug>, 1, 64, 0, nullptr, y);
}
void different_barriers(bool bug) { bug ? run_two_barriers<true>() : run_two_barriers<false>(); }

template <bool bug>
__global__ void return_before_sum(const float* x, float* y, int n) {
    if (bug && int(threadIdx.x) >= n) return;
    float v = warp_sum(int(threadIdx.x) < n ? x[threadIdx.x] : 0);
    if (threadIdx.x == 0) *y = v;
}
template <bool bug>
void run_return_before_sum() {
    DeviceArray<float> x(std::vector<float>(20, 1.0f)), y(1);
    HB_LAUNCH(return_before_sum<bug>, 1, 32, 0, nullptr, x, y, 20);
}
void return_before_a_shuffle(bool bug) { bug ? run_return_before_sum<true>() : run_return_before_sum<false>(); }

template <bool bug>
__global__ void shuffle_for_some(float* y) {
    float v = threadIdx.x;
    if (!bug || threadIdx.x < 16) v = __shfl_xor_sync(0xffffffffu, v, 1);
    if (bug) __syncthreads();
    y[threadIdx.x] = v;
}
template <bool bug>
void run_shuffle_for_some() {
    DeviceArray<float> y(32);
    HB_LAUNCH(shuffle_for_some<bug>, 1, 32, 0, nullptr, y);
}
void shuffle_in_a_branch(bool bug) { bug ? run_shuffle_for_some<true>() : run_shuffle_for_some<false>(); }

template <bool bug>
__global__ void mask_of_others(float* y) {
    float v = threadIdx.x;
    if (threadIdx.x < 16) v = __shfl_xor_sync(bug ? 0x0000fffeu : 0x0000ffffu, v, 2);
    y[threadIdx.x] = v;
}
template <bool bug>
void run_mask_of_others() {
    DeviceArray<float> y(32);
    HB_LAUNCH(mask_of_others<bug>, 1, 32, 0, nullptr, y);
}
void lane_not_in_its_mask(bool bug) { bug ? run_mask_of_others<true>() : run_mask_of_others<false>(); }

// ---- alignment

__global__ void load_four(const float* x, float* y, int offset) {
    float4 v = *reinterpret_cast<const float4*>(x + offset + 4 * threadIdx.x);
    y[threadIdx.x] = v.x + v.w;
}
void misaligned_vector(bool bug) {
    DeviceArray<float> x(std::vector<float>(200, 1.0f)), y(32);
    HB_LAUNCH(load_four, 1, 32, 0, nullptr, x, y, bug ? 2 : 4);
}

__global__ void load_fragment(uint32_t* y, int offset) {
    __shared__ __align__(16) uint32_t s[32 * 4 + 4];
    for (int i = threadIdx.x; i < 32 * 4 + 4; i += 32) s[i] = i;
    __syncwarp();
    uint32_t r[4];
    hb::cuda::ldmatrix_x4(r, s + 4 * threadIdx.x + offset);
    for (int i = 0; i < 4; i++) y[4 * threadIdx.x + i] = r[i];
}
void misaligned_ldmatrix(bool bug) {
    DeviceArray<uint32_t> y(128);
    HB_LAUNCH(load_fragment, 1, 32, 0, nullptr, y, bug ? 1 : 4);
}

// ---- asynchronous copies: two stages, the next one is copied while this one is used

enum class Pipeline { right, no_wait, wait_too_weak, no_barrier, no_second_barrier };
template <Pipeline kind>
__global__ void pipeline(const float* x, float* y, int tiles) {
    __shared__ __align__(16) float stage[2][256];
    int t = threadIdx.x;
    float sum = 0;
    hb::cuda::cp_async<16>(&stage[0][4 * t], x + 4 * t);
    hb::cuda::cp_async_commit();
    for (int tile = 0; tile < tiles; tile++) {
        if (tile + 1 < tiles) hb::cuda::cp_async<16>(&stage[(tile + 1) % 2][4 * t], x + 256 * (tile + 1) + 4 * t);
        hb::cuda::cp_async_commit();
        if (kind == Pipeline::wait_too_weak)
            hb::cuda::cp_async_wait<2>();
        else if (kind != Pipeline::no_wait)
            hb::cuda::cp_async_wait<1>();
        if (kind != Pipeline::no_barrier) __syncthreads();
        for (int i = 0; i < 4; i++) sum += stage[tile % 2][(4 * t + i * 64) % 256];
        if (kind != Pipeline::no_second_barrier) __syncthreads();
    }
    y[t] = sum;
}
template <Pipeline kind>
void run_pipeline() {
    DeviceArray<float> x(std::vector<float>(5 * 256, 1.0f)), y(64);
    HB_LAUNCH(pipeline<kind>, 1, 64, 0, nullptr, x, y, 5);
}
void copy_without_wait(bool bug) { bug ? run_pipeline<Pipeline::no_wait>() : run_pipeline<Pipeline::right>(); }
void wait_for_too_few(bool bug) { bug ? run_pipeline<Pipeline::wait_too_weak>() : run_pipeline<Pipeline::right>(); }
void copy_without_barrier(bool bug) { bug ? run_pipeline<Pipeline::no_barrier>() : run_pipeline<Pipeline::right>(); }
void copy_over_what_is_read(bool bug) {
    bug ? run_pipeline<Pipeline::no_second_barrier>() : run_pipeline<Pipeline::right>();
}

// ---- the host

void free_of_pinned_in_use(bool bug) {
    DeviceArray<float> x(1024);
    void* host;
    must(cudaMallocHost(&host, 4096), "cudaMallocHost");
    std::memset(host, 0, 4096);
    cudaStream_t stream;
    must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    must(cudaMemcpyAsync(x, host, 4096, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync");
    if (!bug) must(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    must(cudaFreeHost(host), "cudaFreeHost");
    must(cudaStreamDestroy(stream), "cudaStreamDestroy");
}

void copy_past_the_end(bool bug) {
    DeviceArray<float> x(1024);
    std::vector<float> host(1025);
    (void)cudaMemcpy(x, host.data(), (bug ? 1025 : 1024) * sizeof(float), cudaMemcpyHostToDevice);
    (void)cudaGetLastError();
}

void free_twice(bool bug) {
    void* x;
    must(cudaMalloc(&x, 4096), "cudaMalloc");
    must(cudaFree(x), "cudaFree");
    if (bug) (void)cudaFree(x);
    (void)cudaGetLastError();
}

// ---- streams

struct TwoStreams {
    cudaStream_t first, second;
    cudaEvent_t done;
    TwoStreams() {
        must(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
        must(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
        must(cudaEventCreateWithFlags(&done, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    }
    ~TwoStreams() {
        (void)cudaDeviceSynchronize();
        (void)cudaStreamDestroy(first);
        (void)cudaStreamDestroy(second);
        (void)cudaEventDestroy(done);
    }
    // What is queued on the second stream from now on comes after what is on the first.
    void join() {
        must(cudaEventRecord(done, first), "cudaEventRecord");
        must(cudaStreamWaitEvent(second, done, 0), "cudaStreamWaitEvent");
    }
};

void kernels_without_event(bool bug) {
    DeviceArray<float> x(std::vector<float>(64, 1.0f)), y(std::vector<float>(64)), z(64);
    TwoStreams streams;
    HB_LAUNCH(copy_all, 1, 64, 0, streams.first, x, y, 64);
    if (!bug) streams.join();
    HB_LAUNCH(copy_all, 1, 64, 0, streams.second, y, z, 64);
}

void copy_without_event(bool bug) {
    DeviceArray<float> x(std::vector<float>(64)), y(64);
    void* host;
    must(cudaMallocHost(&host, 256), "cudaMallocHost");
    std::memset(host, 0, 256);
    {
        TwoStreams streams;
        must(cudaMemcpyAsync(x, host, 256, cudaMemcpyHostToDevice, streams.first), "cudaMemcpyAsync");
        if (!bug) streams.join();
        HB_LAUNCH(copy_all, 1, 64, 0, streams.second, x, y, 64);
    }
    must(cudaFreeHost(host), "cudaFreeHost");
}

void free_without_event(bool bug) {
    DeviceArray<float> y(64);
    TwoStreams streams;
    float* x;
    must(cudaMallocAsync(reinterpret_cast<void**>(&x), 256, streams.first), "cudaMallocAsync");
    must(cudaMemsetAsync(x, 0, 256, streams.first), "cudaMemsetAsync");
    HB_LAUNCH(copy_all, 1, 64, 0, streams.first, x, y, 64);
    if (!bug) streams.join();
    must(cudaFreeAsync(x, streams.second), "cudaFreeAsync");
}

// What the host waited for is before all that follows, and nothing else is.
void wait_for_the_other_stream(bool bug) {
    DeviceArray<float> x(std::vector<float>(64, 1.0f)), y(std::vector<float>(64)), z(64), w(64);
    TwoStreams streams;
    HB_LAUNCH(copy_all, 1, 64, 0, streams.first, x, y, 64);
    HB_LAUNCH(copy_all, 1, 64, 0, streams.second, x, z, 64);
    must(cudaStreamSynchronize(streams.second), "cudaStreamSynchronize");
    HB_LAUNCH(copy_all, 1, 64, 0, streams.second, bug ? y : z, w, 64);
}

// The branches of a graph meet only where its last node waits for both.
void branches_of_a_graph(bool bug) {
    DeviceArray<float> x(std::vector<float>(64, 1.0f)), y(std::vector<float>(64)), z(64);
    TwoStreams streams;
    cudaGraph_t graph;
    cudaGraphExec_t executable;
    must(cudaStreamBeginCapture(streams.second, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    must(cudaEventRecord(streams.done, streams.second), "cudaEventRecord");
    must(cudaStreamWaitEvent(streams.first, streams.done, 0), "cudaStreamWaitEvent");
    HB_LAUNCH(copy_all, 1, 64, 0, streams.first, x, y, 64);
    if (!bug) streams.join();
    HB_LAUNCH(copy_all, 1, 64, 0, streams.second, y, z, 64);
    if (bug) streams.join();
    must(cudaStreamEndCapture(streams.second, &graph), "cudaStreamEndCapture");
    must(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
    must(cudaGraphLaunch(executable, streams.second), "cudaGraphLaunch");
    must(cudaStreamSynchronize(streams.second), "cudaStreamSynchronize");
    must(cudaGraphExecDestroy(executable), "cudaGraphExecDestroy");
    must(cudaGraphDestroy(graph), "cudaGraphDestroy");
}

// What AddressSanitizer finds as well.
constexpr bool kAddress = true;

struct Bug {
    const char* name;
    const char* report;  // a part of what the checker must say; which access of a race comes last is the schedule's
    void (*run)(bool bug);
    bool address = false;
};

constexpr Bug kBugs[] = {
    {"barrier_after_write", "in shared memory", barrier_after_write},
    {"barrier_after_read", "in shared memory", barrier_after_read},
    {"barrier_between_tiles", "in shared memory", barrier_between_tiles},
    {"writers_of_one_word", "race: write after write, in shared memory", writers_of_one_word},
    {"syncwarp_after_write", "in shared memory", syncwarp_after_write},
    {"syncwarp_after_read", "in shared memory", syncwarp_after_read},
    {"syncwarp_of_too_few", "in shared memory", syncwarp_of_too_few},
    {"sum_without_atomic", "in global memory, between blocks", sum_without_atomic},
    {"in_place_over_blocks", "in global memory, between blocks", in_place_over_blocks},
    {"barrier_around_scratch", "in global memory", barrier_around_scratch},
    {"ticket_without_fence", "race: read after write, in global memory, between blocks", ticket_without_fence},
    {"fence_before_the_write", "race: read after write, in global memory, between blocks", fence_before_the_write},
    {"fence_without_barrier", "race: read after write, in global memory, between blocks", fence_without_barrier},
    {"read_past_the_end", "memory: read of global memory out of bounds", read_past_the_end, kAddress},
    {"write_past_the_end", "memory: write of global memory out of bounds", write_past_the_end, kAddress},
    {"use_after_free", "memory: read of global memory out of bounds, or freed", use_after_free, kAddress},
    {"dynamic_shared_too_small", "memory: write beyond the dynamic shared memory", dynamic_shared_too_small, kAddress},
    {"static_shared_too_small", "init: read of shared memory that nothing was written to", static_shared_too_small,
     kAddress},
    {"null_pointer", "memory: read of an address that is no memory of the device", null_pointer, kAddress},
    {"pageable_host_memory", "memory: read of an address that is no memory of the device", pageable_host_memory},
    {"other_device", "memory: access to the memory of another device", other_device},
    {"uninitialised_global", "init: read of global memory", uninitialised_global},
    {"uninitialised_shared", "init: read of shared memory", uninitialised_shared},
    {"barrier_in_a_branch", "sync: ", barrier_in_a_branch},
    {"return_before_a_barrier", "sync: ", return_before_a_barrier},
    {"different_barriers", "sync: threads of a block wait at different barriers", different_barriers},
    {"return_before_a_shuffle", "sync: the mask of a collective names lanes that have returned",
     return_before_a_shuffle},
    {"shuffle_in_a_branch", "deadlock: threads wait forever", shuffle_in_a_branch},
    {"lane_not_in_its_mask", "sync: the calling lane is not in the mask", lane_not_in_its_mask},
    {"misaligned_vector", "memory: address that is not aligned", misaligned_vector, kAddress},
    {"misaligned_ldmatrix", "memory: address that is not aligned", misaligned_ldmatrix},
    {"copy_without_wait", "async: access to the destination", copy_without_wait},
    {"wait_for_too_few", "async: access to the destination", wait_for_too_few},
    {"copy_without_barrier", "race: read after write, in shared memory", copy_without_barrier},
    {"copy_over_what_is_read", "in shared memory", copy_over_what_is_read},
    {"kernels_without_event", "in global memory, between streams", kernels_without_event},
    {"copy_without_event", "in global memory, between streams", copy_without_event},
    {"free_without_event", "global memory", free_without_event},
    {"wait_for_the_other_stream", "in global memory, between streams", wait_for_the_other_stream},
    {"branches_of_a_graph", "in global memory, between streams", branches_of_a_graph},
    {"free_of_pinned_in_use", "memory: freed while queued work uses it", free_of_pinned_in_use},
    {"copy_past_the_end", "memory: a copy or fill goes out of bounds", copy_past_the_end},
    {"free_twice", "memory: what is freed was not allocated", free_twice},
};

std::vector<hb::emulation::Finding> findings_of(const Bug& one, bool bug) {
    one.run(bug);
    (void)cudaDeviceSynchronize();
    auto findings = hb::emulation::take_findings(true);
    (void)cudaDeviceReset();
    return findings;
}

#ifdef __SANITIZE_ADDRESS__
// The sanitizer ends the process at the first wrong address, so a child makes it.
bool dies(const Bug& one) {
    std::fflush(nullptr);
    pid_t child = fork();
    if (child == 0) {
        (void)!std::freopen("/dev/null", "w", stderr);
        one.run(true);
        (void)cudaDeviceSynchronize();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

void try_all() {
    for (const char* schedule : kSchedules) {
        hb::emulation::set_schedule(schedule);
        for (const Bug& one : kBugs) {
            auto clean = findings_of(one, false);
            check(clean.empty(), "%s, schedule %s: the twin without the bug was reported", one.name, schedule);
            if (one.address) check(dies(one), "%s, schedule %s: not found", one.name, schedule);
        }
    }
}
#else
void try_all() {
    for (const char* schedule : kSchedules) {
        hb::emulation::set_schedule(schedule);
        for (const Bug& one : kBugs) {
            auto clean = findings_of(one, false);
            check(clean.empty(), "%s, schedule %s: the twin without the bug was reported: %s, %s, %s", one.name,
                  schedule, clean.empty() ? "" : clean[0].what.c_str(), clean.empty() ? "" : clean[0].where.c_str(),
                  clean.empty() ? "" : clean[0].lines.c_str());
            auto found = findings_of(one, true);
            bool named = false, placed = false;
            for (const auto& finding : found) {
                if (finding.what.find(one.report) == std::string::npos) continue;
                named = true;
                placed |= !finding.pc || finding.lines.find("planted_bugs.cu:") != std::string::npos;
            }
            check(named, "%s, schedule %s: not reported as '%s'; %zu findings, the first: %s", one.name, schedule,
                  one.report, found.size(), found.empty() ? "" : found[0].what.c_str());
            check(!named || placed, "%s, schedule %s: reported without its line", one.name, schedule);
        }
    }
}
#endif

}  // namespace

int main(int count, char** arguments) {
    if (count == 1) {
        try_all();
        return finish("planted_bugs");
    }
    for (const Bug& one : kBugs) {
        if (std::strcmp(one.name, arguments[1]) != 0) continue;
        one.run(true);
        (void)cudaDeviceSynchronize();
        return 0;
    }
    std::fprintf(stderr, "planted_bugs: no bug is called %s\n", arguments[1]);
    return 2;
}
