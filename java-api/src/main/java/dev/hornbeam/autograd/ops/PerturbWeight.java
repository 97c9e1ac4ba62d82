package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;

/** The weight that one run of the batch sees under noise, as a tensor: for tests, and to look at. Not differentiable. */
@NativeOp(value = "perturb_weight", gradient = "none")
public final class PerturbWeight {
    private PerturbWeight() {}

    /**
     * The perturbed copy.
     *
     * @param subBatch which run, 0 to {@code noise.subBatches() - 1}
     */
    public static Tensor perturbWeight(Tensor w, Noise noise, int subBatch) {
        if (noise == null) {
            throw new TensorArgumentException("perturb_weight: noise is null");
        }
        long handle = handle(w, "perturb_weight", "w");
        Tensor result = Tape.result(
                HornbeamNative.perturbWeight(handle, noise.fill(Tape.scratch().noise), subBatch), Tape.known(w));
        if (Tracer.isOn()) {
            Tracer.op("perturb_weight")
                    .in("w", w)
                    .with("noise", noise)
                    .with("sub_batch", subBatch)
                    .out("y", result);
        }
        return result;
    }
}
