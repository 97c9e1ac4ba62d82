package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** Group normalisation (Wu and He 2018): statistics per sample and group of channels. */
@NativeOp(value = "group_norm", gradient = "group_norm_backward")
public final class GroupNorm {
    private GroupNorm() {}

    /**
     * x [n, .., c]; gamma, beta [c]: like x.
     *
     * @param groups divides c
     * @param noise on gamma, or null; its runs split x's first dimension
     */
    public static Tensor groupNorm(Tensor x, Tensor gamma, Tensor beta, int groups, double epsilon, Noise noise) {
        Scratch scratch = Tape.scratch();
        HornbeamNative.groupNorm(
                handle(x, "group_norm", "x"),
                handle(gamma, "group_norm", "gamma"),
                handle(beta, "group_norm", "beta"),
                groups,
                epsilon,
                Noise.optional(noise, scratch.noise),
                scratch.outputs);
        long y = scratch.output(0);
        long mean = scratch.output(1);
        long inverseDeviation = scratch.output(2);
        Gradient gradient = null;
        if (Tape.records(x, gamma, beta)) {
            gradient = new Gradient(x, gamma, beta, mean, inverseDeviation, groups, noise);
        } else {
            HornbeamNative.release(mean);
            HornbeamNative.release(inverseDeviation);
        }
        Tensor result = Tape.result(y, Tape.known(x), gradient);
        if (Tracer.isOn()) {
            Tracer.op("group_norm")
                    .in("x", x)
                    .in("gamma", gamma)
                    .in("beta", beta)
                    .with("groups", groups)
                    .with("epsilon", epsilon)
                    .with("noise", noise)
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final int groups;
        private final Noise noise;
        private final Saved x;
        private final Saved gamma;
        private final Saved mean;
        private final Saved inverseDeviation;

        Gradient(Tensor x, Tensor gamma, Tensor beta, long mean, long inverseDeviation, int groups, Noise noise) {
            super(x, gamma, beta);
            this.groups = groups;
            this.noise = noise;
            this.x = save(x, "x");
            this.gamma = save(gamma, "gamma");
            this.mean = own(mean, "mean");
            this.inverseDeviation = own(inverseDeviation, "inverse_deviation");
        }

        @Override
        public String name() {
            return "group_norm";
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            HornbeamNative.groupNormBackward(
                    x.get(),
                    dy,
                    gamma.get(),
                    mean.get(),
                    inverseDeviation.get(),
                    groups,
                    Noise.optional(noise, scratch.noise),
                    scratch.outputs);
            giveOutputs(3);
        }
    }
}
