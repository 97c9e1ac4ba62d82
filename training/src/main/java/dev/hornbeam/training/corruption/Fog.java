package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;

/**
 * Adds clouds times a strength and darkens the result by m/(m + strength), m being the brightest value of the clean image.
 *
 * <p>Clouds are a random landscape with heights from 0 to 1, by the diamond-square method on a torus with a side of the
 * next power of two n: its deviation, U(-100², 100²) at first, is divided by the square of the decay with every halving.
 * The point in row y and column x takes uniform number y·n + x; the one at the origin is 0.
 */
final class Fog extends CanvasCorruption {
    private static final Severities STRENGTH_DECAY = Severities.rows(
            Severities.table(
                    Severities.of(.2, 3),
                    Severities.of(.5, 3),
                    Severities.of(.75, 2.5),
                    Severities.of(1, 2),
                    Severities.of(1.5, 1.75)),
            Severities.table(
                    Severities.of(.4, 3),
                    Severities.of(.7, 3),
                    Severities.of(1, 2.5),
                    Severities.of(1.5, 2),
                    Severities.of(2, 1.75)),
            Severities.table(
                    Severities.of(1.5, 2),
                    Severities.of(2, 2),
                    Severities.of(2.5, 1.7),
                    Severities.of(2.5, 1.5),
                    Severities.of(3, 1.4)));

    Fog() {
        super("fog");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = STRENGTH_DECAY.row(constants, severity);
        PixelLoops.fog(canvas.in, canvas.out, canvas.height, canvas.width, row[0], row[1], draws.stream());
    }
}
