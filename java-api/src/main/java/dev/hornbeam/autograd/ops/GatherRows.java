package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** Rows of a tensor by index; rows that were taken several times collect all their gradients. */
@NativeOp(value = "gather_rows", gradient = "composed")
public final class GatherRows {
    private GatherRows() {}

    /** The rows {@code x[index[j], ..]}, for {@code index} i64 [m] with {@code 0 <= index < x.size(0)}: [m, ..]. */
    public static Tensor gatherRows(Tensor x, Tensor index) {
        long y = HornbeamNative.gatherRows(handle(x, "gather_rows", "x"), handle(index, "gather_rows", "index"));
        Tensor result = Tape.result(y, null, Tape.records(x) ? new Gradient(x, index) : null);
        if (Tracer.isOn()) {
            Tracer.op("gather_rows").in("x", x).in("index", index).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Facts facts;
        private final Saved index;

        Gradient(Tensor x, Tensor index) {
            super(x);
            this.facts = Tape.facts(x);
            this.index = save(index, "index");
        }

        @Override
        public String name() {
            return "gather_rows";
        }

        @Override
        protected void backward(long dy) {
            long dx = Tape.zeros(facts);
            try {
                HornbeamNative.scatterRows(dx, index.get(), dy, 1);
            } catch (RuntimeException e) {
                HornbeamNative.release(dx);
                throw e;
            }
            give(0, dx);
        }
    }
}
