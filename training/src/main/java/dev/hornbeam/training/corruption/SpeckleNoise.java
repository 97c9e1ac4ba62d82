package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;

/** Multiplies every value by 1 + N(0, σ²); element k of the draw goes to value k. */
final class SpeckleNoise extends CanvasCorruption {
    private static final Severities SIGMA = new Severities(
            Severities.of(.06, .1, .12, .16, .2),
            Severities.of(.15, .2, .25, .3, .35),
            Severities.of(.15, .2, .35, .45, .6));

    SpeckleNoise() {
        super("speckle_noise");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        float sigma = (float) SIGMA.at(constants, severity);
        PixelLoops.noise(canvas.in, canvas.out, canvas.values, sigma, true, draws.stream());
    }
}
