package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;
import dev.hornbeam.image.PixelLoops.SampleTables;
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
    private final Map<Double, SampleTables> tables = new ConcurrentHashMap<>();

    ShotNoise() {
        super("shot_noise");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double lambda = LAMBDA.at(constants, severity);
        SampleTables photons = tables.computeIfAbsent(lambda, ShotNoise::tables);
        PixelLoops.sample(canvas.in, canvas.out, canvas.values, photons, draws.stream());
    }

    // A distribution for every pixel value, and the result in levels for every number of photons.
    private static SampleTables tables(double lambda) {
        PoissonTable[] photons = new PoissonTable[256];
        for (int level = 0; level < photons.length; level++) {
            photons[level] = new PoissonTable(level / 255.0 * lambda);
        }
        float[] levels = new float[photons[255].largest() + 1];
        for (int n = 0; n < levels.length; n++) {
            levels[n] = Canvas.level(n / lambda);
        }
        return PoissonTable.joined(photons, levels);
    }
}
