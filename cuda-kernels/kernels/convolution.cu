// Convolution and both of its gradients as matrix products through windows (gemm_tile.cuh: the engine and its bounds).
//   forward   y [pixels of y, o] = windows of x [.., taps c] times w [o, taps c], k innermost in both.
//   data      dx [pixels of x, c] = windows of dy [.., taps o] times w [taps o, c]. With a stride, an input pixel meets
//             every stride-th tap only, the same ones for all pixels of equal remainder: one product for each
//             remainder (stride 2: 4), each with the taps it has, so that nothing is multiplied by the zeros between.
//   weight    dw [o, taps c] = dy [pixels of y, o] transposed times windows of x [pixels of y, taps c], k split.
// A linear layer is a convolution of one pixel. Groups are batches.
//
// Weights: f32 without noise are read as they lie. Noise, and bf16, want other numbers; either a small kernel writes
// them for all runs (weights.cu), 2 or 4 bytes each, or the product draws them where it loads them (a normal costs some
// 45 instructions, for every tile of 64 rows again). Drawing wins where a run has at most kDrawnTiles tiles of rows:
// the written weights would be read as often as they are written, and one launch is saved.
//
// Before a batch norm: in training the tiles' moments of their columns (two sums over registers and a few shared words)
// spare the norm a reading of y; in evaluation the norm, residual and activation are applied before y is stored, which
// spares a reading and a writing.
//
// Where groups leave a tap at most kThin weights (depthwise: 1), tiles would hold little but zeros:
// direct_convolution.cu multiplies without them.
#include "core/weight_noise.h"
#include "host/device.h"
#include "kernels/direct_convolution.h"
#include "kernels/gemm.h"
#include "kernels/kept_moments.h"
#include "kernels/kernels.h"
#include "kernels/numbers.cuh"
#include "kernels/weights.h"

namespace hb::cuda {
namespace {

constexpr int64_t kDrawnTiles = 2;
constexpr int64_t kDrawnRows = 64;  // of a tile
constexpr int64_t kThin = 16;

int runs_of(const Noise& noise) { return has_noise(noise) ? noise.sub_batches : 1; }

int sized(int64_t n, const char* what) {
    if (n >= int64_t{1} << 31)
        fail(HB_ERROR_UNSUPPORTED, "the convolution has %lld %s; expected less than 2^31: use smaller batches",
             (long long)n, what);
    return int(n);
}

bool is_thin(const ConvShape& s) { return s.groups > 1 && s.o / s.groups * (s.c / s.groups) <= kThin; }

// Rows of the longest noise run, of so many an image.
int64_t rows_of_run(const ConvShape& s, const Noise& noise, int64_t rows_per_image) {
    const int64_t runs = runs_of(noise);
    return (s.runs_of + runs - 1) / runs * (s.n / s.runs_of) * rows_per_image;
}

struct Axis {
    int64_t size, result, taps, stride, pad, dilation;
};
Axis vertical(const ConvShape& s) { return {s.h, s.oh, s.kh, s.stride_h, s.pad_h, s.dilation_h}; }
Axis horizontal(const ConvShape& s) { return {s.w, s.ow, s.kw, s.stride_w, s.pad_w, s.dilation_w}; }

// The windows of x that pixels of y see, for one group.
Window windows_of_x(const ConvShape& s, const void* x) {
    Window w;
    w.data = x;
    w.by_image = FastDivide(s.oh * s.ow), w.by_width = FastDivide(s.ow);
    w.mul_h = int(s.stride_h), w.mul_w = int(s.stride_w);
    w.off_h = -int(s.pad_h), w.off_w = -int(s.pad_w);
    w.by_channels = FastDivide(s.c / s.groups), w.by_taps_w = FastDivide(s.kw);
    w.step_h = int(s.dilation_h), w.step_w = int(s.dilation_w);
    w.limit_h = int(s.h), w.limit_w = int(s.w);
    w.stride_x = s.c, w.stride_y = s.w * s.c, w.stride_image = s.h * s.w * s.c;
    return w;
}

void split_by_runs(GemmArguments& g, const ConvShape& s, const Noise& noise, int64_t rows_per_image) {
    g.runs = runs_of(noise);
    g.samples = s.runs_of;
    g.rows_per_sample = int(s.n / s.runs_of * rows_per_image);
}

// What the product reads as weights; keeps what had to be made.
class SeenWeights {
  public:
    // For activations of `type`, in products of so many rows a noise run.
    SeenWeights(const ConvShape& s, const View& w, const Noise& noise, DType type, int64_t rows)
        : count_(s.o * s.kh * s.kw * (s.c / s.groups)),
          drawn_((has_noise(noise) || type == DType::BF16) && rows <= kDrawnTiles * kDrawnRows),
          made_(!drawn_ && (has_noise(noise) || type == DType::BF16)),
          scratch_(made_ ? runs_of(noise) * count_ * size_of(type) : 0), noise_(noise),
          data_(made_ ? scratch_.data() : w.data) {
        if (!has_noise(noise)) noise_.kind = HB_NOISE_NONE;
        if (!made_) return;
        with_activation(type, [&]<class T>(T) {
            seen_weights(w.f32(), count_, noise, 0, runs_of(noise), reinterpret_cast<T*>(scratch_.data()));
        });
    }
    void serve(GemmArguments& g) const {
        g.b.data = data_;
        g.drawn = drawn_;
        g.noise = noise_;
        g.b_run = made_ ? count_ : 0;
    }

