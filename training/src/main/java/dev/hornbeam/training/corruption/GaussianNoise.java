package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;

/** Adds normal noise of a standard deviation σ to every value; element k of the draw goes to value k. */
final class GaussianNoise extends CanvasCorruption {
    private static final Severities SIGMA = new Severities(
            Severities.of(.04, .06, .08, .09, .10),
            Severities.of(.04, .08, .12, .15, .18),
            Severities.of(.08, .12, .18, .26, .38));

    GaussianNoise() {
        super("gaussian_noise");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        float sigma = (float) (255 * SIGMA.at(constants, severity));
        PixelLoops.noise(canvas.in, canvas.out, canvas.values, sigma, false, draws.stream());
    }
}
