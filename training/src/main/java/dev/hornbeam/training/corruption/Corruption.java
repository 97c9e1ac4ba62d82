package dev.hornbeam.training.corruption;

/**
 * A way in which images go wrong, at five severities.
 *
 * <p>The definitions and constants are those of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to
 * Common Corruptions and Perturbations", 2019, and of Mintun, Kirillov and Xie, "On Interaction Between Augmentations
 * and Corruptions in Natural Corruption Robustness", 2021. Get one by name from {@link Corruptions}; corrupt one image
 * or a whole set with {@link CorruptedImages}.
 */
public sealed interface Corruption permits CanvasCorruption {
    /** Returns the published name, such as gaussian_noise. */
    String name();
}
