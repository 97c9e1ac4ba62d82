package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** The elements without gaps: x itself where it is dense already, else a copy. */
@NativeOp(value = "dense", gradient = "composed")
public final class Dense {
    private Dense() {}

    /** Of x. */
    public static Tensor dense(Tensor x) {
        long y = HornbeamNative.dense(handle(x, "dense", "x"));
        Tensor result = Tape.view(y, x, Tape.records(x) ? new Gradient(x) : null);
        if (Tracer.isOn()) {
            Tracer.op("dense").in("x", x).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        Gradient(Tensor x) {
            super(x);
        }

        @Override
        public String name() {
            return "dense";
        }

        @Override
        protected void backward(long dy) {
            inherit(0, HornbeamNative.alias(dy));
        }
    }
}
