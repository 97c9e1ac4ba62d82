package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** A view in which dimensions of size 1, or missing leading ones, repeat; numpy's rule. */
@NativeOp(value = "expand", gradient = "composed")
public final class Expand {
    private Expand() {}

    /** To that shape. */
    public static Tensor expand(Tensor x, long... shape) {
        long held = handle(x, "expand", "x");
        long y = HornbeamNative.expand(held, shape.length, Tape.scratch().shape(shape));
        Tensor result = Tape.view(y, x, Tape.records(x) ? new Gradient(x, shape) : null);
        if (Tracer.isOn()) {
            Tracer.op("expand").in("x", x).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final long[] from;
        private final long[] to;

        Gradient(Tensor x, long[] to) {
            super(x);
            this.from = Tape.facts(x).shape();
            this.to = to.clone();
        }

        @Override
        public String name() {
            return "expand";
        }

        @Override
        protected void backward(long dy) {
            share(0, Tape.sumTo(HornbeamNative.alias(dy), to, from));
        }
    }
}
