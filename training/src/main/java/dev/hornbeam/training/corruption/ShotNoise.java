package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Replaces every value x by Poisson(λx)/λ, as if λ were the photons that a white pixel receives.
 *
 * <p>Value k of the image is drawn by inversion from elements 2k and 2k+1: see {@link PoissonTable}.
 */
final class ShotNoise implements Corruption {
    private static final Severities LAMBDA = new Severities(
            Severities.of(500, 250, 100, 75, 50), Severities.of(250, 100, 50, 30, 15), Severities.of(60, 25, 12, 5, 3));

    // One table per pixel value for each λ in use: about 1 MB for λ = 500, less for the others.
    private final Map<Double, PoissonTable[]> tables = new ConcurrentHashMap<>();

    @Override
    public String name() {
        return "shot_noise";
    }

    @Override
    public void apply(double[] rgb, int height, int width, int severity, ConstantSet constants, Philox draw) {
        double lambda = LAMBDA.at(constants, severity);
        PoissonTable[] levels = tables.computeIfAbsent(lambda, ShotNoise::levels);
        float[] uniforms = new float[2 * rgb.length];
        draw.uniforms(0, uniforms);
        for (int k = 0; k < rgb.length; k++) {
            int level = (int) Math.round(255 * rgb[k]);
            rgb[k] = levels[level].sample(uniforms[2 * k], uniforms[2 * k + 1]) / lambda;
        }
    }

    private static PoissonTable[] levels(double lambda) {
        PoissonTable[] levels = new PoissonTable[256];
        for (int level = 0; level < levels.length; level++) {
            levels[level] = new PoissonTable(level / 255.0 * lambda);
        }
        return levels;
    }
}
