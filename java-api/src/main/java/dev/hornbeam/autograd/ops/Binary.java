package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.BinaryCode;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;

/**
 * y = f(a, b), element by element, with broadcasting by numpy's rule. The comparisons give u8 0 or 1 and are not
 * differentiable; maximum and minimum share the gradient evenly between equal elements.
 */
@NativeOp(value = "binary", gradient = "composed")
public final class Binary {
    private Binary() {}

    /** The functions, in the order of the C ABI. */
    public enum Kind {
        /** a + b. */
        ADD(0),
        /** a - b. */
        SUB(1),
        /** a * b. */
        MUL(2),
        /** a / b. */
        DIV(3),
        /** max(a, b). */
        MAX(4),
        /** min(a, b). */
        MIN(5),
        /** a = b. */
        EQ(6),
        /** a differs from b. */
        NE(7),
        /** a &lt; b. */
        LT(8),
        /** a &lt;= b. */
        LE(9),
        /** a &gt; b. */
        GT(10),
        /** a &gt;= b. */
        GE(11);

        final int code;
        final String text = name().toLowerCase(java.util.Locale.ROOT);

        Kind(int code) {
            this.code = code;
        }

        /** Whether it is arithmetic, whose result has the type of the arguments. */
        public boolean isArithmetic() {
            return this.compareTo(EQ) < 0;
        }
    }

    /** The function of two tensors of one type and device. */
    public static Tensor binary(Kind kind, Tensor a, Tensor b) {
        long y = HornbeamNative.binary(kind.code, handle(a, kind.text, "a"), handle(b, kind.text, "b"));
        Tensor result = result(kind, a, b, y);
        if (Tracer.isOn()) {
            Tracer.op("binary").in("a", a).in("b", b).with("kind", kind).out("y", result);
        }
        return result;
    }

    private static Tensor result(Kind kind, Tensor a, Tensor b, long y) {
        if (!kind.isArithmetic()) {
            return Tape.result(y, null);
        }
        if (!Tape.records(a, b)) {
            Facts facts = Tape.known(a);
            return Tape.result(y, facts != null && facts == Tape.known(b) ? facts : null);
        }
        Facts factsA = Tape.facts(a);
        Facts factsB = Tape.facts(b);
        boolean same = factsA.sameShape(factsB);
        return Tape.result(y, same ? factsA : null, new Gradient(kind, a, b, factsA, factsB, same));
    }

    private static final class Gradient extends Node {
        private final Kind kind;
        private final boolean same;
        private final long[] shapeA;
        private final long[] shapeB;
        private final Saved a;
        private final Saved b;

        Gradient(Kind kind, Tensor a, Tensor b, Facts factsA, Facts factsB, boolean same) {
            super(a, b);
            this.kind = kind;
            this.same = same;
            this.shapeA = factsA.shape();
            this.shapeB = factsB.shape();
            boolean linear = kind == Kind.ADD || kind == Kind.SUB;
            this.a = linear || (kind == Kind.MUL && !b.requiresGrad()) ? null : save(a, "a");
            this.b = linear || (kind == Kind.MUL && !a.requiresGrad()) ? null : save(b, "b");
        }

        @Override
        public String name() {
            return kind.text;
        }

        @Override
        protected void backward(long dy) {
            switch (kind) {
                case ADD -> {
                    passOn(0, dy, shapeA);
                    passOn(1, dy, shapeB);
                }
                case SUB -> {
                    passOn(0, dy, shapeA);
                    if (wants(1)) {
                        reduce(1, HornbeamNative.binaryScalar(BinaryCode.MUL, dy, -1), shapeB);
                    }
                }
                case MUL -> {
                    if (wants(0)) {
                        reduce(0, HornbeamNative.binary(BinaryCode.MUL, dy, b.get()), shapeA);
                    }
                    if (wants(1)) {
                        reduce(1, HornbeamNative.binary(BinaryCode.MUL, dy, a.get()), shapeB);
                    }
                }
                case DIV -> divide(dy);
                case MAX -> choose(dy, BinaryCode.GT, BinaryCode.LT);
                case MIN -> choose(dy, BinaryCode.LT, BinaryCode.GT);
                default -> throw new TensorArgumentException(kind.text + ": not differentiable");
            }
        }

        /** The gradient as it is; only one of two takers may have its memory. */
        private void passOn(int input, long dy, long[] shape) {
            if (!wants(input)) {
                return;
            }
            if (!same) {
                reduce(input, HornbeamNative.alias(dy), shape);
            } else if (kind == Kind.SUB || !wants(1 - input)) {
                inherit(input, HornbeamNative.alias(dy));
            } else {
                share(input, HornbeamNative.alias(dy));
            }
        }

        /** Sums over what broadcasting repeated. The handle is taken over. */
        private void reduce(int input, long gradient, long[] shape) {
            if (same) {
                give(input, gradient);
                return;
            }
            long sum = Tape.sumTo(gradient, Facts.of(gradient).shape(), shape);
            // Where nothing was repeated on this side, an addition's gradient is still the one that came in.
            if (sum == gradient && (kind == Kind.ADD || kind == Kind.SUB)) {
                share(input, sum);
            } else {
                give(input, sum);
            }
        }

        /** da = dy / b, db = -(dy / b) (a / b). */
        private void divide(long dy) {
            long quotient = HornbeamNative.binary(BinaryCode.DIV, dy, b.get());
            try {
                if (wants(1)) {
                    long ratio = HornbeamNative.binary(BinaryCode.DIV, a.get(), b.get());
                    try {
                        long product = HornbeamNative.binary(BinaryCode.MUL, quotient, ratio);
                        try {
                            reduce(1, HornbeamNative.binaryScalar(BinaryCode.MUL, product, -1), shapeB);
                        } finally {
                            HornbeamNative.release(product);
                        }
                    } finally {
                        HornbeamNative.release(ratio);
                    }
                }
                if (wants(0)) {
                    reduce(0, HornbeamNative.alias(quotient), shapeA);
                }
            } finally {
                HornbeamNative.release(quotient);
            }
        }

        /** dy where the own side won, half of it where both are equal, else 0. */
        private void choose(long dy, int aWins, int bWins) {
            long zero = HornbeamNative.binaryScalar(BinaryCode.MUL, dy, 0);
            long half = 0;
            long equal = 0;
            try {
                half = HornbeamNative.binaryScalar(BinaryCode.MUL, dy, 0.5);
                equal = HornbeamNative.binary(BinaryCode.EQ, a.get(), b.get());
                if (wants(0)) {
                    reduce(0, won(dy, aWins, equal, half, zero), shapeA);
                }
                if (wants(1)) {
                    reduce(1, won(dy, bWins, equal, half, zero), shapeB);
                }
            } finally {
                Tape.release(equal);
                Tape.release(half);
                HornbeamNative.release(zero);
            }
        }

        private long won(long dy, int comparison, long equal, long half, long zero) {
            long wins = HornbeamNative.binary(comparison, a.get(), b.get());
            try {
                long other = HornbeamNative.where(equal, half, zero);
                try {
                    return HornbeamNative.where(wins, dy, other);
                } finally {
                    HornbeamNative.release(other);
                }
            } finally {
                HornbeamNative.release(wins);
            }
        }
    }
}
