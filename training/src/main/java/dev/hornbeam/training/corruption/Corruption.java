package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;

/**
 * A way in which images go wrong, at five severities.
 *
 * <p>The definitions and constants are those of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to
 * Common Corruptions and Perturbations", 2019. Get one by name from {@link Corruptions}; corrupt whole sets with
 * {@link CorruptedImages}.
 */
public sealed interface Corruption permits Brightness, Contrast, GaussianBlur, GaussianNoise, Pixelate, ShotNoise {
    /** Returns the published name, such as gaussian_noise. */
    String name();

    /**
     * Changes one image in place.
     *
     * <p>The caller clips the result to [0,1] and cuts it to 8 bits, so a corruption need not.
     *
     * @param rgb the image in the order HWC with three channels, every value a multiple of 1/255 in [0,1]
     * @param height rows
     * @param width columns
     * @param severity 1 (mild) to 5 (strong)
     * @param constants which published constants to use
     * @param draw the random numbers of this image, corruption and severity
     * @throws dev.hornbeam.training.UserError if the image is too small for this corruption
     */
    void apply(double[] rgb, int height, int width, int severity, ConstantSet constants, Philox draw);
}
