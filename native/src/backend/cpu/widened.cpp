#include "backend/cpu/widened.h"

#include <tuple>
#include <type_traits>
#include <utility>

#include "core/scratch.h"

namespace hb::cpu {
namespace {

const Backend* kernels_ = nullptr;
const Backend* active_ = nullptr;

bool is_bf16(const View& view) { return view.type == DType::BF16; }
template <class T>
bool is_bf16(const T&) {
    return false;
}

enum class Use { Read, Written, Both };

// A view as the f32 kernel sees it: itself, or f32 scratch in place of a bf16 view. What repeats is widened once.
class Widened {
  public:
    Widened(const View& given, Use use)
        : given_(given), use_(use), scratch_(is_bf16(given) ? distinct(given).elements() : 0), seen_(given) {
        if (!is_bf16(given)) return;
        View wide = distinct(given);
        const View source = wide;
        wide.type = DType::F32;
        wide.data = scratch_.data();
        wide.make_dense_strides();
        if (use != Use::Written && wide.elements() > 0) active_->copy(source, wide);
        seen_ = wide;
        seen_.shape = given.shape;
        for (int i = 0; i < given.rank(); i++)
            if (given.stride[i] == 0) seen_.stride[i] = 0;
    }
    Widened(const Widened&) = delete;
    Widened& operator=(const Widened&) = delete;

    const View& get() const { return seen_; }
    // Rounds what the kernel wrote.
    void finish() const {
        if (use_ != Use::Read && is_bf16(given_) && given_.elements() > 0) active_->copy(seen_, given_);
    }

  private:
    // The view without its repetitions.
    static View distinct(View view) {
        for (int i = 0; i < view.rank(); i++)
            if (view.stride[i] == 0 && view.shape[i] > 1) view.shape[i] = 1;
        return view;
    }

    const View given_;
    const Use use_;
    const Scratch<float> scratch_;
    View seen_;
};

// An argument of a kernel: a view, or anything else, which passes as it is.
template <class Argument, Use use>
class Passed {
  public:
    explicit Passed(Argument argument) : argument_(argument) {}
    Argument get() const { return argument_; }
    void finish() const {}

  private:
    Argument argument_;
};
template <Use use>
class Passed<const View&, use> : public Widened {
  public:
    explicit Passed(const View& view) : Widened(view, use) {}
};

template <class... Arguments>
constexpr int views_among() {
    return (0 + ... + int(std::is_same_v<Arguments, const View&>));
}

// How argument i is used: the last `results` of the views are written, those before are read.
template <int results, class... Arguments>
constexpr Use use_of(size_t i) {
    constexpr bool view[] = {std::is_same_v<Arguments, const View&>...};
    int before = 0;
    for (size_t j = 0; j < i; j++) before += view[j];
    return before >= views_among<Arguments...>() - results ? Use::Written : Use::Read;
}

// The entry of a table whose last `results` views are written.
template <auto entry, int results, class Function>
struct Adapter;
template <auto entry, int results, class... Arguments>
struct Adapter<entry, results, void (*)(Arguments...)> {
    static void call(Arguments... arguments) {
        if (!(is_bf16(arguments) || ...)) return (kernels_->*entry)(arguments...);
        widen(std::index_sequence_for<Arguments...>(), arguments...);
    }

