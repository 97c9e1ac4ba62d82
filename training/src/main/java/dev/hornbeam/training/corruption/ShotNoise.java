package dev.hornbeam.training.corruption;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Replaces every value x by Poisson(λx)/λ, as if λ were the photons that a white pixel receives.
 *
 * <p>Value k of the image is drawn by inversion from elements 2k and 2k+1: see {@link PoissonTable}.
 */
final class ShotNoise extends CanvasCorruption {
    private static final Severities LAMBDA = new Severities(
            Severities.of(500, 250, 100, 75, 50), Severities.of(250, 100, 50, 30, 15), Severities.of(60, 25, 12, 5, 3));

    // For each λ in use; about 1 MB for λ = 500, less for the others.
    private final Map<Double, Tables> tables = new ConcurrentHashMap<>();

    /** Of one λ: a table for every pixel value, and the result in levels for every number of photons. */
    private static final class Tables {
        private final PoissonTable[] photons = new PoissonTable[256];
        private final float[] levels;

        Tables(double lambda) {
            for (int level = 0; level < photons.length; level++) {
                photons[level] = new PoissonTable(level / 255.0 * lambda);
            }
            levels = new float[photons[255].largest() + 1];
            for (int n = 0; n < levels.length; n++) {
                levels[n] = Canvas.level(n / lambda);
            }
        }
    }

    ShotNoise() {
        super("shot_noise");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double lambda = LAMBDA.at(constants, severity);
        Tables ofLambda = tables.computeIfAbsent(lambda, Tables::new);
        PoissonTable[] photons = ofLambda.photons;
        float[] levels = ofLambda.levels;
        float[] uniforms = canvas.floats(0, 2 * canvas.values);
        draws.uniforms(uniforms, 2 * canvas.values);
        byte[] in = canvas.in;
        float[] out = canvas.out;
        for (int k = 0; k < canvas.values; k++) {
            out[k] = levels[photons[in[k] & 0xff].sample(uniforms[2 * k], uniforms[2 * k + 1])];
        }
    }
}
