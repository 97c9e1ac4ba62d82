package dev.hornbeam.training.corruption;

/** Multiplies the saturation of every pixel in the HSV colour space by a and adds b, from 0 up to 1. */
final class Saturate extends CanvasCorruption {
    private static final Severities A_B = Severities.rows(
            Severities.table(
                    Severities.of(.3, 0),
                    Severities.of(.1, 0),
                    Severities.of(1.5, 0),
                    Severities.of(2, .1),
                    Severities.of(2.5, .2)),
            Severities.table(
                    Severities.of(.3, 0),
                    Severities.of(.1, 0),
                    Severities.of(2, 0),
                    Severities.of(5, .1),
                    Severities.of(30, .2)),
            Severities.table(
                    Severities.of(.3, 0),
                    Severities.of(.1, 0),
                    Severities.of(2, 0),
                    Severities.of(5, .1),
                    Severities.of(20, .2)));

    Saturate() {
        super("saturate");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] ab = A_B.row(constants, severity);
        Hsv.change(canvas, ab[0], ab[1], 0);
    }
}
