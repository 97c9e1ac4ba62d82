package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** y = f(x), element by element. The gradient is dy f'(x), and 0 at kinks. */
@NativeOp(value = "unary", gradient = "unary_backward")
public final class Unary {
    private Unary() {}

    /** The functions, in the order of the C ABI. */
    public enum Kind {
        /** -x. */
        NEG(0),
        /** |x|. */
        ABS(1),
        /** e to the x. */
        EXP(2),
        /** The natural logarithm. */
        LOG(3),
        /** The square root. */
        SQRT(4),
        /** 1 / sqrt(x). */
        RSQRT(5),
        /** x * x. */
        SQUARE(6),
        /** -1, 0 or 1. */
        SIGN(7),
        /** 1 / x. */
        RECIPROCAL(8),
        /** max(x, 0). */
        RELU(9),
        /** x, times alpha where negative. */
        LEAKY_RELU(10),
        /** The exact GELU. */
        GELU(11),
        /** The GELU's form with tanh. */
        GELU_TANH(12),
        /** 1 / (1 + exp(-x)). */
        SIGMOID(13),
        /** The hyperbolic tangent. */
        TANH(14),
        /** x, kept in [alpha, beta]. */
        CLAMP(15);

        private final int code;
        private final String text = name().toLowerCase(java.util.Locale.ROOT);

        Kind(int code) {
            this.code = code;
        }
    }

    /** A function without parameters. */
    public static Tensor unary(Kind kind, Tensor x) {
        return unary(kind, x, 0, 0);
    }

    /** A function with the parameters that its kind names; others are ignored. */
    public static Tensor unary(Kind kind, Tensor x, double alpha, double beta) {
        long y = HornbeamNative.unary(kind.code, handle(x, kind.text, "x"), alpha, beta);
        Tensor result = Tape.result(y, Tape.known(x), Tape.records(x) ? new Gradient(kind, x, alpha, beta) : null);
        if (Tracer.isOn()) {
            Tracer.op("unary")
                    .in("x", x)
                    .with("kind", kind)
                    .with("alpha", alpha)
                    .with("beta", beta)
                    .out("y", result);
        }
        return result;
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
            give(0, HornbeamNative.unaryBackward(kind.code, x.get(), dy, alpha, beta));
        }
    }
}
