// Copies to and from devices, by way of pinned memory: every size, the host's memory changed at once, several devices,
// blocks reused while work is under way. With and without HORNBEAM_CUDA_GRAPHS, and in every order that the emulation's
// schedule draws, the bytes are the same.
#include <cstdint>
#include <cstring>
#include <vector>

#include "backend/backend.h"
#include "host/device.h"
#include "kernels/kernels.h"
#include "tests/host/check.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

Backend kernels() {
    Backend table{};
    add_movement(table);
    return table;
}

// Bytes that differ from place to place and from seed to seed.
std::vector<unsigned char> pattern(int64_t bytes, uint32_t seed) {
    std::vector<unsigned char> all(static_cast<size_t>(bytes));
    uint32_t x = seed * 2654435761u + 1;
    for (auto& b : all) {
        x = x * 1664525u + 1013904223u;
        b = static_cast<unsigned char>(x >> 24);
    }
    return all;
}

View f32_view(void* data, int64_t elements) {
    View view;
    view.data = data;
    view.shape = shape_of(elements);
    view.make_dense_strides();
    return view;
}

void every_size() {
    for (int64_t bytes :
         {int64_t(1), int64_t(3), int64_t(4096), Staging::kSmall, Staging::kSmall + 1, Staging::kChunk - 4,
          Staging::kChunk, 3 * Staging::kChunk + 5, Staging::kLanding + Staging::kChunk + 7}) {
        auto sent = pattern(bytes, 1);
        auto source = sent;
        void* block = device().memory.allocate(bytes);
        device().copy_in(block, source.data(), bytes);
        // The caller may change his memory as soon as copy_in returns.
        std::memset(source.data(), 0xee, source.size());
        std::vector<unsigned char> back(sent.size());
        device().copy_out(back.data(), block, bytes);
        check(back == sent, "%lld bytes come back as they were sent", (long long)bytes);
        device().memory.release(block);
    }
    device().copy_in(nullptr, nullptr, 0);
    device().copy_out(nullptr, nullptr, 0);
}

// As in training: an upload, a kernel that reads it, the block released and used again by the next upload.
void blocks_are_reused() {
    const Backend table = kernels();
    constexpr int64_t kElements = 100000, kBytes = kElements * 4;
    constexpr int kSteps = 24;
    void* results = device().memory.allocate(kBytes * kSteps);
    std::vector<std::vector<unsigned char>> sent;
    for (int step = 0; step < kSteps; step++) {
        // Small and large ones, one after the other, from one block.
        int64_t bytes = step % 3 == 2 ? 4096 : kBytes;
        sent.push_back(pattern(bytes, uint32_t(step) + 10));
        void* block = device().memory.allocate(kBytes);
        auto source = sent.back();
        device().copy_in(block, source.data(), bytes);
        std::memset(source.data(), 0, source.size());
        table.copy(f32_view(block, bytes / 4), f32_view(static_cast<char*>(results) + step * kBytes, bytes / 4));
        device().memory.release(block);
    }
    for (int step = 0; step < kSteps; step++) {
        std::vector<unsigned char> back(sent[size_t(step)].size());
        device().copy_out(back.data(), static_cast<char*>(results) + step * kBytes, int64_t(back.size()));
        check(std::memcmp(back.data(), sent[size_t(step)].data(), back.size()) == 0, "step %d kept its own upload",
              step);
    }
    device().memory.release(results);
}

// More small uploads than there are pieces for them.
void many_small_uploads() {
    constexpr int kCount = 300;
    auto* block = static_cast<char*>(device().memory.allocate(kCount * 4));
    for (int32_t i = 0; i < kCount; i++) device().copy_in(block + i * 4, &i, 4);
    std::vector<int32_t> back(kCount);
    device().copy_out(back.data(), block, kCount * 4);
    bool equal = true;
    for (int32_t i = 0; i < kCount; i++) equal = equal && back[size_t(i)] == i;
    check(equal, "%d small uploads arrive in order", kCount);
    device().memory.release(block);
}

void several_devices() {
    if (device_count() < 2) return;
    constexpr int64_t kBytes = 200000;
    auto on_first = pattern(kBytes, 5), on_second = pattern(kBytes, 6);
    select_device(1);
    check(device().index == 1, "the second device is selected");
    void* second = device().memory.allocate(kBytes);
    device().copy_in(second, on_second.data(), kBytes);
    select_device(0);
    void* first = device().memory.allocate(kBytes);
    device().copy_in(first, on_first.data(), kBytes);
    std::vector<unsigned char> back(kBytes);
    device().copy_out(back.data(), first, kBytes);
    check(back == on_first, "the first device has its own");
    device().memory.release(first);
    select_device(1);
    device().copy_out(back.data(), second, kBytes);
    check(back == on_second, "and the second has its own");
    device().memory.release(second);
    select_device(0);
}

// A piece of work that repeats is one graph, kept and updated.
void steps_become_graphs() {
    if (!StepGraphs::wanted()) return;
    const Backend table = kernels();
    constexpr int64_t kElements = 1000;
    void* a = device().memory.allocate(kElements * 4);
    void* b = device().memory.allocate(kElements * 4);
    device().synchronize();
    StepGraphs::Counts before = device().graph_counts();
    constexpr int kSteps = 5;
    for (int step = 0; step < kSteps; step++) {
        // Other numbers and other addresses every time.
        void* c = device().memory.allocate(kElements * 4 * (step + 1));
        table.fill(f32_view(a, kElements), step + 0.5);
        table.copy(f32_view(a, kElements), f32_view(b, kElements));
        table.copy(f32_view(b, kElements), f32_view(c, kElements));
        std::vector<float> back(kElements);
        device().copy_out(back.data(), c, kElements * 4);
        check(back.front() == float(step) + 0.5f && back.back() == float(step) + 0.5f, "step %d: %g", step, back[0]);
        device().memory.release(c);
    }
    StepGraphs::Counts after = device().graph_counts();
    check(after.launched - before.launched == kSteps, "each step is one graph, not %lld",
          (long long)(after.launched - before.launched));
    check(after.instantiated - before.instantiated == 1, "which is instantiated once, not %lld times",
          (long long)(after.instantiated - before.instantiated));
    // A long piece is cut, not lost.
    for (int i = 0; i < StepGraphs::kMostLaunches + 10; i++) table.fill(f32_view(a, kElements), i);
    float last = 0;
    device().copy_out(&last, a, 4);
    check(last == StepGraphs::kMostLaunches + 9, "a long piece ends with its last kernel: %g", last);
    check(device().graph_counts().launched - after.launched == 2, "and is cut in two");
    device().memory.release(a);
    device().memory.release(b);
}

}  // namespace

int main() {
    every_size();
    blocks_are_reused();
    many_small_uploads();
    several_devices();
    steps_become_graphs();
    return finish();
}
