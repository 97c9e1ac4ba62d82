#include "core/op_registry.h"

namespace hb {

static constexpr hb_op_info kOps[] = {
    {"full", "creation", "none"},
    {"random_uniform", "creation", "none"},
    {"random_normal", "creation", "none"},

    {"copy", "movement", "none"},
    {"cast", "movement", "composed"},
    {"reshape", "view", "composed"},
    {"slice", "view", "composed"},
    {"permute", "view", "composed"},
    {"expand", "view", "composed"},
    {"dense", "view", "composed"},
    {"concat", "movement", "composed"},
    {"pad", "movement", "composed"},
    {"gather_rows", "movement", "composed"},
    {"scatter_rows", "movement", "none"},
    {"take_along_rows", "movement", "composed"},
    {"where", "movement", "composed"},

    {"unary", "elementwise", "unary_backward"},
    {"unary_backward", "elementwise", "none"},
    {"binary", "elementwise", "composed"},
    {"binary_scalar", "elementwise", "composed"},
    {"add_scaled", "elementwise", "none"},
    {"blend", "elementwise", "none"},

    {"reduce", "reduction", "reduce_extreme_backward"},
    {"reduce_extreme_backward", "reduction", "none"},
    {"argmax", "reduction", "none"},
    {"top_k", "reduction", "none"},
    {"sort", "reduction", "none"},

    {"perturb_weight", "noise", "none"},

    {"matmul", "linear_algebra", "composed"},
    {"linear", "linear_algebra", "linear_backward_data linear_backward_weight"},
    {"linear_backward_data", "linear_algebra", "none"},
    {"linear_backward_weight", "linear_algebra", "none"},

    {"conv2d", "convolution", "conv2d_backward_data conv2d_backward_weight"},
    {"conv2d_backward_data", "convolution", "none"},
    {"conv2d_backward_weight", "convolution", "none"},

    {"max_pool2d", "pooling", "max_pool2d_backward"},
    {"max_pool2d_backward", "pooling", "none"},
    {"avg_pool2d", "pooling", "avg_pool2d_backward"},
    {"avg_pool2d_backward", "pooling", "none"},
    {"global_avg_pool", "pooling", "global_avg_pool_backward"},
    {"global_avg_pool_backward", "pooling", "none"},

    {"batch_norm", "normalisation", "batch_norm_backward"},
    {"batch_norm_backward", "normalisation", "none"},
    {"conv_bn_act", "normalisation", "conv_bn_act_backward"},
    {"conv_bn_act_backward", "normalisation", "none"},
    {"group_norm", "normalisation", "group_norm_backward"},
    {"group_norm_backward", "normalisation", "none"},
    {"layer_norm", "normalisation", "layer_norm_backward"},
    {"layer_norm_backward", "normalisation", "none"},

    {"attention", "attention", "attention_backward"},
    {"attention_backward", "attention", "none"},

    {"softmax", "loss", "softmax_backward"},
    {"softmax_backward", "loss", "none"},
    {"log_softmax", "loss", "log_softmax_backward"},
    {"log_softmax_backward", "loss", "none"},
    {"cross_entropy", "loss", "cross_entropy_backward"},
    {"cross_entropy_backward", "loss", "none"},
    {"softmax_scores", "loss", "none"},
    {"kl_divergence", "loss", "kl_divergence_backward"},
    {"kl_divergence_backward", "loss", "none"},
    {"squared_error", "loss", "squared_error_backward"},
    {"squared_error_backward", "loss", "none"},

    {"dropout", "dropout", "dropout"},

    {"sgd_step", "optimizer", "none"},
    {"adam_step", "optimizer", "none"},
    {"global_norm", "optimizer", "none"},
    {"scale_all", "optimizer", "none"},
    {"ascend", "optimizer", "none"},
    {"restore", "optimizer", "none"},

    {"all_reduce", "collective", "none"},
};

int op_count() { return static_cast<int>(sizeof(kOps) / sizeof(kOps[0])); }
const hb_op_info& op_info(int index) { return kOps[index]; }

}  // namespace hb
