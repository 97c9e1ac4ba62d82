package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** The matrix product, over batches. */
@NativeOp(value = "matmul", gradient = "composed")
public final class MatMul {
    private MatMul() {}

    /**
     * a [.., m, k] or, transposed, [.., k, m]; b [.., k, n] or, transposed, [.., n, k]: [.., m, n]. Leading sizes are
     * equal, or one side has rank 2 and serves every batch.
     */
    public static Tensor matmul(Tensor a, Tensor b, boolean transposeA, boolean transposeB) {
        long y = HornbeamNative.matmul(
                handle(a, "matmul", "a"), handle(b, "matmul", "b"), transposeA ? 1 : 0, transposeB ? 1 : 0);
        Tensor result = Tape.result(y, null, Tape.records(a, b) ? new Gradient(a, b, transposeA, transposeB) : null);
        if (Tracer.isOn()) {
            Tracer.op("matmul")
                    .in("a", a)
                    .in("b", b)
                    .with("transpose_a", transposeA)
                    .with("transpose_b", transposeB)
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final boolean transposeA;
        private final boolean transposeB;
        private final int rankA;
        private final int rankB;
        private final Saved a;
        private final Saved b;

        Gradient(Tensor a, Tensor b, boolean transposeA, boolean transposeB) {
            super(a, b);
            this.transposeA = transposeA;
            this.transposeB = transposeB;
            this.rankA = Tape.facts(a).rank();
            this.rankB = Tape.facts(b).rank();
            this.a = b.requiresGrad() ? save(a, "a") : null;
            this.b = a.requiresGrad() ? save(b, "b") : null;
        }

        @Override
        public String name() {
            return "matmul";
        }

        @Override
        protected void backward(long dy) {
            if (wants(0)) {
                // da = dy bT; transposed daT = b dyT
                give(
                        0,
                        transposeA
                                ? product(b.get(), dy, transposeB, true, rankB, rankA)
                                : product(dy, b.get(), false, !transposeB, rankB, rankA));
            }
            if (wants(1)) {
                // db = aT dy; transposed dbT = dyT a
                give(
                        1,
                        transposeB
                                ? product(dy, a.get(), true, transposeA, rankA, rankB)
                                : product(a.get(), dy, !transposeA, false, rankA, rankB));
            }
        }

        /** The product, summed over the batch when its taker has rank 2 and served every batch. */
        private static long product(
                long left, long right, boolean transposeLeft, boolean transposeRight, int otherRank, int takerRank) {
            if (takerRank == 2 && otherRank > 2 && transposeLeft && !transposeRight) {
                // The sum over the batch is part of the inner dimension: one product of tall matrices.
                long tallLeft = tall(left);
                try {
                    long tallRight = tall(right);
                    try {
                        return HornbeamNative.matmul(tallLeft, tallRight, 1, 0);
                    } finally {
                        HornbeamNative.release(tallRight);
                    }
                } finally {
                    HornbeamNative.release(tallLeft);
                }
            }
            long product = HornbeamNative.matmul(left, right, transposeLeft ? 1 : 0, transposeRight ? 1 : 0);
            if (takerRank > 2 || otherRank == 2) {
                return product;
            }
            try {
                int batch = otherRank - 2;
                int[] dimensions = new int[batch];
                for (int i = 0; i < batch; i++) {
                    dimensions[i] = i;
                }
                return HornbeamNative.reduce(0, product, batch, Tape.scratch().order(dimensions), 0);
            } finally {
                HornbeamNative.release(product);
            }
        }

        /** [.., m, n] as [all m, n]. */
        private static long tall(long matrices) {
            long[] shape = Facts.of(matrices).shape();
            Scratch scratch = Tape.scratch();
            return HornbeamNative.reshape(matrices, 2, scratch.shape(rows(shape), shape[shape.length - 1]));
        }

        private static long rows(long[] shape) {
            long rows = 1;
            for (int i = 0; i < shape.length - 1; i++) {
                rows *= shape[i];
            }
            return rows;
        }
    }
}
