package dev.hornbeam.nn;

import static dev.hornbeam.autograd.ops.Linear.linear;

import dev.hornbeam.tensor.Tensor;

/** x wT + bias: x [.., in] gives [.., out]. Its weight, [out, in], is 0 until initialised. */
public final class Linear extends Module {
    private final Parameter weight;
    private final Parameter bias;

    /** With a bias. */
    public Linear(int in, int out) {
        this(in, out, true, WeightLayout.SAME);
    }

    /**
     * With or without a bias.
     *
     * @param layout how the weight lies in files: {@link WeightLayout#flattened} behind a flattened image
     */
    public Linear(int in, int out, boolean hasBias, WeightLayout layout) {
        this.weight = parameter("weight", Tensor.zeros(out, in), Parameter.Role.KERNEL, layout);
        this.bias = hasBias ? parameter("bias", Tensor.zeros(out), Parameter.Role.SHIFT) : null;
    }

    /** The weight, [out, in]. */
    public Parameter weight() {
        return weight;
    }

    /** The bias, or null. */
    public Parameter bias() {
        return bias;
    }

    /** The linear map of x. */
    @Override
    protected Tensor compute(Tensor x) {
        return linear(x, weight.value(), bias == null ? null : bias.value(), isTraining() ? weight.noise() : null);
    }
}
