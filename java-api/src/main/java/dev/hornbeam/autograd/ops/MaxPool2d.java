package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** The largest element of every window of an image; the first of equals gets the gradient. */
@NativeOp(value = "max_pool2d", gradient = "max_pool2d_backward")
public final class MaxPool2d {
    private MaxPool2d() {}

    /** x [n, h, w, c]: [n, oh, ow, c]. */
    public static Tensor maxPool2d(Tensor x, Pool2dOptions options) {
        Conv2d.requireOptions(options, "max_pool2d");
        Scratch scratch = Tape.scratch();
        HornbeamNative.maxPool2d(handle(x, "max_pool2d", "x"), options.fill(scratch.pool), scratch.outputs);
        long y = scratch.output(0);
        long index = scratch.output(1);
        Gradient gradient = null;
        if (Tape.records(x)) {
            gradient = new Gradient(x, index);
        } else {
            HornbeamNative.release(index);
        }
        Tensor result = Tape.result(y, null, gradient);
        if (Tracer.isOn()) {
            Tracer.op("max_pool2d").in("x", x).with("options", options).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final long height;
        private final long width;
        private final Saved index;

        Gradient(Tensor x, long index) {
            super(x);
            Facts facts = Tape.facts(x);
            this.height = facts.shape()[1];
            this.width = facts.shape()[2];
            this.index = own(index, "index");
        }

        @Override
        public String name() {
            return "max_pool2d";
        }

        @Override
        protected void backward(long dy) {
            give(0, HornbeamNative.maxPool2dBackward(dy, index.get(), height, width));
        }
    }
}
