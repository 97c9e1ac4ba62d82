package dev.hornbeam.training.corruption;

import dev.hornbeam.training.UserError;

/**
 * Shrinks the image by a factor, averaging, and enlarges it again.
 *
 * <p>Both ways with Pillow's box filter for 8-bit images: each new pixel is the mean of the old pixels whose centres
 * lie in its window, weighted in fixed point of 22 bits and rounded to 8 bits after each direction, rows first.
 */
final class Pixelate extends CanvasCorruption {
    private static final int WEIGHT_BITS = 22;
    private static final int HALF = 1 << (WEIGHT_BITS - 1);

    private static final Severities FACTOR = new Severities(
            Severities.of(.95, .9, .85, .75, .65),
            Severities.of(.9, .8, .7, .6, .5),
            Severities.of(.6, .5, .4, .3, .25));

    Pixelate() {
        super("pixelate");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        int height = canvas.height;
        int width = canvas.width;
        double factor = FACTOR.at(constants, severity);
        int smallHeight = (int) (height * factor);
        int smallWidth = (int) (width * factor);
        if (smallHeight < 1 || smallWidth < 1) {
            throw new UserError("pixelate at severity " + severity + " would shrink an image of " + height + "x" + width
                    + " to nothing; expected sides of at least " + (int) Math.ceil(1 / factor) + " pixels");
        }
        Windows narrower = new Windows(width, smallWidth);
        Windows lower = new Windows(height, smallHeight);
        Windows wider = new Windows(smallWidth, width);
        Windows higher = new Windows(smallHeight, height);
        int smallLength = 3 * smallWidth;
        int length = 3 * width;
        int[] sum = canvas.ints(0, smallLength);
        int[] line = canvas.ints(1, smallLength);
        byte[] wide = canvas.scratch();
        byte[] out = canvas.bytesOut();
        for (int y = 0; y < smallHeight; y++) {
            for (int i = 0; i < lower.count[y]; i++) {
                int row = (lower.first[y] + i) * length;
                narrower.resize(canvas.in, row, i == 0 ? sum : line);
                if (i > 0) {
                    add(sum, line, smallLength);
                }
            }
            mean(sum, lower.weight[lower.count[y]], smallLength);
            wider.enlarge(sum, wide, y * length);
        }
        for (int y = 0; y < height; y++) {
            int row = higher.first[y] * length;
            if (higher.count[y] == 1) {
                System.arraycopy(wide, row, out, y * length, length);
            } else {
                int weight = higher.weight[higher.count[y]];
                for (int k = 0; k < length; k++) {
                    int total = 0;
                    for (int i = 0; i < higher.count[y]; i++) {
                        total += wide[row + i * length + k] & 0xff;
                    }
                    out[y * length + k] = (byte) mean(total, weight);
                }
            }
        }
    }

    private static void add(int[] sum, int[] line, int count) {
        for (int k = 0; k < count; k++) {
            sum[k] += line[k];
        }
    }

    private static void mean(int[] sum, int weight, int count) {
        for (int k = 0; k < count; k++) {
            sum[k] = Math.min((weight * sum[k] + HALF) >> WEIGHT_BITS, 255);
        }
    }

    private static int mean(int sum, int weight) {
        return Math.min((weight * sum + HALF) >> WEIGHT_BITS, 255);
    }

    /** For every new pixel, the old pixels that make it: {@code count} of them from {@code first} on, all of one weight. */
    private static final class Windows {
        private final int size;
        private final int[] first;
        private final int[] count;
        // By the number of pixels.
        private final int[] weight;

        Windows(int oldSize, int size) {
            this.size = size;
            first = new int[size];
            count = new int[size];
            double scale = (double) oldSize / size;
            double stretch = Math.max(scale, 1);
            double inverse = 1 / stretch;
            int most = 0;
            for (int i = 0; i < size; i++) {
                double centre = (i + 0.5) * scale;
                int from = Math.max((int) (centre - 0.5 * stretch + 0.5), 0);
                int to = Math.min((int) (centre + 0.5 * stretch + 0.5), oldSize);
                first[i] = to;
                for (int j = from; j < to; j++) {
                    double distance = (j - centre + 0.5) * inverse;
                    if (distance > -0.5 && distance <= 0.5) {
                        first[i] = Math.min(first[i], j);
                        count[i]++;
                    }
                }
                most = Math.max(most, count[i]);
            }
            weight = new int[most + 1];
            for (int n = 1; n <= most; n++) {
                weight[n] = (int) (0.5 + (1.0 / n) * (1 << WEIGHT_BITS));
            }
        }

        /** Shrinks a row of an image. */
        void resize(byte[] image, int row, int[] result) {
            for (int x = 0, to = 0; x < size; x++, to += 3) {
                int from = row + 3 * first[x];
                int red = image[from] & 0xff;
                int green = image[from + 1] & 0xff;
                int blue = image[from + 2] & 0xff;
                int n = count[x];
                if (n > 1) {
                    int factor = weight[n];
                    for (int i = 1; i < n; i++) {
                        from += 3;
                        red += image[from] & 0xff;
                        green += image[from + 1] & 0xff;
                        blue += image[from + 2] & 0xff;
                    }
                    red = mean(red, factor);
                    green = mean(green, factor);
                    blue = mean(blue, factor);
                }
                result[to] = red;
                result[to + 1] = green;
                result[to + 2] = blue;
            }
        }

        /** Enlarges a row. */
        void enlarge(int[] line, byte[] result, int to) {
            for (int x = 0; x < size; x++, to += 3) {
                int from = 3 * first[x];
                int red = line[from];
                int green = line[from + 1];
                int blue = line[from + 2];
                int n = count[x];
                for (int i = 1; i < n; i++) {
                    red += line[from + 3 * i];
                    green += line[from + 3 * i + 1];
                    blue += line[from + 3 * i + 2];
                }
                if (n > 1) {
                    red = mean(red, weight[n]);
                    green = mean(green, weight[n]);
                    blue = mean(blue, weight[n]);
                }
                result[to] = (byte) red;
                result[to + 1] = (byte) green;
                result[to + 2] = (byte) blue;
            }
        }
    }
}
