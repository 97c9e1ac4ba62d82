package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** A view with its dimensions in another order. */
@NativeOp(value = "permute", gradient = "composed")
public final class Permute {
    private Permute() {}

    /** Dimension i of the result is dimension {@code order[i]} of x. */
    public static Tensor permute(Tensor x, int... order) {
        long held = handle(x, "permute", "x");
        long y = HornbeamNative.permute(held, order.length, Tape.scratch().order(order));
        Tensor result = Tape.view(y, x, Tape.records(x) ? new Gradient(x, order) : null);
        if (Tracer.isOn()) {
            Tracer.op("permute").in("x", x).with("order", Tracer.list(order)).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final int[] inverse;

        Gradient(Tensor x, int[] order) {
            super(x);
            inverse = new int[order.length];
            for (int i = 0; i < order.length; i++) {
                inverse[order[i]] = i;
            }
        }

        @Override
        public String name() {
            return "permute";
        }

        @Override
        protected void backward(long dy) {
            // Not inherited: sums are made in place of dense gradients only.
            share(0, HornbeamNative.permute(dy, inverse.length, Tape.scratch().order(inverse)));
        }
    }
}
