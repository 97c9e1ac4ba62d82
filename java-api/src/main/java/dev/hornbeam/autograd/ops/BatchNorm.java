package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;
import static dev.hornbeam.internal.tape.Tape.optional;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/**
 * Batch normalisation (Ioffe and Szegedy 2015) with residual and activation in the same pass:
 * act(gamma (x - mean) / sqrt(var + eps) + beta + residual).
 */
@NativeOp(value = "batch_norm", gradient = "batch_norm_backward")
public final class BatchNorm {
    private BatchNorm() {}

    /**
     * x [.., c]; gamma, beta, runningMean, runningVar [c]: like x. Updates the running statistics in place where the options
     * say so.
     *
     * @param residual like x, or null
     * @param noise on gamma, or null; its runs split x's first dimension
     */
    public static Tensor batchNorm(
            Tensor x,
            Tensor gamma,
            Tensor beta,
            Tensor runningMean,
            Tensor runningVar,
            Tensor residual,
            BatchNormOptions options,
            Noise noise) {
        Conv2d.requireOptions(options, "batch_norm");
        Scratch scratch = Tape.scratch();
        HornbeamNative.batchNorm(
                handle(x, "batch_norm", "x"),
                handle(gamma, "batch_norm", "gamma"),
                handle(beta, "batch_norm", "beta"),
                handle(runningMean, "batch_norm", "running_mean"),
                handle(runningVar, "batch_norm", "running_var"),
                optional(residual, "batch_norm", "residual"),
                options.fill(scratch.norm),
                Noise.optional(noise, scratch.noise),
                scratch.outputs);
        long y = scratch.output(0);
        long mean = scratch.output(1);
        long inverseDeviation = scratch.output(2);
        if (options.training() && options.updateRunning()) {
            Tape.changed(runningMean);
            Tape.changed(runningVar);
        }
        Gradient gradient = null;
        if (Tape.records(x, gamma, beta) || Tape.records(x, residual)) {
            gradient = new Gradient(x, gamma, beta, residual, y, mean, inverseDeviation, options, noise);
        } else {
            HornbeamNative.release(mean);
            HornbeamNative.release(inverseDeviation);
        }
        Tensor result = Tape.result(y, Tape.known(x), gradient);
        if (Tracer.isOn()) {
            Tracer.op("batch_norm")
                    .in("x", x)
                    .in("gamma", gamma)
                    .in("beta", beta)
                    .in("running_mean", runningMean)
                    .in("running_var", runningVar)
                    .in("residual", residual)
                    .with("options", options)
                    .with("noise", noise)
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final BatchNormOptions options;
        private final Noise noise;
        private final Saved x;
        private final Saved gamma;
        private final Saved y;
        private final Saved mean;
        private final Saved inverseDeviation;

        Gradient(
                Tensor x,
                Tensor gamma,
                Tensor beta,
                Tensor residual,
                long y,
                long mean,
                long inverseDeviation,
                BatchNormOptions options,
                Noise noise) {
            super(new Tensor[] {x, gamma, beta, residual});
            this.options = options;
            this.noise = noise;
            this.x = save(x, "x");
            this.gamma = save(gamma, "gamma");
            this.y = saveResult(y, "y");
            this.mean = own(mean, "mean");
            this.inverseDeviation = own(inverseDeviation, "inverse_deviation");
        }

        @Override
        public String name() {
            return "batch_norm";
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            HornbeamNative.batchNormBackward(
                    x.get(),
                    y.get(),
                    dy,
                    gamma.get(),
                    mean.get(),
                    inverseDeviation.get(),
                    wants(3) ? 1 : 0,
                    options.fill(scratch.norm),
                    Noise.optional(noise, scratch.noise),
                    scratch.outputs);
            giveOutputs(4);
        }
    }
}
