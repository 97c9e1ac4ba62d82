package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** The mean of every channel over the whole image. */
@NativeOp(value = "global_avg_pool", gradient = "global_avg_pool_backward")
public final class GlobalAvgPool {
    private GlobalAvgPool() {}

    /** x [n, h, w, c]: [n, c]. */
    public static Tensor globalAvgPool(Tensor x) {
        long y = HornbeamNative.globalAvgPool(handle(x, "global_avg_pool", "x"));
        Tensor result = Tape.result(y, null, Tape.records(x) ? new Gradient(x) : null);
        if (Tracer.isOn()) {
            Tracer.op("global_avg_pool").in("x", x).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final long height;
        private final long width;

        Gradient(Tensor x) {
            super(x);
            Facts facts = Tape.facts(x);
            this.height = facts.shape()[1];
            this.width = facts.shape()[2];
        }

        @Override
        public String name() {
            return "global_avg_pool";
        }

        @Override
        protected void backward(long dy) {
            give(0, HornbeamNative.globalAvgPoolBackward(dy, height, width));
        }
    }
}
