package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** The same elements in another shape: a view where the strides allow it, else a copy. */
@NativeOp(value = "reshape", gradient = "composed")
public final class Reshape {
    private Reshape() {}

    /** To that shape, in which one size may be -1. */
    public static Tensor reshape(Tensor x, long... shape) {
        long held = handle(x, "reshape", "x");
        long y = HornbeamNative.reshape(held, shape.length, Tape.scratch().shape(shape));
        Tensor result = Tape.view(y, x, Tape.records(x) ? new Gradient(x) : null);
        if (Tracer.isOn()) {
            Tracer.op("reshape").in("x", x).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final long[] shape;

        Gradient(Tensor x) {
            super(x);
            this.shape = Tape.facts(x).shape();
        }

        @Override
        public String name() {
            return "reshape";
        }

        @Override
        protected void backward(long dy) {
            inherit(0, HornbeamNative.reshape(dy, shape.length, Tape.scratch().shape(shape)));
        }
    }
}
