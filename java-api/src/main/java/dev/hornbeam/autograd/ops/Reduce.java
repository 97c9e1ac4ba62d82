package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.BinaryCode;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/**
 * Sum, mean, maximum or minimum over some dimensions. Sums are accumulated wider than the type, in an order that depends
 * on the shape alone; maximum and minimum share the gradient evenly between equal elements.
 */
@NativeOp(value = "reduce", gradient = "reduce_extreme_backward")
public final class Reduce {
    private Reduce() {}

    /** The functions, in the order of the C ABI. */
    public enum Kind {
        /** The sum. */
        SUM(0),
        /** The mean. */
        MEAN(1),
        /** The largest. */
        MAX(2),
        /** The smallest. */
        MIN(3);

        private final int code;
        private final String text = name().toLowerCase(java.util.Locale.ROOT);

        Kind(int code) {
            this.code = code;
        }
    }

    /** Over the given dimensions, none for all; {@code keep} leaves them with size 1. */
    public static Tensor reduce(Kind kind, Tensor x, boolean keep, int... dimensions) {
        Scratch scratch = Tape.scratch();
        long y = HornbeamNative.reduce(
                kind.code, handle(x, kind.text, "x"), dimensions.length, scratch.order(dimensions), keep ? 1 : 0);
        Tensor result = Tape.result(y, null, Tape.records(x) ? new Gradient(kind, x, y, dimensions) : null);
        if (Tracer.isOn()) {
            Tracer.op("reduce")
                    .in("x", x)
                    .with("kind", kind)
                    .with("keep", keep)
                    .with("dimensions", Tracer.list(dimensions))
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Kind kind;
        private final Facts facts;
        private final long[] kept;
        private final Saved x;
        private final Saved y;

        Gradient(Kind kind, Tensor x, long y, int[] dimensions) {
            super(x);
            this.kind = kind;
            this.facts = Tape.facts(x);
            this.kept = facts.shape().clone();
            for (int i = 0; i < kept.length && dimensions.length == 0; i++) {
                kept[i] = 1;
            }
            for (int dimension : dimensions) {
                kept[dimension] = 1;
            }
            boolean extreme = kind == Kind.MAX || kind == Kind.MIN;
            this.x = extreme ? save(x, "x") : null;
            this.y = extreme ? saveResult(y, "y") : null;
        }

        @Override
        public String name() {
            return kind.text;
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            long same = HornbeamNative.reshape(dy, kept.length, scratch.shape(kept));
            try {
                switch (kind) {
                    case SUM -> share(0, expand(same));
                    case MEAN -> {
                        double factor = (double) elements(kept) / facts.elements();
                        long scaled = HornbeamNative.binaryScalar(BinaryCode.MUL, same, factor);
                        try {
                            share(0, expand(scaled));
                        } finally {
                            HornbeamNative.release(scaled);
                        }
                    }
                    case MAX, MIN -> {
                        long keptY = HornbeamNative.reshape(y.get(), kept.length, scratch.shape(kept));
                        try {
                            give(0, HornbeamNative.reduceExtremeBackward(x.get(), keptY, same));
                        } finally {
                            HornbeamNative.release(keptY);
                        }
                    }
                }
            } finally {
                HornbeamNative.release(same);
            }
        }

        private long expand(long gradient) {
            return HornbeamNative.expand(gradient, facts.rank(), Tape.scratch().shape(facts.shape()));
        }

        private static long elements(long[] shape) {
            long elements = 1;
            for (long size : shape) {
                elements *= size;
            }
            return elements;
        }
    }
}
