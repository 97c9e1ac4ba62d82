package dev.hornbeam.training.corruption;

/**
 * Shows the image through a {@link Star} and white around it.
 *
 * <p>The star is in the middle half of the image; its radius is a quarter of the longer side, and its light falls off with
 * the distance to the power of 0.26 times the severity's number. Elements 0 (row), 1 (column), 2 (number of rays) and from
 * 256 on the rays.
 */
final class InverseSparkles extends CanvasCorruption {
    private static final Severities FALL = new Severities(
            Severities.of(1, 1.5, 2.5, 4.5, 5), Severities.of(1, 1.75, 3.25, 6.75, 7.5), Severities.of(1, 2, 4, 9, 10));

    InverseSparkles() {
        super("inverse_sparkles");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        int side = canvas.longerSide();
        Star star = new Star(
                draws.between(0, 0.25, 0.75) * side,
                draws.between(1, 0.25, 0.75) * side,
                0.25 * side,
                Double.NEGATIVE_INFINITY,
                0.13 * FALL.at(constants, severity),
                draws,
                2,
                256);
        for (int y = 0, k = 0; y < canvas.height; y++) {
            for (int x = 0; x < canvas.width; x++, k += 3) {
                float seen = (float) star.at(y, x);
                canvas.out[k] = 255 + seen * ((canvas.in[k] & 0xff) - 255);
                canvas.out[k + 1] = 255 + seen * ((canvas.in[k + 1] & 0xff) - 255);
                canvas.out[k + 2] = 255 + seen * ((canvas.in[k + 2] & 0xff) - 255);
            }
        }
    }
}
