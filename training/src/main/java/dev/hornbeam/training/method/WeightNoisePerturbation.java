package dev.hornbeam.training.method;

import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.WeightNoise;

/**
 * DAMP and DAAP: the gradient at weights with random noise, drawn anew for every sub-batch of every step.
 *
 * <p>Source: Trinh et al., "Improving robustness to corruptions with multiplicative weight perturbations" (NeurIPS 2024),
 * Algorithm 1 (multiplicative, DAMP) and Algorithm 3 (additive, DAAP). The whole batch goes through the network once:
 * each layer draws the noise of every sub-batch where it reads its weight, and no perturbed weight is stored. Kernels of
 * convolutions and linear layers and scales of norms are perturbed; biases and shifts are not. The optimizer and its
 * weight decay see the clean weights.
 *
 * @param kind multiplicative (DAMP) or additive (DAAP)
 * @param sigma standard deviation of the factors or summands, at least 0
 * @param subBatches runs that the batch is split into, each with noise of its own, at least 1; the last batch of an epoch
 *     may be smaller, and its runs then differ by one sample at most
 * @param gradient with respect to the perturbed weights, as in the published code, or to the clean ones
 * @param seed the run's seed
 * @param replica which of several processes that share a step this is, from 0: it draws streams {@code replica M} to
 *     {@code replica M + M - 1}, so that R processes with M sub-batches draw the noise of one with R M
 */
public record WeightNoisePerturbation(
        Noise.Kind kind, double sigma, int subBatches, Noise.Gradient gradient, long seed, int replica)
        implements WeightPerturbation {

    /** For the only process of a step. */
    public WeightNoisePerturbation(Noise.Kind kind, double sigma, int subBatches, Noise.Gradient gradient, long seed) {
        this(kind, sigma, subBatches, gradient, seed, 0);
    }

    @Override
    public GradientPass.Outcome gradient(Module model, GradientPass pass, long step) {
        int firstStream = Math.multiplyExact(replica, subBatches);
        model.setWeightNoise(
                new WeightNoise(kind, gradient, subBatches, (float) sigma, seed, Math.toIntExact(step), firstStream));
        try {
            return pass.run();
        } finally {
            model.setWeightNoise(null);
        }
    }
}
