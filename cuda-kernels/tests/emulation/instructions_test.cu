// Collectives, atomics, mma, ldmatrix and cp.async against plain loops, under 8 schedules. In checked builds nothing
// may be reported either.
#include "kernels/launch.cuh"
#include "kernels/mma.cuh"

#include <cmath>
#include <cstring>

#include "emulation/report.h"
#include "emulation/schedule.h"
#include "tests/emulation/check.h"

namespace hb::cuda {
void check_launch(const char* kernel, dim3, dim3, size_t) { hb::test::must(cudaGetLastError(), kernel); }
}  // namespace hb::cuda

using namespace hb::test;

namespace {

const char* schedule_name = "";

// ---- shuffles, votes and reductions

struct Shuffled {
    int up, down, across, first;
    double wide;
    char narrow;
};

__global__ void shuffle(Shuffled* out, int width) {
    int lane = threadIdx.x % 32, v = 100 + threadIdx.x;
    Shuffled s;
    s.up = __shfl_up_sync(~0u, v, 3, width);
    s.down = __shfl_down_sync(~0u, v, 5, width);
    s.across = __shfl_xor_sync(~0u, v, 4, width);
    s.first = __shfl_sync(~0u, v, lane % 7, width);
    s.wide = __shfl_sync(~0u, 0.5 * v, 31, width);
    s.narrow = __shfl_up_sync(~0u, static_cast<char>(lane), 1, width);
    out[threadIdx.x] = s;
}

void test_shuffles() {
    for (int width : {32, 16, 8}) {
        DeviceArray<Shuffled> out(96);
        HB_LAUNCH(shuffle, 1, 96, 0, nullptr, out, width);
        auto got = out.values();
        for (int i = 0; i < 96; i++) {
            int lane = i % 32, base = lane / width * width, start = i - lane, in = lane - base;
            auto value = [&](int of_lane) { return 100 + start + of_lane; };
            const Shuffled& s = got[static_cast<size_t>(i)];
            bool right = s.up == value(in < 3 ? lane : lane - 3) &&
                         s.down == value(in + 5 >= width ? lane : lane + 5) && s.across == value(lane ^ 4) &&
                         s.first == value(base + lane % 7 % width) && s.wide == 0.5 * value(base + 31 % width) &&
                         s.narrow == (in < 1 ? lane : lane - 1);
            check(right, "shuffles of width %d, thread %d, schedule %s", width, i, schedule_name);
        }
    }
}

struct Voted {
    unsigned ballot, all, any, sum, smallest, same;
    int largest, counted, block_all, block_any;
};

// Two halves of a warp vote by themselves, in both arms of a branch.
__global__ void vote(Voted* out) {
    int i = threadIdx.x, lane = i % 32;
    unsigned mask = lane < 12 ? 0x00000fffu : 0xfffff000u;
    Voted v;
    if (lane < 12) {
        v.ballot = __ballot_sync(mask, lane % 3 == 0);
        v.sum = __reduce_add_sync(mask, static_cast<unsigned>(i));
    } else {
        v.ballot = __ballot_sync(mask, lane % 5 == 0);
        v.sum = __reduce_add_sync(mask, 1u);
    }
    __syncwarp();
    v.all = __all_sync(~0u, lane < 32);
    v.any = __any_sync(~0u, lane == 32);
    v.smallest = __reduce_min_sync(~0u, static_cast<unsigned>(7 + lane));
    v.largest = __reduce_max_sync(~0u, -5 - lane);
    v.same = __match_any_sync(~0u, lane % 4);
    v.counted = __syncthreads_count(i % 3 == 0);
    v.block_all = __syncthreads_and(i < 64);
    v.block_any = __syncthreads_or(i == 63);
    out[i] = v;
}

void test_votes() {
    DeviceArray<Voted> out(64);
    HB_LAUNCH(vote, 1, 64, 0, nullptr, out);
    auto got = out.values();
    for (unsigned i = 0; i < 64; i++) {
        unsigned lane = i % 32, start = i - lane;
        const Voted& v = got[i];
        unsigned ballot = 0, sum = 0;
        for (unsigned l = 0; l < 32; l++) {
            if ((l < 12) != (lane < 12)) continue;
            if (l % (lane < 12 ? 3 : 5) == 0) ballot |= 1u << l;
            sum += lane < 12 ? start + l : 1;
        }
        check(v.ballot == ballot && v.sum == sum, "votes of part of a warp, thread %u, schedule %s", i, schedule_name);
        check(v.all == 1 && v.any == 0 && v.smallest == 7 && v.largest == -5 && v.same == 0x11111111u << lane % 4,
              "votes of a warp, thread %u, schedule %s", i, schedule_name);
        check(v.counted == 22 && v.block_all == 1 && v.block_any == 1, "votes of a block, thread %u, schedule %s", i,
              schedule_name);
    }
}

// ---- atomics

__global__ void count_all(int* number, float* sum, unsigned* largest, unsigned long long* bits, unsigned* ring) {
    __shared__ int of_block;
    if (threadIdx.x == 0) of_block = 0;
    __syncthreads();
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&of_block, i);
    atomicAdd(sum, 0.5f);
    atomicMax(largest, static_cast<unsigned>(i * 7 % 1000));
    atomicOr(bits, 1ull << i % 64);
    atomicInc(ring, 9);
    __syncthreads();
    if (threadIdx.x == 0) atomicAdd(number, of_block);
    // A lock-free maximum by compare and swap.
    int old = atomicAdd(&number[1], 0);
    while (old < i) {
        int seen = atomicCAS(&number[1], old, i);
        if (seen == old) break;
        old = seen;
    }
}

