package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** The mean of every window of an image. */
@NativeOp(value = "avg_pool2d", gradient = "avg_pool2d_backward")
public final class AvgPool2d {
    private AvgPool2d() {}

    /** x [n, h, w, c]: [n, oh, ow, c]. */
    public static Tensor avgPool2d(Tensor x, Pool2dOptions options) {
        Conv2d.requireOptions(options, "avg_pool2d");
        Scratch scratch = Tape.scratch();
        long y = HornbeamNative.avgPool2d(handle(x, "avg_pool2d", "x"), options.fill(scratch.pool));
        Tensor result = Tape.result(y, null, Tape.records(x) ? new Gradient(x, options) : null);
        if (Tracer.isOn()) {
            Tracer.op("avg_pool2d").in("x", x).with("options", options).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Pool2dOptions options;
        private final long height;
        private final long width;

        Gradient(Tensor x, Pool2dOptions options) {
            super(x);
            this.options = options;
            Facts facts = Tape.facts(x);
            this.height = facts.shape()[1];
            this.width = facts.shape()[2];
        }

        @Override
        public String name() {
            return "avg_pool2d";
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            give(0, HornbeamNative.avgPool2dBackward(dy, height, width, options.fill(scratch.pool)));
        }
    }
}