  private:
    template <size_t... i>
    static void widen(std::index_sequence<i...>, Arguments... arguments) {
        const std::tuple<Passed<Arguments, use_of<results, Arguments...>(i)>...> passed(arguments...);
        (active_->*entry)(std::get<i>(passed).get()...);
        (std::get<i>(passed).finish(), ...);
    }
};

template <auto entry, int results, class Function>
void adapt(Function& to) {
    to = &Adapter<entry, results, Function>::call;
}

// ---- ops whose arguments do not go by that rule

void blend(const View& destination, const View& source, double beta, double alpha) {
    if (!is_bf16(destination)) return kernels_->blend(destination, source, beta, alpha);
    const Widened d(destination, Use::Both), s(source, Use::Read);
    active_->blend(d.get(), s.get(), beta, alpha);
    d.finish();
}

void add_scaled(const View& destination, const View& source, double alpha) {
    if (!is_bf16(destination)) return kernels_->add_scaled(destination, source, alpha);
    const Widened d(destination, Use::Both), s(source, Use::Read);
    active_->add_scaled(d.get(), s.get(), alpha);
    d.finish();
}

// Rows that are replaced are moved as they are; only a sum computes.
void scatter_rows(const View& destination, const View& index, const View& source, bool add) {
    if (!add || !is_bf16(destination)) return kernels_->scatter_rows(destination, index, source, add);
    const Widened d(destination, Use::Both), s(source, Use::Read);
    active_->scatter_rows(d.get(), index, s.get(), true);
    d.finish();
}

void batch_norm(const BatchNormArguments& given) {
    if (!is_bf16(given.x)) return kernels_->batch_norm(given);
    const Widened x(given.x, Use::Read), residual(given.residual, Use::Read), y(given.y, Use::Written);
    BatchNormArguments a = given;
    a.x = x.get(), a.residual = residual.get(), a.y = y.get();
    active_->batch_norm(a);
    y.finish();
}

void batch_norm_backward(const BatchNormBackwardArguments& given) {
    if (!is_bf16(given.x)) return kernels_->batch_norm_backward(given);
    const Widened x(given.x, Use::Read), y(given.y, Use::Read), dy(given.dy, Use::Read);
    const Widened dx(given.dx, Use::Written), dresidual(given.dresidual, Use::Written);
    BatchNormBackwardArguments a = given;
    a.x = x.get(), a.y = y.get(), a.dy = dy.get(), a.dx = dx.get(), a.dresidual = dresidual.get();
    active_->batch_norm_backward(a);
    dx.finish();
    dresidual.finish();
}

}  // namespace

Backend with_bf16(const Backend& kernels, const Backend& active) {
    kernels_ = &kernels;
    active_ = &active;
    Backend t = kernels;
    adapt<&Backend::unary, 1>(t.unary);
    adapt<&Backend::unary_backward, 1>(t.unary_backward);
    adapt<&Backend::binary, 1>(t.binary);
    adapt<&Backend::binary_scalar, 1>(t.binary_scalar);
    t.add_scaled = add_scaled;
    t.blend = blend;
    t.scatter_rows = scatter_rows;

    adapt<&Backend::reduce, 1>(t.reduce);
    adapt<&Backend::reduce_extreme_backward, 1>(t.reduce_extreme_backward);
    adapt<&Backend::argmax, 1>(t.argmax);
    adapt<&Backend::top_k, 2>(t.top_k);
    adapt<&Backend::sort, 2>(t.sort);

    adapt<&Backend::matmul, 1>(t.matmul);
    adapt<&Backend::conv2d, 1>(t.conv2d);
    adapt<&Backend::conv2d_backward_data, 1>(t.conv2d_backward_data);
    adapt<&Backend::conv2d_backward_weight, 2>(t.conv2d_backward_weight);

    adapt<&Backend::max_pool2d, 2>(t.max_pool2d);
    adapt<&Backend::max_pool2d_backward, 1>(t.max_pool2d_backward);
    adapt<&Backend::avg_pool2d, 1>(t.avg_pool2d);
    adapt<&Backend::avg_pool2d_backward, 1>(t.avg_pool2d_backward);

    t.batch_norm = batch_norm;
    t.batch_norm_backward = batch_norm_backward;
    adapt<&Backend::group_norm, 3>(t.group_norm);
    adapt<&Backend::group_norm_backward, 3>(t.group_norm_backward);

    adapt<&Backend::attention, 2>(t.attention);
    adapt<&Backend::attention_backward, 1>(t.attention_backward);

    adapt<&Backend::softmax, 1>(t.softmax);
    adapt<&Backend::softmax_backward, 1>(t.softmax_backward);
    adapt<&Backend::log_softmax, 1>(t.log_softmax);
    adapt<&Backend::log_softmax_backward, 1>(t.log_softmax_backward);
    adapt<&Backend::cross_entropy, 1>(t.cross_entropy);
    adapt<&Backend::cross_entropy_backward, 1>(t.cross_entropy_backward);
    adapt<&Backend::softmax_scores, 3>(t.softmax_scores);
    adapt<&Backend::kl_divergence, 1>(t.kl_divergence);
    adapt<&Backend::kl_divergence_backward, 2>(t.kl_divergence_backward);
    adapt<&Backend::squared_error, 1>(t.squared_error);
    adapt<&Backend::squared_error_backward, 1>(t.squared_error_backward);

    adapt<&Backend::dropout, 1>(t.dropout);
    return t;
}

}  // namespace hb::cpu
