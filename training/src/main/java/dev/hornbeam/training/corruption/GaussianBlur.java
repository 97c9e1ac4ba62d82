package dev.hornbeam.training.corruption;

import java.util.Arrays;

/**
 * Blurs every channel by a Gaussian of standard deviation σ pixels, with {@link GaussianFilter}: border pixels go on, 4σ
 * to each side.
 *
 * <p>The cut to 8 bits is that of the result in double precision. It is computed in single precision, and once more in
 * double where that is so close to a whole level that it might be on the wrong side.
 */
final class GaussianBlur extends CanvasCorruption {
    private static final Severities SIGMA = new Severities(
            Severities.of(.4, .6, .7, .8, 1), Severities.of(.5, .75, 1, 1.25, 1.5), Severities.of(1, 2, 3, 4, 6));

    // Rows that are looked through together.
    private static final int BAND = 16;
    // One in so many values is done again before all are.
    private static final int FEW = 50;

    GaussianBlur() {
        super("gaussian_blur");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        GaussianFilter filter = GaussianFilter.of(SIGMA.at(constants, severity), 4);
        int height = canvas.height;
        int width = canvas.width;
        float[][] columns = canvas.lines(0, 2 * width, 3 * height);
        float[][] turned = Arrays.copyOfRange(columns, 0, width);
        float[][] filtered = Arrays.copyOfRange(columns, width, 2 * width);
        float[][] rows = canvas.lines(1, 2 * height, 3 * width);
        float[][] result = Arrays.copyOfRange(rows, height, 2 * height);
        turnOver(canvas.in, turned, height, width);
        filter.lines(turned, filtered, width, 3 * height);
        LineFilter.turn(filtered, rows, height, width, 3, 1, 3);
        filter.lines(rows, result, height, 3 * width);
        for (int y = 0; y < height; y++) {
            System.arraycopy(result[y], 0, canvas.out, y * 3 * width, 3 * width);
        }
        if (!correct(canvas, filter, (float) (255 * filter.error()), rows, result)) {
            inDouble(canvas, filter);
        }
    }

    private static void turnOver(byte[] image, float[][] columns, int height, int width) {
        for (int x = 0; x < width; x++) {
            float[] column = columns[x];
            for (int y = 0, k = 3 * x; y < height; y++, k += 3 * width) {
                column[y] = image[k] & 0xff;
                column[height + y] = image[k + 1] & 0xff;
                column[2 * height + y] = image[k + 2] & 0xff;
            }
        }
    }

    // Does again what is too close to a whole level; false if that is too much, as where an image is flat.
    private static boolean correct(
            Canvas canvas, GaussianFilter filter, float error, float[][] distance, float[][] result) {
        int rowLength = 3 * canvas.width;
        int left = canvas.values / FEW;
        for (int first = 0; first < canvas.height; first += BAND) {
            int end = Math.min(first + BAND, canvas.height);
            float[] least = distance[first];
            Arrays.fill(least, 0, rowLength, 1);
            for (int y = first; y < end; y++) {
                leastDistance(result[y], least, rowLength);
            }
            for (int k = 0; k < rowLength; k++) {
                if (least[k] <= error) {
                    for (int y = first; y < end; y++) {
                        float level = result[y][k];
                        if (Math.abs(level - Math.max(1f, whole(level))) <= error) {
                            if (left-- == 0) {
                                return false;
                            }
                            canvas.out[y * rowLength + k] = Canvas.level(
                                    filter.exact(canvas.in, canvas.height, canvas.width, 3, y, k / 3, k % 3));
                        }
                    }
                }
            }
        }
        return true;
    }

    // Level 0 does not count: what is a little more is cut to the same byte, and it is never less.
    private static void leastDistance(float[] levels, float[] least, int count) {
        for (int k = 0; k < count; k++) {
            least[k] = Math.min(least[k], Math.abs(levels[k] - Math.max(1f, whole(levels[k]))));
        }
    }

    // What is added and taken off again leaves no place for what is behind the point.
    private static float whole(float level) {
        return (level + 0x1.8p23f) - 0x1.8p23f;
    }

    private static void inDouble(Canvas canvas, GaussianFilter filter) {
        double[] image = canvas.doubles(0, canvas.values);
        for (int k = 0; k < canvas.values; k++) {
            image[k] = Canvas.UNIT[canvas.in[k] & 0xff];
        }
        filter.apply(canvas, image, canvas.height, canvas.width, 3);
        for (int k = 0; k < canvas.values; k++) {
            canvas.out[k] = Canvas.level(image[k]);
        }
    }
}
