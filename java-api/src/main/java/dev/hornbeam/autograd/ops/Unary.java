package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.tensor.Tensor;

/** y = f(x), element by element. The gradient is dy f'(x), and 0 at kinks. */
@NativeOp(value = "unary", gradient = "unary_backward")
public final class Unary {
    private Unary() {}

    /** The functions, in the order of the C ABI. */
    public enum Kind {
        /** -x. */
        NEG,
        /** |x|. */
        ABS,
        /** e to the x. */
        EXP,
        /** The natural logarithm. */
        LOG,
        /** The square root. */
        SQRT,
        /** 1 / sqrt(x). */
        RSQRT,
        /** x * x. */
        SQUARE,
        /** -1, 0 or 1. */
        SIGN,
        /** 1 / x. */
        RECIPROCAL,
        /** max(x, 0). */
        RELU,
        /** x, times alpha where negative. */
        LEAKY_RELU,
        /** The exact GELU. */
        GELU,
        /** The GELU's form with tanh. */
        GELU_TANH,
        /** 1 / (1 + exp(-x)). */
        SIGMOID,
        /** The hyperbolic tangent. */
        TANH,
        /** x, kept in [alpha, beta]. */
        CLAMP;

        private final String text = name().toLowerCase(java.util.Locale.ROOT);
    }

    /** A function without parameters. */
    public static Tensor unary(Kind kind, Tensor x) {
        return unary(kind, x, 0, 0);
    }

    /** A function with the parameters that its kind names; others are ignored. */
    public static Tensor unary(Kind kind, Tensor x, double alpha, double beta) {
        long y = HornbeamNative.unary(kind.ordinal(), handle(x, kind.text, "x"), alpha, beta);
        return Tape.result(y, Tape.known(x), Tape.records(x) ? new Gradient(kind, x, alpha, beta) : null);
    }

    private static final class Gradient extends Node {
        private final Kind kind;
        private final double alpha;
        private final double beta;
        private final Saved x;

        Gradient(Kind kind, Tensor x, double alpha, double beta) {
            super(x);
            this.kind = kind;
            this.alpha = alpha;
            this.beta = beta;
            this.x = save(x, "x");
        }

        @Override
        public String name() {
            return kind.text;
        }

        @Override
        protected void backward(long dy) {
            give(0, HornbeamNative.unaryBackward(kind.ordinal(), x.get(), dy, alpha, beta));
        }
    }
}
