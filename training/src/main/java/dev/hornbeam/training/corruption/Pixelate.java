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
        int[] image = canvas.ints(0, canvas.values);
        for (int k = 0; k < canvas.values; k++) {
            image[k] = canvas.in[k] & 0xff;
        }
        int[] wide = canvas.ints(1, canvas.values);
        int[] small = canvas.ints(2, canvas.values);
        resizeRows(image, height, width, smallWidth, wide);
        resizeColumns(wide, height, smallHeight, 3 * smallWidth, small);
        resizeRows(small, smallHeight, smallWidth, width, wide);
        resizeColumns(wide, smallHeight, height, 3 * width, image);
        byte[] out = canvas.bytesOut();
        for (int k = 0; k < canvas.values; k++) {
            out[k] = (byte) image[k];
        }
    }

    private static void resizeRows(int[] image, int height, int width, int newWidth, int[] result) {
        Window[] columns = windows(width, newWidth);
        for (int y = 0; y < height; y++) {
            for (int x = 0, to = y * newWidth * 3; x < newWidth; x++, to += 3) {
                Window window = columns[x];
                int from = (y * width + window.first) * 3;
                if (window.count == 1) {
                    result[to] = image[from];
                    result[to + 1] = image[from + 1];
                    result[to + 2] = image[from + 2];
                    continue;
                }
                int red = 0;
                int green = 0;
                int blue = 0;
                for (int i = 0; i < window.count; i++, from += 3) {
                    red += image[from];
                    green += image[from + 1];
                    blue += image[from + 2];
                }
                result[to] = window.mean(red);
                result[to + 1] = window.mean(green);
                result[to + 2] = window.mean(blue);
            }
        }
    }

    private static void resizeColumns(int[] image, int height, int newHeight, int rowLength, int[] result) {
        Window[] rows = windows(height, newHeight);
        for (int y = 0; y < newHeight; y++) {
            Window window = rows[y];
            int to = y * rowLength;
            int from = window.first * rowLength;
            if (window.count == 1) {
                System.arraycopy(image, from, result, to, rowLength);
                continue;
            }
            for (int k = 0; k < rowLength; k++) {
                result[to + k] = image[from + k] + image[from + rowLength + k];
            }
            for (int i = 2; i < window.count; i++) {
                int row = from + i * rowLength;
                for (int k = 0; k < rowLength; k++) {
                    result[to + k] += image[row + k];
                }
            }
            for (int k = 0; k < rowLength; k++) {
                result[to + k] = window.mean(result[to + k]);
            }
        }
    }

    /** The old pixels that make one new one: `count` of them from `first`, all of one weight. */
    private record Window(int first, int count, int weight) {
        int mean(int sum) {
            return Math.min((weight * sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS, 255);
        }
    }

    private static Window[] windows(int size, int newSize) {
        double scale = (double) size / newSize;
        double stretch = Math.max(scale, 1);
        Window[] windows = new Window[newSize];
        for (int i = 0; i < newSize; i++) {
            double centre = (i + 0.5) * scale;
            int from = Math.max((int) (centre - 0.5 * stretch + 0.5), 0);
            int to = Math.min((int) (centre + 0.5 * stretch + 0.5), size);
            int first = to;
            int count = 0;
            for (int j = from; j < to; j++) {
                double distance = (j - centre + 0.5) * (1 / stretch);
                if (distance > -0.5 && distance <= 0.5) {
                    first = Math.min(first, j);
                    count++;
                }
            }
            windows[i] = new Window(first, count, (int) (0.5 + (1.0 / count) * (1 << WEIGHT_BITS)));
        }
        return windows;
    }
}