  private:
    const int64_t count_;
    const bool drawn_, made_;
    DeviceScratch<unsigned char> scratch_;
    Noise noise_;
    const void* data_;
};

// The forward product, but for what becomes of its results.
GemmArguments forward_product(const ConvShape& s, const View& x, const SeenWeights& seen, const Noise& noise,
                              const View& y) {
    const int64_t pixels = s.oh * s.ow, o = s.o / s.groups, depth = s.c / s.groups, of_kernel = s.kh * s.kw * depth;
    GemmArguments g;
    g.a = windows_of_x(s, x.data);
    g.b = Window::matrix(nullptr, of_kernel, of_kernel);
    seen.serve(g);
    g.m = sized(s.n * pixels, "pixels"), g.n = sized(o, "channels"), g.k = sized(of_kernel, "weights a channel");
    g.batches = s.groups;
    g.a_batch = depth, g.b_batch = o * of_kernel, g.to_batch = o;
    g.to = Destination::matrix(y.data, s.o);
    split_by_runs(g, s, noise, pixels);
    return g;
}

void conv2d(const ConvShape& s, const View& x, const View& w, const View& bias, const Noise& noise, const View& y) {
    if (is_thin(s)) return direct_convolution(s, x, w, bias, noise, y);
    const SeenWeights seen(s, w, noise, x.type, rows_of_run(s, noise, s.oh * s.ow));
    GemmArguments g = forward_product(s, x, seen, noise, y);
    g.bias = bias.f32();
    gemm(g, x.type);
}

bool conv2d_before_norm(const ConvShape& s, const View& x, const View& w, const Noise& noise,
                        const BatchNormArguments& norm, ColumnMoments&) {
    const hb_batch_norm_params& p = norm.params;
    forget_moments();
    const bool finishes = !p.training && norm.x.data == norm.y.data && !has_noise(norm.noise);
    if (is_thin(s) || (!p.training && !finishes)) {
        conv2d(s, x, w, View{}, noise, norm.x);
        return false;
    }
    const SeenWeights seen(s, w, noise, x.type, rows_of_run(s, noise, s.oh * s.ow));
    GemmArguments g = forward_product(s, x, seen, noise, norm.x);
    if (finishes && splits_k(g, x.type)) {
        gemm(g, x.type);
        return false;
    }
    if (finishes) {
        g.norm = {norm.running_mean.f32(), norm.running_var.f32(), norm.gamma.f32(), norm.beta.f32(),
                  norm.residual.data,      float(p.epsilon),       float(p.slope),   p.activation};
        gemm(g, x.type);
        return true;
    }
    TileMoments moments;
    gemm(g, x.type, &moments, norm.mean[0]);
    if (moments.values) keep_moments(norm, std::move(moments));
    return false;
}

// Along one axis: the pixels of x of one remainder modulo the stride, and the taps that reach them.
struct Remainder {
    int64_t first, count;  // pixels first, first + stride, ..
    int64_t tap, tap_step, taps;
    int64_t at, step;  // tap tap + j tap_step of pixel i is multiplied by the gradient at `at` + i + j step
};
Remainder remainder_of(const Axis& axis, int64_t first) {
    Remainder r{first, first < axis.size ? (axis.size - first + axis.stride - 1) / axis.stride : 0, 0, 1, 0, 0, 0};
    // first + pad - tap * dilation must be a multiple of the stride: once in `tap_step` taps, or never.
    while (r.tap_step * axis.dilation % axis.stride != 0) r.tap_step++;
    auto meets = [&](int64_t tap) { return (first + axis.pad - tap * axis.dilation) % axis.stride == 0; };
    while (r.tap < r.tap_step && !meets(r.tap)) r.tap++;
    if (r.tap < r.tap_step && r.tap < axis.taps) r.taps = (axis.taps - r.tap + r.tap_step - 1) / r.tap_step;
    r.at = r.taps ? (first + axis.pad - r.tap * axis.dilation) / axis.stride : 0;
    r.step = -(r.tap_step * axis.dilation / axis.stride);
    return r;
}

void conv2d_backward_data(const ConvShape& s, const View& dy, const View& w, const Noise& noise, const View& dx) {
    if (is_thin(s)) return direct_convolution_data(s, dy, w, noise, dx);
    const int64_t o = s.o / s.groups, depth = s.c / s.groups;
    const int64_t rows = (s.h + s.stride_h - 1) / s.stride_h * ((s.w + s.stride_w - 1) / s.stride_w);
    const SeenWeights seen(s, w, noise, dy.type, rows_of_run(s, noise, rows));
    for (int64_t rh = 0; rh < s.stride_h; rh++)
        for (int64_t rw = 0; rw < s.stride_w; rw++) {
            const Remainder v = remainder_of(vertical(s), rh), h = remainder_of(horizontal(s), rw);
            const int64_t pixels = v.count * h.count, taps = v.taps * h.taps;
            if (pixels == 0) continue;
            GemmArguments g;
            g.a.data = dy.data;
            g.a.by_image = FastDivide(pixels), g.a.by_width = FastDivide(h.count);
            g.a.off_h = int(v.at), g.a.off_w = int(h.at);
            g.a.by_channels = FastDivide(o), g.a.by_taps_w = FastDivide(h.taps);
            g.a.step_h = int(v.step), g.a.step_w = int(h.step);
            g.a.limit_h = int(s.oh), g.a.limit_w = int(s.ow);
            g.a.stride_x = s.o, g.a.stride_y = s.ow * s.o, g.a.stride_image = s.oh * s.ow * s.o;
            // Rows (tap_h, tap_w, o) as (image, line, place): [o, kh, kw, depth] seen from the other side.
            g.b.by_image = FastDivide(h.taps * o), g.b.by_width = FastDivide(o);
            g.b.first = (v.tap * s.kw + h.tap) * depth;
            g.b.by_channels = FastDivide(depth);
            g.b.limit_h = int(s.kw), g.b.limit_w = sized(o, "channels");
            g.b.stride_image = v.tap_step * s.kw * depth, g.b.stride_y = h.tap_step * depth;
            g.b.stride_x = s.kh * s.kw * depth;
            seen.serve(g);
            g.b_k_major = false;
            g.m = sized(s.n * pixels, "pixels"), g.n = sized(depth, "channels"), g.k = sized(taps * o, "terms");
            g.batches = s.groups;
            g.a_batch = o, g.b_batch = o * s.kh * s.kw * depth, g.to_batch = depth;
            g.to.data = dx.as<char>() + (rh * s.w + rw) * s.c * size_of(dx.type);
            g.to.by_image = FastDivide(pixels), g.to.by_width = FastDivide(h.count);
            g.to.stride_x = s.stride_w * s.c, g.to.stride_y = s.stride_h * s.w * s.c;
            g.to.stride_image = s.h * s.w * s.c;
            split_by_runs(g, s, noise, pixels);
            gemm(g, dy.type);
        }
}

void conv2d_backward_weight(const ConvShape& s, const View& x, const View& dy, const Noise& noise, const View& dw,
                            const View& dbias) {
    const int64_t pixels = s.oh * s.ow, o = s.o / s.groups, depth = s.c / s.groups;
    if (dbias) column_sums(dy, s.n * pixels, s.o, dbias.f32());
    if (is_thin(s)) return direct_convolution_weight(s, x, dy, noise, dw);
    GemmArguments g;
    g.a = Window::matrix(dy.data, s.o, s.o);
    g.a.by_channels = FastDivide(o);
    g.b = windows_of_x(s, x.data);
    g.a_k_major = g.b_k_major = false;
    g.m = sized(o, "channels"), g.n = sized(s.kh * s.kw * depth, "weights a channel");
    g.k = sized(s.n * pixels, "pixels");
    g.batches = s.groups;
    g.a_batch = o, g.b_batch = depth;
    g.noise = noise;
    g.chain_rule = needs_chain_rule(noise);
    split_by_runs(g, s, needs_chain_rule(noise) ? noise : Noise{}, pixels);
    gemm_weight_gradient(g, x.type, dw.f32());
}

struct Kept {
    const ColumnMoments* of = nullptr;
    const void* x = nullptr;
    TileMoments moments;
};
thread_local Kept kept;

}  // namespace

void forget_moments() { kept = {}; }
void keep_moments(const BatchNormArguments& norm, TileMoments moments) {
    kept = {norm.moments, norm.x.data, std::move(moments)};
}
TileMoments kept_moments(const BatchNormArguments& norm) {
    Kept found = std::move(kept);
    kept = {};
    const bool same = norm.moments && found.of == norm.moments && found.x == norm.x.data;
    return same ? std::move(found.moments) : TileMoments{};
}

void add_convolution(Backend& table) {
    table.conv2d = conv2d;
    table.conv2d_before_norm = conv2d_before_norm;
    table.conv2d_backward_data = conv2d_backward_data;
    table.conv2d_backward_weight = conv2d_backward_weight;
}

}  // namespace hb::cuda
