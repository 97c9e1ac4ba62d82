#include "core/profile.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <vector>

#include "core/op_registry.h"

namespace hb {
namespace {

struct Recording {
    std::mutex mutex;
    std::vector<hb_profile_record> records;  // its size is the capacity
    int64_t count = 0, lost = 0;
    int64_t number = 0;  // of the recording: grows with each
};

// Never destroyed: threads may end their last call after main.
Recording& recording() {
    static Recording* r = new Recording;
    return *r;
}

thread_local ProfileSpan* innermost_span = nullptr;
thread_local int32_t own_number = 0;

int32_t index_of(const char* op) {
    for (int i = 0; i < op_count(); i++)
        if (std::strcmp(op_info(i).name, op) == 0) return i;
    return -1;
}

void copy_shape(const Shape& shape, int32_t& rank, int64_t (&sizes)[HB_MAX_RANK]) {
    rank = shape.rank;
    std::copy_n(shape.size, shape.rank, sizes);
}

}  // namespace

int64_t bytes_of(const View& view) {
    int64_t elements = 1;
    for (int i = 0; i < view.rank(); i++)
        if (view.stride[i] != 0 || view.shape[i] == 0) elements *= view.shape[i];
    return elements * size_of(view.type);
}

void ProfileSpan::begin(const char* op) {
    const int32_t index = index_of(op);
    if (index < 0) return;
    {
        Recording& r = recording();
        std::lock_guard<std::mutex> lock(r.mutex);
        recording_ = r.number;
    }
    record_ = {};
    record_.op = index;
    record_.part_of = innermost_span ? innermost_span->record_.op : -1;
    record_.thread = profile::thread_number();
    record_.dtype = -1;
    shaped_ = false;
    seen_ = 0;
    outer_ = innermost_span;
    innermost_span = this;
    open_ = true;
    record_.start = profile::clock();
}

void ProfileSpan::leave() {
    innermost_span = outer_;
    open_ = false;
}

void ProfileSpan::end() {
    record_.duration = profile::clock() - record_.start;
    leave();
    Recording& r = recording();
    std::lock_guard<std::mutex> lock(r.mutex);
    // Begun under an earlier recording, or ended after this one.
    if (!profiling() || recording_ != r.number) return;
    if (r.count == static_cast<int64_t>(r.records.size()))
        r.lost++;
    else
        r.records[static_cast<size_t>(r.count++)] = record_;
}

void ProfileSpan::shapes(const Shape& first, const Shape& second) {
    copy_shape(first, record_.rank, record_.shape);
    copy_shape(second, record_.other_rank, record_.other_shape);
    shaped_ = true;
}

void ProfileSpan::read(const View& view) {
    record_.bytes_read += bytes_of(view);
    if (seen_ == 0) record_.dtype = static_cast<int32_t>(view.type);
    if (!shaped_ && seen_ == 0) copy_shape(view.shape, record_.rank, record_.shape);
    if (!shaped_ && seen_ == 1) copy_shape(view.shape, record_.other_rank, record_.other_shape);
    seen_++;
}

void ProfileSpan::written(const View& view) {
    record_.bytes_written += bytes_of(view);
    // A call without inputs goes by what it makes.
    if (seen_ > 0) return;
    record_.dtype = static_cast<int32_t>(view.type);
    if (!shaped_) copy_shape(view.shape, record_.rank, record_.shape);
    seen_ = 2;
}

void ProfileSpan::only_written(const View& view) {
    record_.bytes_read -= bytes_of(view);
    record_.bytes_written += bytes_of(view);
}

void ProfileSpan::moved_nothing() { bytes(0, 0); }

void ProfileSpan::bytes(int64_t read, int64_t written) {
    record_.bytes_read = read;
    record_.bytes_written = written;
}

void ProfileSpan::elements(int64_t count) { shapes(shape_of(count), Shape{}); }

void ProfileSpan::work(const ConvShape& s) {
    const int64_t depth = s.c / s.groups;
    record_.operations = 2 * static_cast<double>(s.n * s.oh * s.ow * s.o) * static_cast<double>(s.kh * s.kw * depth);
    record_.stride_h = static_cast<int32_t>(s.stride_h);
    record_.stride_w = static_cast<int32_t>(s.stride_w);
    record_.groups = static_cast<int32_t>(s.groups);
    shapes(shape_of(s.n, s.h, s.w, s.c), shape_of(s.o, s.kh, s.kw, depth));
}

void ProfileSpan::work(const MatMulShape& s) {
    record_.operations = 2 * static_cast<double>(s.batch * s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
}

void ProfileSpan::work(const AttentionShape& s, int products) {
    record_.operations =
        2.0 * products * static_cast<double>(s.n * s.heads * s.d) * static_cast<double>(s.t) * static_cast<double>(s.t);
}

void ProfileSpan::work(int64_t rows, int64_t in, int64_t out) {
    record_.operations = 2 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out);
    shapes(shape_of(rows, in), shape_of(out, in));
}

namespace profile {

ProfileSpan* innermost() { return innermost_span; }

void start(int64_t capacity) {
    Recording& r = recording();
    std::lock_guard<std::mutex> lock(r.mutex);
    // Written to once here, so that the pages are there when a record comes.
    if (static_cast<int64_t>(r.records.size()) != capacity) {
        r.count = 0;
        std::vector<hb_profile_record>(static_cast<size_t>(capacity)).swap(r.records);
    }
    r.count = r.lost = 0;
    r.number++;
    on.store(true, std::memory_order_relaxed);
}

void stop() {
    Recording& r = recording();
    std::lock_guard<std::mutex> lock(r.mutex);
    on.store(false, std::memory_order_relaxed);
}

int64_t read(hb_profile_record* records, int64_t capacity, int64_t* lost) {
    Recording& r = recording();
    std::lock_guard<std::mutex> lock(r.mutex);
    std::copy_n(r.records.begin(), std::min(capacity, r.count), records);
    *lost = r.lost;
    return r.count;
}

int64_t clock() {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

int32_t thread_number() {
    static std::atomic<int32_t> numbers{0};
    if (own_number == 0) own_number = ++numbers;
    return own_number;
}

}  // namespace profile
}  // namespace hb
