package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** What selection by loss or by gradient norm needs of every sample, in one pass over the logits. Not differentiable. */
@NativeOp(value = "softmax_scores", gradient = "none")
public final class SoftmaxScores {
    private SoftmaxScores() {}

    /**
     * The scores.
     *
     * @param probabilities softmax of the logits, [n, k]
     * @param losses cross-entropy, [n]
     * @param gradientNorms sum_c (softmax_c - onehot_c)<sup>2</sup>, [n]: the squared norm of the loss layer's gradient
     *     (PRL-L, Liu et al. 2021)
     */
    public record Result(Tensor probabilities, Tensor losses, Tensor gradientNorms) {}

    /** Of logits [n, k] with targets i64 [n]. */
    public static Result softmaxScores(Tensor logits, Tensor targets) {
        Scratch scratch = Tape.scratch();
        HornbeamNative.softmaxScores(
                handle(logits, "softmax_scores", "logits"),
                handle(targets, "softmax_scores", "targets"),
                scratch.outputs);
        long probabilities = scratch.output(0);
        long losses = scratch.output(1);
        long norms = scratch.output(2);
        Result result = new Result(
                Tape.result(probabilities, Tape.known(logits)), Tape.result(losses, null), Tape.result(norms, null));
        if (Tracer.isOn()) {
            Tracer.op("softmax_scores")
                    .in("logits", logits)
                    .in("targets", targets)
                    .out("probabilities", result.probabilities)
                    .out("losses", result.losses)
                    .out("gradient_norms", result.gradientNorms);
        }
        return result;
    }
}
