// The caching allocator: reuse, splitting and merging of blocks, the limit, giving back, counts; and direct memory.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "host/device_memory.h"
#include "tests/host/check.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

constexpr int64_t kMiB = int64_t(1) << 20;

hb_memory stats(DeviceMemory& memory) {
    hb_memory all{};
    memory.stats(&all);
    return all;
}

void reuses_in_stream_order() {
    DeviceMemory memory(0);
    void* first = memory.allocate(1000);
    check(reinterpret_cast<uintptr_t>(first) % 512 == 0, "blocks begin at multiples of 512 bytes");
    memory.release(first);
    check(memory.allocate(900) == first, "a released block is given again");
    check(memory.allocate(900) != first, "a block in use is not");
    check(stats(memory).allocations == 3 && stats(memory).system_calls == 1, "three blocks of one segment");
}

void splits_and_merges() {
    DeviceMemory memory(0);
    // Pieces of one segment of 32 MiB, in address order.
    std::vector<char*> pieces;
    for (int i = 0; i < 4; i++) pieces.push_back(static_cast<char*>(memory.allocate(8 * kMiB)));
    for (int i = 1; i < 4; i++) check(pieces[i] == pieces[0] + i * 8 * kMiB, "piece %d follows piece %d", i, i - 1);
    check(stats(memory).reserved == 32 * kMiB, "one segment is held");
    // Middle two, in either order, and their neighbours become one block again.
    memory.release(pieces[2]);
    memory.release(pieces[1]);
    check(memory.allocate(16 * kMiB) == pieces[1], "two released neighbours are one block");
    memory.release(pieces[1]);
    memory.release(pieces[3]);
    memory.release(pieces[0]);
    check(memory.allocate(32 * kMiB) == pieces[0], "the whole segment is one block");
    check(stats(memory).system_calls == 1, "all of that with one call of the driver");
}

void small_ones_leave_large_segments_whole() {
    DeviceMemory memory(0);
    void* large = memory.allocate(20 * kMiB);
    memory.release(large);
    void* small = memory.allocate(512);
    check(memory.allocate(20 * kMiB) == large, "a small block is not cut from a large segment");
    memory.release(small);
}

void keeps_the_limit() {
    DeviceMemory memory(0);
    memory.limit(64 * kMiB);
    void* most = memory.allocate(60 * kMiB);
    check_throws(
        "over the limit", HB_ERROR_MEMORY,
        {"out of memory on cuda:0", "33554432 bytes asked for", "62914560", "limit 67108864", "use a smaller batch"},
        [&] { memory.allocate(32 * kMiB); });
    memory.release(most);
    // What is unused is given back to make room.
    void* other = memory.allocate(62 * kMiB);
    check(other != nullptr && stats(memory).reserved == 62 * kMiB, "the unused segment made room");
    memory.limit(0);
    check(memory.allocate(100 * kMiB) != nullptr, "no limit");
    check_throws("an absurd size", HB_ERROR_MEMORY, {"out of memory on cuda:0"}, [&] { memory.allocate(-1); });
}

void counts() {
    DeviceMemory memory(0);
    void* a = memory.allocate(1);
    void* b = memory.allocate(3 * kMiB);
    hb_memory all = stats(memory);
    check(all.in_use == 512 + 3 * kMiB && all.peak == all.in_use, "in use %lld", (long long)all.in_use);
    check(all.reserved == 2 * kMiB + 32 * kMiB, "held %lld", (long long)all.reserved);
    memory.release(b);
    check(stats(memory).in_use == 512 && stats(memory).peak == 512 + 3 * kMiB, "the peak stays");
    memory.reset_peak();
    check(stats(memory).peak == 512, "until it is reset");
    memory.trim();
    check(stats(memory).reserved == 2 * kMiB, "the unused segment went back, the used one did not");
    memory.release(a);
    memory.trim();
    check(stats(memory).reserved == 0 && stats(memory).in_use == 0, "nothing is held");
    memory.release(nullptr);
    check_throws("released twice", HB_ERROR_INTERNAL, {"cuda:0", "not in use"}, [&] { memory.release(a); });
}

void settles_work_before_it_gives_back() {
    int settled = 0;
    DeviceMemory memory(0, [&] { settled++; });
    memory.release(memory.allocate(40 * kMiB));
    check(settled == 0, "keeping a block settles nothing");
    memory.trim();
    check(settled == 1, "giving it back does");
}

void direct() {
    setenv("HORNBEAM_CUDA_MEMORY", "direct", 1);
    DeviceMemory memory(0);
    void* a = memory.allocate(100);
    void* b = memory.allocate(200);
    hb_memory all = stats(memory);
    check(all.in_use == 300 && all.reserved == 300 && all.system_calls == 2, "each block is the driver's");
    memory.release(a);
    memory.release(b);
    check(stats(memory).reserved == 0 && stats(memory).system_calls == 4, "and goes back to it at once");
    setenv("HORNBEAM_CUDA_MEMORY", "lazy", 1);
    check_throws("an unknown mode", HB_ERROR_ARGUMENT, {"HORNBEAM_CUDA_MEMORY", "\"lazy\"", "cached or direct"},
                 [] { DeviceMemory other(0); });
    unsetenv("HORNBEAM_CUDA_MEMORY");
}

}  // namespace

int main() {
    unsetenv("HORNBEAM_CUDA_MEMORY");
    reuses_in_stream_order();
    splits_and_merges();
    small_ones_leave_large_segments_whole();
    keeps_the_limit();
    counts();
    settles_work_before_it_gives_back();
    direct();
    return finish();
}
