package dev.hornbeam.nn;

import dev.hornbeam.autograd.ops.Noise;

/**
 * Noise on all kernels and normalisation scales of a network for one training step: DAMP (Trinh et al. 2024, algorithm 1)
 * or DAAP (algorithm 3). Biases and normalisation shifts never get any.
 *
 * <p>The batch is split into {@code subBatches} runs with noise of their own; see {@link Noise}, which this is for one
 * weight.
 *
 * @param kind how the noise enters
 * @param gradient what the gradient is taken with respect to
 * @param subBatches M, at least 1
 * @param sigma the noise's deviation, at least 0
 * @param seed the run's seed
 * @param step the training step
 * @param firstStream stream of the first run, below 2<sup>24</sup>: with R replicas, replica * M
 */
public record WeightNoise(
        Noise.Kind kind, Noise.Gradient gradient, int subBatches, float sigma, long seed, int step, int firstStream) {
    /** Checks the ranges. */
    public WeightNoise {
        Noise.check(subBatches, sigma, firstStream);
    }

    /** Multiplicative noise with the gradient at the perturbed weight, as DAMP's published code has it, on one replica. */
    public static WeightNoise damp(int subBatches, float sigma, long seed, int step) {
        return new WeightNoise(
                Noise.Kind.MULTIPLICATIVE, Noise.Gradient.AT_PERTURBED, subBatches, sigma, seed, step, 0);
    }

    /** Additive noise, DAAP's, on one replica. */
    public static WeightNoise daap(int subBatches, float sigma, long seed, int step) {
        return new WeightNoise(Noise.Kind.ADDITIVE, Noise.Gradient.AT_PERTURBED, subBatches, sigma, seed, step, 0);
    }

    /** The same for another step. */
    public WeightNoise atStep(int other) {
        return new WeightNoise(kind, gradient, subBatches, sigma, seed, other, firstStream);
    }

    /** That of the weight with this number in its network. */
    public Noise forTensor(int tensor) {
        return new Noise(kind, gradient, subBatches, sigma, seed, tensor, step, firstStream);
    }
}
