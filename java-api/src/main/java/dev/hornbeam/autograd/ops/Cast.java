package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;

/** A dense copy of another type; the gradient is cast back to the type of x. */
@NativeOp(value = "cast", gradient = "composed")
public final class Cast {
    private Cast() {}

    /** Rounds to nearest even; floats become integers by truncation, and saturate. Integers carry no gradient. */
    public static Tensor cast(Tensor x, DType dtype) {
        long held = handle(x, "cast", "x");
        if (dtype == null) {
            throw new TensorArgumentException("cast: dtype is null");
        }
        long y = HornbeamNative.cast(held, dtype.code());
        Tensor result = Tape.result(y, null, dtype.isFloating() && Tape.records(x) ? new Gradient(x) : null);
        if (Tracer.isOn()) {
            Tracer.op("cast").in("x", x).with("dtype", dtype).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final DType from;

        Gradient(Tensor x) {
            super(x);
            this.from = Tape.facts(x).dtype();
        }

        @Override
        public String name() {
            return "cast";
        }

        @Override
        protected void backward(long dy) {
            give(0, HornbeamNative.cast(dy, from.code()));
        }
    }
}
