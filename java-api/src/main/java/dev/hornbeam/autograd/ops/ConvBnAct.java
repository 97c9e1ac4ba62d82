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

/** Convolution, batch norm, residual and activation as one op with one backward: act(bn(conv(x, w)) + residual). */
@NativeOp(value = "conv_bn_act", gradient = "conv_bn_act_backward")
public final class ConvBnAct {
    private static final String OP = "conv_bn_act";

    private ConvBnAct() {}

    /**
     * x [n, h, w, c], w [o, kh, kw, c / groups], gamma, beta, runningMean, runningVar [o]: [n, oh, ow, o].
     *
     * @param residual like the result, or null
     * @param convNoise on w, or null
     * @param normNoise on gamma, or null
     */
    public static Tensor convBnAct(
            Tensor x,
            Tensor w,
            Tensor gamma,
            Tensor beta,
            Tensor runningMean,
            Tensor runningVar,
            Tensor residual,
            Conv2dOptions conv,
            BatchNormOptions norm,
            Noise convNoise,
            Noise normNoise) {
        Conv2d.requireOptions(conv, OP);
        Conv2d.requireOptions(norm, OP);
        Scratch scratch = Tape.scratch();
        boolean records = Tape.records(x, w, residual) || Tape.records(gamma, beta);
        HornbeamNative.convBnAct(
                handle(x, OP, "x"),
                handle(w, OP, "w"),
                handle(gamma, OP, "gamma"),
                handle(beta, OP, "beta"),
                handle(runningMean, OP, "running_mean"),
                handle(runningVar, OP, "running_var"),
                optional(residual, OP, "residual"),
                conv.fill(scratch.conv),
                norm.fill(scratch.norm),
                Noise.optional(convNoise, scratch.noise),
                Noise.optional(normNoise, scratch.normNoise),
                records ? 1 : 0,
                scratch.outputs);
        long y = scratch.output(0);
        if (norm.training() && norm.updateRunning()) {
            Tape.changed(runningMean);
            Tape.changed(runningVar);
        }
        Gradient gradient = null;
        if (records) {
            gradient = new Gradient(
                    new Tensor[] {x, w, gamma, beta, residual},
                    y,
                    scratch.output(1),
                    scratch.output(2),
                    scratch.output(3),
                    conv,
                    norm,
                    convNoise,
                    normNoise);
        }
        Tensor result = Tape.result(y, null, gradient);
        if (Tracer.isOn()) {
            Tracer.op(OP)
                    .in("x", x)
                    .in("w", w)
                    .in("gamma", gamma)
                    .in("beta", beta)
                    .in("running_mean", runningMean)
                    .in("running_var", runningVar)
                    .in("residual", residual)
                    .with("conv", conv)
                    .with("norm", norm)
                    .with("conv_noise", convNoise)
                    .with("norm_noise", normNoise)
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Conv2dOptions conv;
        private final BatchNormOptions norm;
        private final Noise convNoise;
        private final Noise normNoise;
        private final Saved x;
        private final Saved w;
        private final Saved gamma;
        private final Saved y;
        private final Saved convolved;
        private final Saved mean;
        private final Saved inverseDeviation;

        Gradient(
                Tensor[] inputs,
                long y,
                long convolved,
                long mean,
                long inverseDeviation,
                Conv2dOptions conv,
                BatchNormOptions norm,
                Noise convNoise,
                Noise normNoise) {
            super(inputs);
            this.conv = conv;
            this.norm = norm;
            this.convNoise = convNoise;
            this.normNoise = normNoise;
            this.x = save(inputs[0], "x");
            this.w = save(inputs[1], "w");
            this.gamma = save(inputs[2], "gamma");
            this.y = saveResult(y, "y");
            this.convolved = own(convolved, "convolved");
            this.mean = own(mean, "mean");
            this.inverseDeviation = own(inverseDeviation, "inverse_deviation");
        }

        @Override
        public String name() {
            return OP;
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            HornbeamNative.convBnActBackward(
                    x.get(),
                    w.get(),
                    convolved.get(),
                    y.get(),
                    dy,
                    gamma.get(),
                    mean.get(),
                    inverseDeviation.get(),
                    wants(0) ? 1 : 0,
                    wants(4) ? 1 : 0,
                    conv.fill(scratch.conv),
                    norm.fill(scratch.norm),
                    Noise.optional(convNoise, scratch.noise),
                    Noise.optional(normNoise, scratch.normNoise),
                    scratch.outputs);
            giveOutputs(5);
        }
    }
}
