package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import java.lang.foreign.MemorySegment;

/** Joins tensors along one dimension; each gets its part of the gradient. */
@NativeOp(value = "concat", gradient = "composed")
public final class Concat {
    private Concat() {}

    /** Of one type, and of equal sizes in the other dimensions; a negative dimension counts from the last. */
    public static Tensor concat(int dimension, Tensor... tensors) {
        if (tensors == null || tensors.length == 0) {
            throw new TensorArgumentException("concat: tensors are none; at least one is needed");
        }
        MemorySegment handles = Tape.scratch().array(0, tensors.length);
        for (int i = 0; i < tensors.length; i++) {
            handles.setAtIndex(JAVA_LONG, i, handle(tensors[i], "concat", "tensors[" + i + "]"));
        }
        int along = dimension < 0 ? dimension + tensors[0].rank() : dimension;
        long y = HornbeamNative.concat(tensors.length, handles, along);
        Tensor result = Tape.result(y, null, Tape.records(tensors) ? new Gradient(along, tensors) : null);
        if (Tracer.isOn()) {
            Tracer.op("concat").in("tensors", tensors).with("dimension", along).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final int dimension;
        private final long[] sizes;

        Gradient(int dimension, Tensor[] tensors) {
            super(tensors);
            this.dimension = dimension;
            this.sizes = new long[tensors.length];
            for (int i = 0; i < sizes.length; i++) {
                sizes[i] = Tape.facts(tensors[i]).shape()[dimension];
            }
        }

        @Override
        public String name() {
            return "concat";
        }

        @Override
        protected void backward(long dy) {
            long start = 0;
            for (int i = 0; i < sizes.length; i++) {
                if (wants(i)) {
                    share(i, HornbeamNative.slice(dy, dimension, start, start + sizes[i], 1));
                }
                start += sizes[i];
            }
        }
    }
}