void test_atomics() {
    DeviceArray<int> number(std::vector<int>(2));
    DeviceArray<float> sum(std::vector<float>(1));
    DeviceArray<unsigned> largest(std::vector<unsigned>(1)), ring(std::vector<unsigned>(1));
    DeviceArray<unsigned long long> bits(std::vector<unsigned long long>(1));
    HB_LAUNCH(count_all, 3, 100, 0, nullptr, number, sum, largest, bits, ring);
    check(number.values()[0] == 299 * 300 / 2, "atomicAdd of integers, schedule %s", schedule_name);
    check(number.values()[1] == 299, "atomicCAS, schedule %s", schedule_name);
    check(sum.values()[0] == 150, "atomicAdd of floats, schedule %s", schedule_name);
    check(largest.values()[0] == 995, "atomicMax gave %u, schedule %s", largest.values()[0], schedule_name);
    check(bits.values()[0] == ~0ull, "atomicOr, schedule %s", schedule_name);
    check(ring.values()[0] == 0, "atomicInc wraps, schedule %s", schedule_name);
}

// ---- products of small matrices, through shared memory and ldmatrix

__device__ __forceinline__ uint32_t pair_of(const __nv_bfloat16* at) { return *reinterpret_cast<const uint32_t*>(at); }

// d (16 x 8) = c + a (16 x 16) b (16 x 8); b is stored by columns for _x2 and by rows for _x2_trans.
template <bool through_ldmatrix, bool transposed>
__global__ void product_bf16(const __nv_bfloat16* a, const __nv_bfloat16* b, float* d) {
    __shared__ __align__(16) __nv_bfloat16 tile_a[16][16], tile_b[16][16];
    int lane = threadIdx.x, g = lane / 4, t = lane % 4;
    for (int i = lane; i < 256; i += 32) tile_a[i / 16][i % 16] = a[i];
    for (int i = lane; i < 128; i += 32) {
        if (transposed)
            tile_b[i / 8][i % 8] = b[i];  // row k, column n
        else
            tile_b[i % 8][i / 8] = b[i];  // row n, column k
    }
    __syncwarp();
    uint32_t fa[4], fb[2];
    if (through_ldmatrix) {
        hb::cuda::ldmatrix_x4(fa, &tile_a[lane % 16][lane / 16 * 8]);
        if (transposed)
            hb::cuda::ldmatrix_x2_trans(fb, &tile_b[lane % 16][0]);
        else
            hb::cuda::ldmatrix_x2(fb, &tile_b[lane % 8][lane / 8 % 2 * 8]);
    } else {
        fa[0] = pair_of(&tile_a[g][2 * t]);
        fa[1] = pair_of(&tile_a[g + 8][2 * t]);
        fa[2] = pair_of(&tile_a[g][2 * t + 8]);
        fa[3] = pair_of(&tile_a[g + 8][2 * t + 8]);
        fb[0] = pair_of(&tile_b[g][2 * t]);
        fb[1] = pair_of(&tile_b[g][2 * t + 8]);
    }
    float sum[4];
    for (int i = 0; i < 4; i++) sum[i] = 1000 * (g + 8 * (i / 2)) + 2 * t + i % 2;
    hb::cuda::mma_m16n8k16_bf16(sum, fa, fb);
    for (int i = 0; i < 4; i++) d[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2] = sum[i];
}

