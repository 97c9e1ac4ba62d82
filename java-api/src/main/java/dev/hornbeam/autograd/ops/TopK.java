package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** The k largest elements along the last dimension. Not differentiable. */
@NativeOp(value = "top_k", gradient = "none")
public final class TopK {
    private TopK() {}

    /**
     * What {@link #topK} found.
     *
     * @param values the elements, in falling order
     * @param indices where they were, i64
     */
    public record Result(Tensor values, Tensor indices) {}

    /** Ties come in rising order of the index. */
    public static Result topK(Tensor x, long k) {
        Scratch scratch = Tape.scratch();
        HornbeamNative.topK(handle(x, "top_k", "x"), k, scratch.outputs);
        long indices = scratch.output(1);
        Result result = new Result(Tape.result(scratch.output(0), null), Tape.result(indices, null));
        if (Tracer.isOn()) {
            Tracer.op("top_k")
                    .in("x", x)
                    .with("k", k)
                    .out("values", result.values)
                    .out("indices", result.indices);
        }
        return result;
    }
}
