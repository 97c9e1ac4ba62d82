package dev.hornbeam.nn;

import static dev.hornbeam.autograd.ops.LayerNorm.layerNorm;

import dev.hornbeam.tensor.Tensor;

/** Layer normalisation over the last dimension (Ba et al. 2016). Scales start at 1, shifts at 0. */
public final class LayerNorm extends Module {
    private final double epsilon;
    private final Parameter weight;
    private final Parameter bias;

    /** With epsilon 1e-5. */
    public LayerNorm(int size) {
        this(size, 1e-5);
    }

    /** With any epsilon. */
    public LayerNorm(int size, double epsilon) {
        this.epsilon = epsilon;
        this.weight = parameter("weight", Tensor.ones(size), Parameter.Role.SCALE);
        this.bias = parameter("bias", Tensor.zeros(size), Parameter.Role.SHIFT);
    }

    /** The scale, gamma. */
    public Parameter weight() {
        return weight;
    }

    /** The shift, beta. */
    public Parameter bias() {
        return bias;
    }

    /** x [.., size] normalised. */
    @Override
    protected Tensor compute(Tensor x) {
        return layerNorm(x, weight.value(), bias.value(), epsilon, isTraining() ? weight.noise() : null);
    }
}
