package dev.hornbeam.training.corruption;

/**
 * Blurs the image, moves its pixels about, and blurs it again.
 *
 * <p>From the bottom right to the top left, but for a margin of the largest distance d, every pixel takes the colour of
 * a random one between d to the left or above and d - 1 to the right or below; this is done once or several times. It
 * is described as an exchange of the two pixels, but in the code that made the published sets the second half of the
 * exchange has no effect, and so it is here. The Gaussian filter is {@link GaussianFilter}, the first result cut to 8
 * bits. Pixel n of those moved takes uniform numbers 2n (to the right) and 2n+1 (down).
 */
final class GlassBlur extends CanvasCorruption {
    private static final Severities SIGMA_DISTANCE_TIMES = Severities.rows(
            Severities.table(
                    Severities.of(.05, 1, 1),
                    Severities.of(.25, 1, 1),
                    Severities.of(.4, 1, 1),
                    Severities.of(.25, 1, 2),
                    Severities.of(.4, 1, 2)),
            Severities.table(
                    Severities.of(.1, 1, 1),
                    Severities.of(.5, 1, 1),
                    Severities.of(.6, 1, 2),
                    Severities.of(.7, 2, 1),
                    Severities.of(.9, 2, 2)),
            Severities.table(
                    Severities.of(.7, 1, 2),
                    Severities.of(.9, 2, 1),
                    Severities.of(1, 2, 3),
                    Severities.of(1.1, 3, 2),
                    Severities.of(1.5, 4, 2)));

    GlassBlur() {
        super("glass_blur");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = SIGMA_DISTANCE_TIMES.row(constants, severity);
        int distance = (int) row[1];
        int times = (int) row[2];
        int height = canvas.height;
        int width = canvas.width;
        GaussianFilter filter = GaussianFilter.of(row[0], 4);
        double[] image = canvas.doubles(0, canvas.values);
        for (int k = 0; k < canvas.values; k++) {
            image[k] = Canvas.UNIT[canvas.in[k] & 0xff];
        }
        filter.apply(canvas, image, height, width, 3);
        for (int k = 0; k < canvas.values; k++) {
            // Whole levels, as units.
            image[k] = Canvas.UNIT[(int) (image[k] * 255)];
        }
        int moved = Math.max(0, height - 2 * distance) * Math.max(0, width - 2 * distance);
        float[] drawn = canvas.floats(0, 2 * times * moved);
        draws.uniforms(drawn, 2 * times * moved);
        int draw = 0;
        for (int time = 0; time < times && moved > 0; time++) {
            for (int y = height - distance; y > distance; y--) {
                for (int x = width - distance; x > distance; x--) {
                    int fromX = x - distance + (int) (drawn[draw] * (2 * distance));
                    int fromY = y - distance + (int) (drawn[draw + 1] * (2 * distance));
                    draw += 2;
                    int to = (y * width + x) * 3;
                    int from = (fromY * width + fromX) * 3;
                    image[to] = image[from];
                    image[to + 1] = image[from + 1];
                    image[to + 2] = image[from + 2];
                }
            }
        }
        filter.apply(canvas, image, height, width, 3);
        for (int k = 0; k < canvas.values; k++) {
            canvas.out[k] = Canvas.level(image[k]);
        }
    }
}
