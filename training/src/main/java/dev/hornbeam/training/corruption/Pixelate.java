package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.training.UserError;

/**
 * Shrinks the image by a factor, averaging, and enlarges it again.
 *
 * <p>Both ways with Pillow's box filter for 8-bit images: each new pixel is the mean of the old pixels whose centres
 * lie in its window, weighted in fixed point of 22 bits and rounded to 8 bits after each direction, rows first.
 */
final class Pixelate implements Corruption {
    private static final int WEIGHT_BITS = 22;

    private static final Severities FACTOR = new Severities(
            Severities.of(.95, .9, .85, .75, .65),
            Severities.of(.9, .8, .7, .6, .5),
            Severities.of(.6, .5, .4, .3, .25));

    @Override
    public String name() {
        return "pixelate";
    }

    @Override
    public void apply(double[] rgb, int height, int width, int severity, ConstantSet constants, Philox draw) {
        double factor = FACTOR.at(constants, severity);
        int smallHeight = (int) (height * factor);
        int smallWidth = (int) (width * factor);
        if (smallHeight < 1 || smallWidth < 1) {
            throw new UserError("pixelate at severity " + severity + " would shrink an image of " + height + "x" + width
                    + " to nothing; expected sides of at least " + (int) Math.ceil(1 / factor) + " pixels");
        }
        int[] image = new int[rgb.length];
        for (int k = 0; k < image.length; k++) {
            image[k] = (int) Math.round(255 * rgb[k]);
        }
        int[] small = resize(image, height, width, smallHeight, smallWidth);
        int[] large = resize(small, smallHeight, smallWidth, height, width);
        for (int k = 0; k < rgb.length; k++) {
            rgb[k] = large[k] / 255.0;
        }
    }

    private static int[] resize(int[] image, int height, int width, int newHeight, int newWidth) {
        int[] wide = new int[height * newWidth * 3];
        Window[] columns = windows(width, newWidth);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < newWidth; x++) {
                for (int c = 0; c < 3; c++) {
                    wide[(y * newWidth + x) * 3 + c] = columns[x].mean(image, y * width * 3 + c, 3);
                }
            }
        }
        int[] high = new int[newHeight * newWidth * 3];
        Window[] rows = windows(height, newHeight);
        for (int y = 0; y < newHeight; y++) {
            for (int k = 0; k < newWidth * 3; k++) {
                high[y * newWidth * 3 + k] = rows[y].mean(wide, k, newWidth * 3);
            }
        }
        return high;
    }

    /** The old pixels that make one new one: `count` of them from `first`, all of one weight. */
    private record Window(int first, int count, int weight) {
        int mean(int[] values, int offset, int step) {
            int sum = 1 << (WEIGHT_BITS - 1);
            for (int i = 0, at = offset + first * step; i < count; i++, at += step) {
                sum += weight * values[at];
            }
            return Math.min(sum >> WEIGHT_BITS, 255);
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
