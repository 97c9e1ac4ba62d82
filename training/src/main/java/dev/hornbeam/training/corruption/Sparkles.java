package dev.hornbeam.training.corruption;

/**
 * Adds five white {@link Star}s, one after the other, at random places.
 *
 * <p>The radius is a hundredth of the longer side times the severity's number, a ray at least a pixel. Star i takes
 * elements 3i (row), 3i+1 (column), 3i+2 (number of rays) and from 256·(i+1) on its rays.
 */
final class Sparkles extends CanvasCorruption {
    private static final Severities RADIUS = new Severities(
            Severities.of(.7, 3.5, 5.6, 6.3, 7),
            Severities.of(.85, 2.75, 4.3, 5.65, 6.5),
            Severities.of(1, 2, 3, 5, 6));

    Sparkles() {
        super("sparkles");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        int side = canvas.longerSide();
        double radius = 0.01 * RADIUS.at(constants, severity) * side;
        float[] out = canvas.out;
        System.arraycopy(canvas.levels(), 0, out, 0, canvas.values);
        for (int i = 0; i < 5; i++) {
            Star star = new Star(
                    draws.between(3L * i, 0, side),
                    draws.between(3L * i + 1, 0, side),
                    radius,
                    1,
                    1,
                    draws,
                    3L * i + 2,
                    256L * (i + 1));
            for (int y = 0, k = 0; y < canvas.height; y++) {
                for (int x = 0; x < canvas.width; x++, k += 3) {
                    float white = (float) star.at(y, x);
                    out[k] += white * (255 - out[k]);
                    out[k + 1] += white * (255 - out[k + 1]);
                    out[k + 2] += white * (255 - out[k + 2]);
                }
            }
        }
    }
}
