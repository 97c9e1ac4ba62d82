package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** Sorts a vector. Not differentiable. */
@NativeOp(value = "sort", gradient = "none")
public final class Sort {
    private Sort() {}

    /**
     * What {@link #sort} gives.
     *
     * @param values the elements in order
     * @param permutation where each was, i64: sorts other vectors the same way by gatherRows
     */
    public record Result(Tensor values, Tensor permutation) {}

    /** Stable; NaN last. */
    public static Result sort(Tensor x, boolean descending) {
        Scratch scratch = Tape.scratch();
        HornbeamNative.sort(handle(x, "sort", "x"), descending ? 1 : 0, scratch.outputs);
        long permutation = scratch.output(1);
        Result result = new Result(Tape.result(scratch.output(0), null), Tape.result(permutation, null));
        if (Tracer.isOn()) {
            Tracer.op("sort")
                    .in("x", x)
                    .with("descending", descending)
                    .out("values", result.values)
                    .out("permutation", result.permutation);
        }
        return result;
    }
}
