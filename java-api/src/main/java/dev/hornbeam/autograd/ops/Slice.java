package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** A view of a range along one dimension. */
@NativeOp(value = "slice", gradient = "composed")
public final class Slice {
    private Slice() {}

    /** Every {@code step}-th element of [start, stop); {@code 0 <= start <= stop <= size}. */
    public static Tensor slice(Tensor x, int dimension, long start, long stop, long step) {
        long y = HornbeamNative.slice(handle(x, "slice", "x"), dimension, start, stop, step);
        Tensor result = Tape.view(y, x, Tape.records(x) ? new Gradient(x, dimension, start, stop, step) : null);
        if (Tracer.isOn()) {
            Tracer.op("slice")
                    .in("x", x)
                    .with("dimension", dimension)
                    .with("start", start)
                    .with("stop", stop)
                    .with("step", step)
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Facts facts;
        private final int dimension;
        private final long start;
        private final long stop;
        private final long step;

        Gradient(Tensor x, int dimension, long start, long stop, long step) {
            super(x);
            this.facts = Tape.facts(x);
            this.dimension = dimension;
            this.start = start;
            this.stop = stop;
            this.step = step;
        }

        @Override
        public String name() {
            return "slice";
        }

        @Override
        protected void backward(long dy) {
            if (step == 1) {
                long[] before = new long[facts.rank()];
                long[] after = new long[facts.rank()];
                before[dimension] = start;
                after[dimension] = facts.shape()[dimension] - stop;
                Scratch scratch = Tape.scratch();
                give(0, HornbeamNative.pad(dy, scratch.shape(before), scratch.otherShape(after), 0));
                return;
            }
            long dx = Tape.zeros(facts);
            try {
                long part = HornbeamNative.slice(dx, dimension, start, stop, step);
                try {
                    HornbeamNative.copy(part, dy);
                } finally {
                    HornbeamNative.release(part);
                }
            } catch (RuntimeException e) {
                HornbeamNative.release(dx);
                throw e;
            }
            give(0, dx);
        }
    }
}
