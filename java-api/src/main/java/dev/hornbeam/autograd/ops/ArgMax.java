package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** The i64 index of the largest element along the last dimension. Not differentiable. */
@NativeOp(value = "argmax", gradient = "none")
public final class ArgMax {
    private ArgMax() {}

    /** The first of equals; NaN counts as largest. */
    public static Tensor argMax(Tensor x) {
        Tensor result = Tape.result(HornbeamNative.argmax(handle(x, "argmax", "x")), null);
        if (Tracer.isOn()) {
            Tracer.op("argmax").in("x", x).out("y", result);
        }
        return result;
    }
}
