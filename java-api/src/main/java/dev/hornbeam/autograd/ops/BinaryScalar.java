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

/** y = f(a, number), element by element; the functions of {@link Binary}. */
@NativeOp(value = "binary_scalar", gradient = "composed")
public final class BinaryScalar {
    private BinaryScalar() {}

    /** The function of a tensor and a number. */
    public static Tensor binaryScalar(Binary.Kind kind, Tensor a, double number) {
        long y = HornbeamNative.binaryScalar(kind.code, handle(a, kind.text, "a"), number);
        Tensor result = kind.isArithmetic()
                ? Tape.result(y, Tape.known(a), Tape.records(a) ? new Gradient(kind, a, number) : null)
                : Tape.result(y, null);
        if (Tracer.isOn()) {
            Tracer.op("binary_scalar")
                    .in("a", a)
                    .with("kind", kind)
                    .with("number", number)
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Binary.Kind kind;
        private final double number;
        private final Saved a;

        Gradient(Binary.Kind kind, Tensor a, double number) {
            super(a);
            this.kind = kind;
            this.number = number;
            this.a = kind == Binary.Kind.MAX || kind == Binary.Kind.MIN ? save(a, "a") : null;
        }

        @Override
        public String name() {
            return kind.text;
        }

        @Override
        protected void backward(long dy) {
            switch (kind) {
                case ADD, SUB -> inherit(0, HornbeamNative.alias(dy));
                case MUL -> give(0, HornbeamNative.binaryScalar(BinaryCode.MUL, dy, number));
                case DIV -> give(0, HornbeamNative.binaryScalar(BinaryCode.DIV, dy, number));
                case MAX -> give(0, won(dy, BinaryCode.GT));
                case MIN -> give(0, won(dy, BinaryCode.LT));
                default -> throw new TensorArgumentException(kind.text + ": not differentiable");
            }
        }

        /** dy where a won, half of it at the number itself, else 0. */
        private long won(long dy, int comparison) {
            long zero = Tape.zero(Facts.of(dy));
            long wins = 0;
            long equal = 0;
            long half = 0;
            long other = 0;
            try {
                wins = HornbeamNative.binaryScalar(comparison, a.get(), number);
                equal = HornbeamNative.binaryScalar(BinaryCode.EQ, a.get(), number);
                half = HornbeamNative.binaryScalar(BinaryCode.MUL, dy, 0.5);
                other = HornbeamNative.where(equal, half, zero);
                return HornbeamNative.where(wins, dy, other);
            } finally {
                Tape.release(other);
                Tape.release(half);
                Tape.release(equal);
                Tape.release(wins);
                HornbeamNative.release(zero);
            }
        }
    }
}
