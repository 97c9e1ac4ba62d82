package dev.hornbeam.training.corruption;

import java.util.Arrays;

/**
 * Whitens the image and lets it snow.
 *
 * <p>Flakes: normal numbers of a mean and deviation, one per pixel (element y·width + x), zoomed by {@link ClippedZoom},
 * set to 0 below a threshold, cut to 8 bits and blurred by {@link LinearMotion} at a random angle of -135° to -45°
 * (the element behind the last pixel). They are added to mix·x + (1 - mix)·max(x, 1.5·luma + 0.5), and added once more,
 * turned by 180°.
 */
final class Snow extends CanvasCorruption {
    // Mean, deviation, zoom, threshold, radius and σ of the blur, mix.
    private static final Severities FLAKES = Severities.rows(
            Severities.table(
                    Severities.of(.1, .2, 1, .6, 8, 3, .95),
                    Severities.of(.1, .2, 1, .5, 10, 4, .9),
                    Severities.of(.15, .3, 1.75, .55, 10, 4, .9),
                    Severities.of(.25, .3, 2.25, .6, 12, 6, .85),
                    Severities.of(.3, .3, 1.25, .65, 14, 12, .8)),
            Severities.table(
                    Severities.of(.1, .2, 1, .6, 8, 3, .8),
                    Severities.of(.1, .2, 1, .5, 10, 4, .8),
                    Severities.of(.15, .3, 1.75, .55, 10, 4, .7),
                    Severities.of(.25, .3, 2.25, .6, 12, 6, .65),
                    Severities.of(.3, .3, 1.25, .65, 14, 12, .6)),
            Severities.table(
                    Severities.of(.1, .3, 3, .5, 10, 4, .8),
                    Severities.of(.2, .3, 2, .5, 12, 4, .7),
                    Severities.of(.55, .3, 4, .9, 12, 8, .7),
                    Severities.of(.55, .3, 4.5, .85, 12, 8, .65),
                    Severities.of(.55, .3, 2.5, .85, 12, 12, .55)));

    Snow() {
        super("snow");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = FLAKES.row(constants, severity);
        int height = canvas.height;
        int width = canvas.width;
        int pixels = height * width;
        float[] drawn = canvas.floats(0, pixels);
        draws.normals(drawn, pixels);
        float mean = (float) row[0];
        float deviation = (float) row[1];
        for (int i = 0; i < pixels; i++) {
            drawn[i] = mean + deviation * drawn[i];
        }
        float[] flakes = canvas.floats(1, pixels);
        Arrays.fill(flakes, 0, pixels, 0);
        ClippedZoom.add(canvas, drawn, flakes, height, width, 1, row[2]);
        float threshold = (float) row[3];
        for (int i = 0; i < pixels; i++) {
            flakes[i] = flakes[i] < threshold ? 0 : (int) (255 * Math.min(flakes[i], 1));
        }
        float[] layer = canvas.floats(2, pixels);
        LinearMotion.blur(
                canvas, flakes, layer, height, width, 1, (int) row[4], row[5], draws.between(pixels, -135, -45));
        float mix = (float) row[6];
        float rest = 1 - mix;
        float[] levels = canvas.levels();
        float[] out = canvas.out;
        for (int i = 0, k = 0; i < pixels; i++, k += 3) {
            float red = levels[k];
            float green = levels[k + 1];
            float blue = levels[k + 2];
            float white = (0.299f * red + 0.587f * green + 0.114f * blue) * 1.5f + 127.5f;
            float snow = layer[i] + layer[pixels - 1 - i];
            out[k] = mix * red + rest * Math.max(red, white) + snow;
            out[k + 1] = mix * green + rest * Math.max(green, white) + snow;
            out[k + 2] = mix * blue + rest * Math.max(blue, white) + snow;
        }
    }
}
