package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** Chooses between two tensors, element by element; each gets the gradient where it was chosen. */
@NativeOp(value = "where", gradient = "composed")
public final class Where {
    private Where() {}

    /** a where {@code condition}, u8, is not 0, else b; all three broadcast together. */
    public static Tensor where(Tensor condition, Tensor a, Tensor b) {
        long y = HornbeamNative.where(
                handle(condition, "where", "condition"), handle(a, "where", "a"), handle(b, "where", "b"));
        Tensor result = Tape.result(y, null, Tape.records(a, b) ? new Gradient(condition, a, b) : null);
        if (Tracer.isOn()) {
            Tracer.op("where").in("condition", condition).in("a", a).in("b", b).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Facts factsA;
        private final Facts factsB;
        private final Saved condition;

        Gradient(Tensor condition, Tensor a, Tensor b) {
            super(a, b);
            this.factsA = Tape.facts(a);
            this.factsB = Tape.facts(b);
            this.condition = save(condition, "condition");
        }

        @Override
        public String name() {
            return "where";
        }

        @Override
        protected void backward(long dy) {
            long zero = Tape.zero(factsA);
            try {
                if (wants(0)) {
                    send(0, HornbeamNative.where(condition.get(), dy, zero), factsA);
                }
                if (wants(1)) {
                    send(1, HornbeamNative.where(condition.get(), zero, dy), factsB);
                }
            } finally {
                HornbeamNative.release(zero);
            }
        }

        private void send(int input, long gradient, Facts facts) {
            give(input, Tape.sumTo(gradient, Facts.of(gradient).shape(), facts.shape()));
        }
    }
}
