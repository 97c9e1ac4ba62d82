package dev.hornbeam.nn;

import static dev.hornbeam.autograd.ops.Conv2d.conv2d;

import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.tensor.Tensor;

/** Convolution: x [n, h, w, in] gives [n, oh, ow, out]. Its weight, [out, kh, kw, in / groups], is 0 until initialised. */
public final class Conv2d extends Module {
    private final Conv2dOptions options;
    private final Parameter weight;
    private final Parameter bias;

    /** With a square kernel, without bias, as before a normalisation. */
    public Conv2d(int in, int out, int kernel, int stride, int pad) {
        this(in, out, kernel, Conv2dOptions.of(stride, pad), false);
    }

    /** With a square kernel. */
    public Conv2d(int in, int out, int kernel, Conv2dOptions options, boolean hasBias) {
        if (options.groups() < 1 || in % options.groups() != 0 || out % options.groups() != 0) {
            throw new IllegalArgumentException("conv2d: " + options.groups() + " groups do not divide " + in
                    + " input and " + out + " output channels");
        }
        this.options = options;
        this.weight = parameter(
                "weight",
                Tensor.zeros(out, kernel, kernel, in / options.groups()),
                Parameter.Role.KERNEL,
                WeightLayout.CONVOLUTION);
        this.bias = hasBias ? parameter("bias", Tensor.zeros(out), Parameter.Role.SHIFT) : null;
    }

    /** The kernel, OHWI. */
    public Parameter weight() {
        return weight;
    }

    /** The bias, or null. */
    public Parameter bias() {
        return bias;
    }

    /** Stride, padding, dilation and groups. */
    public Conv2dOptions options() {
        return options;
    }

    /** The convolution of x. */
    @Override
    protected Tensor compute(Tensor x) {
        return conv2d(
                x, weight.value(), bias == null ? null : bias.value(), options, isTraining() ? weight.noise() : null);
    }
}
