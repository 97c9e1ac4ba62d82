package dev.hornbeam.training.corruption;

import java.util.Arrays;

/**
 * Takes the mean of the image and its middle, enlarged by several factors, as if the camera moved towards it.
 *
 * <p>The factors are 1, 1 + step, ... below an end; whether the end itself is one of them is decided by rounding, as it
 * was when the published sets were made: there are ⌈(end - 1)/step⌉ factors, computed in double precision. The image
 * itself counts once more. See {@link ClippedZoom}.
 */
final class ZoomBlur extends CanvasCorruption {
    private static final double[][] SMALL = Severities.table(
            Severities.of(1.06, .01),
            Severities.of(1.11, .01),
            Severities.of(1.16, .01),
            Severities.of(1.21, .01),
            Severities.of(1.26, .01));
    private static final Severities END_STEP = Severities.rows(
            SMALL,
            SMALL,
            Severities.table(
                    Severities.of(1.11, .01),
                    Severities.of(1.16, .01),
                    Severities.of(1.21, .02),
                    Severities.of(1.26, .02),
                    Severities.of(1.31, .03)));

    ZoomBlur() {
        super("zoom_blur");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = END_STEP.row(constants, severity);
        int factors = (int) Math.ceil((row[0] - 1) / row[1]);
        double step = (1 + row[1]) - 1;
        float[] image = canvas.levels();
        float[] out = canvas.out;
        Arrays.fill(out, 0);
        for (int i = 0; i < factors; i++) {
            ClippedZoom.add(canvas, image, out, canvas.height, canvas.width, 3, 1 + i * step);
        }
        float count = factors + 1;
        for (int k = 0; k < canvas.values; k++) {
            out[k] = (image[k] + out[k]) / count;
        }
    }
}
