package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.BinaryCode;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;

/** Cross-entropy of every sample, not reduced: weights and means are taken by the caller. */
@NativeOp(value = "cross_entropy", gradient = "cross_entropy_backward")
public final class CrossEntropy {
    private CrossEntropy() {}

    /** Without label smoothing. */
    public static Tensor crossEntropy(Tensor logits, Tensor targets) {
        return crossEntropy(logits, targets, 0);
    }

    /**
     * -sum_c t_c log softmax(logits)_c, for logits [n, k]: [n].
     *
     * @param targets classes i64 [n], or probabilities [n, k], which can carry a gradient too: of the logits' type, but f32
     *     for bf16 logits, as the loss is
     * @param smoothing s in [0, 1): targets are mixed with s / k (Szegedy et al. 2016)
     */
    public static Tensor crossEntropy(Tensor logits, Tensor targets, double smoothing) {
        long loss = HornbeamNative.crossEntropy(
                handle(logits, "cross_entropy", "logits"), handle(targets, "cross_entropy", "targets"), smoothing);
        Tensor result = Tape.result(
                loss, null, Tape.records(logits, targets) ? new Gradient(logits, targets, smoothing) : null);
        if (Tracer.isOn()) {
            Tracer.op("cross_entropy")
                    .in("logits", logits)
                    .in("targets", targets)
                    .with("smoothing", smoothing)
                    .out("loss", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final double smoothing;
        private final Saved logits;
        private final Saved targets;

        Gradient(Tensor logits, Tensor targets, double smoothing) {
            super(logits, targets);
            this.smoothing = smoothing;
            this.logits = save(logits, "logits");
            this.targets = save(targets, "targets");
        }

        @Override
        public String name() {
            return "cross_entropy";
        }

        @Override
        protected void backward(long dy) {
            if (wants(0)) {
                give(0, HornbeamNative.crossEntropyBackward(logits.get(), targets.get(), dy, smoothing));
            }
            if (wants(1)) {
                give(1, targetGradient(dy));
            }
        }

        /** dt = -(1 - s) log softmax(logits) dloss */
        private long targetGradient(long dloss) {
            Scratch scratch = Tape.scratch();
            Facts loss = Facts.of(dloss);
            long[] shape = loss.shape();
            long logarithms = logSoftmax(loss.dtype());
            long column = 0;
            long product = 0;
            try {
                column = HornbeamNative.reshape(dloss, 2, scratch.shape(shape[0], 1));
                product = HornbeamNative.binary(BinaryCode.MUL, logarithms, column);
                return HornbeamNative.binaryScalar(BinaryCode.MUL, product, smoothing - 1);
            } finally {
                Tape.release(product);
                Tape.release(column);
                HornbeamNative.release(logarithms);
            }
        }

        // In the loss's type, which the targets have too: bf16 logits are widened first.
        private long logSoftmax(DType type) {
            if (Facts.of(logits.get()).dtype() == type) {
                return HornbeamNative.logSoftmax(logits.get());
            }
            long widened = HornbeamNative.cast(logits.get(), type.code());
            try {
                return HornbeamNative.logSoftmax(widened);
            } finally {
                HornbeamNative.release(widened);
            }
        }
    }
}
