package dev.hornbeam.training.corruption;

/** Blurs along a line at a random angle of -45° to 45° with {@link LinearMotion}; element 0 of the draw is the angle. */
final class MotionBlur extends CanvasCorruption {
    private static final Severities RADIUS_SIGMA = Severities.rows(
            Severities.table(
                    Severities.of(6, 1),
                    Severities.of(6, 1.5),
                    Severities.of(6, 2),
                    Severities.of(8, 2),
                    Severities.of(9, 2.5)),
            Severities.table(
                    Severities.of(10, 1),
                    Severities.of(10, 1.5),
                    Severities.of(10, 2),
                    Severities.of(10, 2.5),
                    Severities.of(12, 3)),
            Severities.table(
                    Severities.of(10, 3),
                    Severities.of(15, 5),
                    Severities.of(15, 8),
                    Severities.of(15, 12),
                    Severities.of(20, 15)));

    MotionBlur() {
        super("motion_blur");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = RADIUS_SIGMA.row(constants, severity);
        LinearMotion.blur(
                canvas,
                canvas.levels(),
                canvas.out,
                canvas.height,
                canvas.width,
                3,
                (int) row[0],
                row[1],
                draws.between(0, -45, 45));
    }
}