__global__ void product_tf32(const float* a, const float* b, float* d) {
    int lane = threadIdx.x, g = lane / 4, t = lane % 4;
    uint32_t fa[4] = {__float_as_uint(a[g * 8 + t]), __float_as_uint(a[(g + 8) * 8 + t]),
                      __float_as_uint(a[g * 8 + t + 4]), __float_as_uint(a[(g + 8) * 8 + t + 4])};
    uint32_t fb[2] = {__float_as_uint(b[t * 8 + g]), __float_as_uint(b[(t + 4) * 8 + g])};
    float sum[4] = {};
    hb::cuda::mma_m16n8k8_tf32(sum, fa, fb);
    for (int i = 0; i < 4; i++) d[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2] = sum[i];
}

// Small whole numbers: products and sums are exact in any order.
int entry(int i, int salt) { return (i * 37 + salt) % 19 - 9; }

void compare_product(const char* what, const std::vector<float>& got, int k, bool with_c) {
    for (int row = 0; row < 16; row++) {
        for (int column = 0; column < 8; column++) {
            float wanted = with_c ? 1000.0f * row + column : 0;
            for (int i = 0; i < k; i++) wanted += static_cast<float>(entry(row * k + i, 1) * entry(i * 8 + column, 5));
            float v = got[static_cast<size_t>(row * 8 + column)];
            check(v == wanted, "%s at (%d, %d): %g, expected %g, schedule %s", what, row, column, v, wanted,
                  schedule_name);
        }
    }
}

void test_products() {
    std::vector<__nv_bfloat16> a(256), b(128);
    for (int i = 0; i < 256; i++) a[static_cast<size_t>(i)] = __float2bfloat16_rn(static_cast<float>(entry(i, 1)));
    for (int i = 0; i < 128; i++) b[static_cast<size_t>(i)] = __float2bfloat16_rn(static_cast<float>(entry(i, 5)));
    DeviceArray<__nv_bfloat16> device_a(a), device_b(b);
    DeviceArray<float> d(128);
    HB_LAUNCH((product_bf16<false, false>), 1, 32, 0, nullptr, device_a, device_b, d);
    compare_product("mma of bf16", d.values(), 16, true);
    HB_LAUNCH((product_bf16<true, false>), 1, 32, 0, nullptr, device_a, device_b, d);
    compare_product("mma of bf16 with ldmatrix", d.values(), 16, true);
    HB_LAUNCH((product_bf16<true, true>), 1, 32, 0, nullptr, device_a, device_b, d);
    compare_product("mma of bf16 with transposing ldmatrix", d.values(), 16, true);

    std::vector<float> wide_a(128), wide_b(64);
    // Bits that tf32 does not have are ignored.
    auto blurred = [](int v) {
        return v == 0 ? 0.0f : __uint_as_float(__float_as_uint(static_cast<float>(v)) | 0x1fff);
    };
    for (int i = 0; i < 128; i++) wide_a[static_cast<size_t>(i)] = blurred(entry(i, 1));
    for (int i = 0; i < 64; i++) wide_b[static_cast<size_t>(i)] = blurred(entry(i, 5));
    DeviceArray<float> device_wide_a(wide_a), device_wide_b(wide_b);
    HB_LAUNCH(product_tf32, 1, 32, 0, nullptr, device_wide_a, device_wide_b, d);
    compare_product("mma of tf32", d.values(), 8, false);
}

// ---- asynchronous copies

