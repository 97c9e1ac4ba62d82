package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** Layer normalisation (Ba et al. 2016): statistics over the last dimension. */
@NativeOp(value = "layer_norm", gradient = "layer_norm_backward")
public final class LayerNorm {
    private LayerNorm() {}

    /**
     * x [.., c]; gamma, beta [c]: like x.
     *
     * @param noise on gamma, or null; its runs split x's first dimension
     */
    public static Tensor layerNorm(Tensor x, Tensor gamma, Tensor beta, double epsilon, Noise noise) {
        Scratch scratch = Tape.scratch();
        HornbeamNative.layerNorm(
                handle(x, "layer_norm", "x"),
                handle(gamma, "layer_norm", "gamma"),
                handle(beta, "layer_norm", "beta"),
                epsilon,
                Noise.optional(noise, scratch.noise),
                scratch.outputs);
        long y = scratch.output(0);
        long mean = scratch.output(1);
        long inverseDeviation = scratch.output(2);
        Gradient gradient = null;
        if (Tape.records(x, gamma, beta)) {
            gradient = new Gradient(x, gamma, beta, mean, inverseDeviation, noise);
        } else {
            HornbeamNative.release(mean);
            HornbeamNative.release(inverseDeviation);
        }
        Tensor result = Tape.result(y, Tape.known(x), gradient);
        if (Tracer.isOn()) {
            Tracer.op("layer_norm")
                    .in("x", x)
                    .in("gamma", gamma)
                    .in("beta", beta)
                    .with("epsilon", epsilon)
                    .with("noise", noise)
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Noise noise;
        private final Saved x;
        private final Saved gamma;
        private final Saved mean;
        private final Saved inverseDeviation;

        Gradient(Tensor x, Tensor gamma, Tensor beta, long mean, long inverseDeviation, Noise noise) {
            super(x, gamma, beta);
            this.noise = noise;
            this.x = save(x, "x");
            this.gamma = save(gamma, "gamma");
            this.mean = own(mean, "mean");
            this.inverseDeviation = own(inverseDeviation, "inverse_deviation");
        }

        @Override
        public String name() {
            return "layer_norm";
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            HornbeamNative.layerNormBackward(
                    x.get(),
                    dy,
                    gamma.get(),
                    mean.get(),
                    inverseDeviation.get(),
                    Noise.optional(noise, scratch.noise),
                    scratch.outputs);
            giveOutputs(3);
        }
    }
}
