package dev.hornbeam.models.inspect;

import dev.hornbeam.autograd.OpTrace.Op;
import dev.hornbeam.autograd.OpTrace.Value;

/**
 * Counts multiply-adds, the usual measure of a network's arithmetic: those of convolutions, linear layers, matrix products
 * and of both products of attention. Norms, activations, pooling and the adding of biases are not counted. A multiply-add
 * is two floating-point operations.
 */
final class MultiplyAdds {
    private MultiplyAdds() {}

    /** Those of one op. */
    static long of(Op op) {
        return switch (op.name()) {
            case "conv2d", "conv_bn_act" -> {
                Value kernel = op.input("w");
                yield op.output().elements()
                        * (kernel.elements() / Math.max(1, kernel.shape().getFirst()));
            }
            case "linear" -> op.output().elements() * op.input("w").shape().getLast();
            case "matmul" -> {
                Value a = op.input("a");
                boolean transposed = op.attribute("transpose_a", Boolean.class);
                int rank = a.shape().size();
                yield op.output().elements() * a.shape().get(transposed ? rank - 2 : rank - 1);
            }
            case "attention" -> {
                // qkv [n, t, 3 * heads * d]: every query meets every key, and every weight every value.
                Value qkv = op.input("qkv");
                yield 2 * (qkv.elements() / 3) * qkv.shape().get(1);
            }
            default -> 0;
        };
    }
}