// Before the wait the destination holds what it held; of the last `missing` bytes there are zeros after it.
__global__ void copy_tiles(const float* x, float* before, float* after) {
    __shared__ __align__(16) float s[64];
    int i = threadIdx.x;
    for (int j = 0; j < 4; j++) s[4 * i + j] = -1;
    hb::cuda::cp_async<16>(&s[4 * i], x + 4 * i, i == 15 ? 8 : 16);
    hb::cuda::cp_async_commit();
    float seen[4];
#ifndef HB_EMULATION_CHECKED  // which would rightly report it
    for (int j = 0; j < 4; j++) seen[j] = s[4 * i + j];
#else
    for (int j = 0; j < 4; j++) seen[j] = -1;
#endif
    hb::cuda::cp_async_wait<0>();
    for (int j = 0; j < 4; j++) {
        before[4 * i + j] = seen[j];
        after[4 * i + j] = s[4 * i + j];
    }
}

void test_copies() {
    std::vector<float> values(64);
    for (size_t i = 0; i < 64; i++) values[i] = static_cast<float>(i);
    DeviceArray<float> x(values), before(64), after(64);
    HB_LAUNCH(copy_tiles, 1, 16, 0, nullptr, x, before, after);
    auto got_before = before.values(), got_after = after.values();
    for (size_t i = 0; i < 64; i++) {
        check(got_before[i] == -1, "a copy was made before its wait, schedule %s", schedule_name);
        check(got_after[i] == (i < 62 ? values[i] : 0.0f), "after the wait [%zu] = %g, schedule %s", i, got_after[i],
              schedule_name);
    }
}

// ---- grids, blocks and dynamic shared memory

__global__ void where_am_i(uint32_t* out) {
    HB_DYNAMIC_SHARED(uint32_t, s);
    uint32_t thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    uint32_t block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    uint32_t threads = blockDim.x * blockDim.y * blockDim.z;
    s[thread] = block * threads + thread;
    __syncthreads();
    out[block * threads + thread] = s[threads - 1 - thread];
}

void test_indices() {
    DeviceArray<uint32_t> out(2 * 3 * 2 * 60);
    HB_LAUNCH(where_am_i, dim3(2, 3, 2), dim3(5, 4, 3), 60 * sizeof(uint32_t), nullptr, out);
    auto got = out.values();
    for (uint32_t i = 0; i < got.size(); i++) {
        check(got[i] == i / 60 * 60 + 59 - i % 60, "index %u, schedule %s", i, schedule_name);
    }
}

__global__ void bits(uint32_t* out) {
    out[0] = __brev(0x00000001u);
    out[1] = static_cast<uint32_t>(__clz(1) + 100 * __popc(0xf0f0u) + 10000 * __ffs(8));
    out[2] = __byte_perm(0x33221100u, 0x77665544u, 0x7520);
    out[3] = __funnelshift_l(0x80000000u, 1u, 1);
    out[4] = __umulhi(0x80000000u, 6u);
    out[5] = static_cast<uint32_t>(__float2int_rn(2.5f) + 10 * __float2int_rz(-2.5f) + 100 * __float2int_ru(2.1f));
    out[6] = static_cast<uint32_t>(__float2int_rn(1e20f));
    out[7] = max(3u, 2) + static_cast<uint32_t>(min(5.0f, 7.0f));
    out[8] = rsqrtf(4.0f) == 0.5f && __fmaf_rn(2.0f, 3.0f, 1.0f) == 7.0f;
    out[9] = __bfloat162float(__float2bfloat16_rn(1.00390625f)) == 1.0f;  // a tie goes to the even neighbour
}

void test_intrinsics() {
    DeviceArray<uint32_t> out(10);
    HB_LAUNCH(bits, 1, 1, 0, nullptr, out);
    std::vector<uint32_t> wanted{
        0x80000000u, 31 + 800 + 40000, 0x77552200u, 3, 3, static_cast<uint32_t>(2 - 20 + 300), 0x7fffffffu, 8, 1, 1};
    auto got = out.values();
    for (size_t i = 0; i < wanted.size(); i++) {
        check(got[i] == wanted[i], "intrinsic %zu: %#x, expected %#x", i, got[i], wanted[i]);
    }
}

}  // namespace

int main() {
    for (const char* schedule : kSchedules) {
        hb::emulation::set_schedule(schedule);
        schedule_name = schedule;
        test_shuffles();
        test_votes();
        test_atomics();
        test_products();
        test_copies();
        test_indices();
        test_intrinsics();
        for (const auto& finding : hb::emulation::take_findings(true)) {
            check(false, "reported: %s, %s, %s", finding.what.c_str(), finding.where.c_str(), finding.lines.c_str());
        }
    }
    return finish("instructions_test");
}
