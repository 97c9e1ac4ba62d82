package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;

/** Puts elements around a tensor, or cuts some off. */
@NativeOp(value = "pad", gradient = "composed")
public final class Pad {
    private Pad() {}

    /** {@code before[i]} and {@code after[i]} elements of {@code value} around dimension i; negative numbers cut. */
    public static Tensor pad(Tensor x, long[] before, long[] after, double value) {
        long held = handle(x, "pad", "x");
        requireLength(x, before, "before");
        requireLength(x, after, "after");
        Scratch scratch = Tape.scratch();
        long y = HornbeamNative.pad(held, scratch.shape(before), scratch.otherShape(after), value);
        Tensor result = Tape.result(y, null, Tape.records(x) ? new Gradient(x, before, after) : null);
        if (Tracer.isOn()) {
            Tracer.op("pad")
                    .in("x", x)
                    .with("before", Tracer.list(before))
                    .with("after", Tracer.list(after))
                    .with("value", value)
                    .out("y", result);
        }
        return result;
    }

    private static void requireLength(Tensor x, long[] counts, String argument) {
        if (counts == null || counts.length != Tape.facts(x).rank()) {
            throw new TensorArgumentException("pad: " + argument + " has "
                    + (counts == null ? "no" : String.valueOf(counts.length)) + " numbers, but x " + Tape.facts(x)
                    + " has "
                    + Tape.facts(x).rank() + " dimensions");
        }
    }

    private static final class Gradient extends Node {
        private final long[] before;
        private final long[] after;

        Gradient(Tensor x, long[] before, long[] after) {
            super(x);
            this.before = negated(before);
            this.after = negated(after);
        }

        private static long[] negated(long[] counts) {
            long[] negated = new long[counts.length];
            for (int i = 0; i < counts.length; i++) {
                negated[i] = -counts[i];
            }
            return negated;
        }

        @Override
        public String name() {
            return "pad";
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            give(0, HornbeamNative.pad(dy, scratch.shape(before), scratch.otherShape(after), 0));
        }
    }
}
