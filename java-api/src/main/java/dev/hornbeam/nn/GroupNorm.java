package dev.hornbeam.nn;

import static dev.hornbeam.autograd.ops.GroupNorm.groupNorm;

import dev.hornbeam.tensor.Tensor;

/** Group normalisation (Wu and He 2018). Scales start at 1, shifts at 0. */
public final class GroupNorm extends Module {
    private final int groups;
    private final double epsilon;
    private final Parameter weight;
    private final Parameter bias;

    /** With epsilon 1e-5; {@code groups} divides {@code channels}. */
    public GroupNorm(int groups, int channels) {
        this(groups, channels, 1e-5);
    }

    /** With any epsilon; {@code groups} divides {@code channels}. */
    public GroupNorm(int groups, int channels, double epsilon) {
        if (groups < 1 || channels % groups != 0) {
            throw new IllegalArgumentException(
                    "group_norm: " + groups + " groups do not divide " + channels + " channels");
        }
        this.groups = groups;
        this.epsilon = epsilon;
        this.weight = parameter("weight", Tensor.ones(channels), Parameter.Role.SCALE);
        this.bias = parameter("bias", Tensor.zeros(channels), Parameter.Role.SHIFT);
    }

    /** The scale, gamma. */
    public Parameter weight() {
        return weight;
    }

    /** The shift, beta. */
    public Parameter bias() {
        return bias;
    }

    /** x [n, .., c] normalised. */
    @Override
    protected Tensor compute(Tensor x) {
        return groupNorm(x, weight.value(), bias.value(), groups, epsilon, isTraining() ? weight.noise() : null);
    }
}
