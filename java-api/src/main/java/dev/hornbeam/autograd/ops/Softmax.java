package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** exp(x) / sum exp(x), over the last dimension. */
@NativeOp(value = "softmax", gradient = "softmax_backward")
public final class Softmax {
    private Softmax() {}

    /** Of x [.., k], k at least 1. */
    public static Tensor softmax(Tensor x) {
        long y = HornbeamNative.softmax(handle(x, "softmax", "x"));
        Tensor result = Tape.result(y, Tape.known(x), Tape.records(x) ? new Gradient(x, y) : null);
        if (Tracer.isOn()) {
            Tracer.op("softmax").in("x", x).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Saved y;

        Gradient(Tensor x, long y) {
            super(x);
            this.y = saveResult(y, "y");
        }

        @Override
        public String name() {
            return "softmax";
        }

        @Override
        protected void backward(long dy) {
            give(0, HornbeamNative.softmaxBackward(y.get(), dy));
        }
    }
}
