package dev.hornbeam.training.image;

import java.util.Arrays;

/**
 * Changes the size of 8-bit images as {@link Resampling} does, with memory that is used again for the next image: for loops
 * over many images. One thread uses a resampler at a time.
 */
public final class Resampler {
    private static final int BITS = 22;
    private static final int HALF = 1 << (BITS - 1);

    private final Taps columns = new Taps();
    private final Taps rows = new Taps();
    private byte[] narrow = new byte[0];
    private int[] sums = new int[0];

    /**
     * Scales a window of an image to {@code width} x {@code height} and writes it to {@code target}: what
     * {@code Image.crop(window).resize((width, height))} of Pillow gives. Pixels outside of the window do not count.
     *
     * @param source pixels in the order [row][column][channel]
     * @param sourceWidth columns of {@code source}
     * @param channels of {@code source}, at least 1
     * @param left first column of the window, which lies within the image
     * @param top first row of the window
     * @param target takes {@code width * height * channels} bytes from its beginning on; not {@code source}
     */
    public void resize(
            byte[] source,
            int sourceWidth,
            int channels,
            int left,
            int top,
            int windowWidth,
            int windowHeight,
            int width,
            int height,
            Interpolation interpolation,
            byte[] target) {
        resize(
                new Window(source, sourceWidth, channels, left, top, windowWidth, windowHeight),
                new Part(width, height, 0, 0, width, height),
                interpolation,
                target);
    }

    /** Pixels that are scaled: a window of an image that has {@code stride} columns. */
    @SuppressWarnings("ArrayRecordComponent") // Read at once and dropped; never compared.
    record Window(byte[] pixels, int stride, int channels, int left, int top, int width, int height) {
        int at(int y) {
            return ((top + y) * stride + left) * channels;
        }
    }

    /** What is wanted of the scaled window, which has the size {@code width} x {@code height}. */
    record Part(int width, int height, int left, int top, int partWidth, int partHeight) {}

    void resize(Window window, Part part, Interpolation interpolation, byte[] target) {
        columns.compute(window.width(), part.width(), part.left(), part.partWidth(), interpolation);
        rows.compute(window.height(), part.height(), part.top(), part.partHeight(), interpolation);
        int channels = window.channels();
        int length = Math.multiplyExact(part.partWidth(), channels);
        // Only the rows that the second pass will read.
        boolean sameHeight = part.height() == window.height();
        int last = part.partHeight() - 1;
        int firstRow = sameHeight ? part.top() : rows.first[0];
        int endRow = sameHeight ? part.top() + part.partHeight() : rows.first[last] + rows.count[last];
        byte[] first = target;
        if (!sameHeight) {
            int needed = Math.multiplyExact(length, endRow - firstRow);
            if (narrow.length < needed) {
                narrow = new byte[needed];
            }
            first = narrow;
        }
        for (int y = firstRow; y < endRow; y++) {
            int to = (y - firstRow) * length;
            if (part.width() == window.width()) {
                System.arraycopy(window.pixels(), window.at(y) + part.left() * channels, first, to, length);
            } else if (channels == 3) {
                colourRow(window.pixels(), window.at(y), first, to);
            } else {
                for (int c = 0; c < channels; c++) {
                    row(window.pixels(), window.at(y) + c, channels, first, to + c);
                }
            }
        }
        if (!sameHeight) {
            columns(length, firstRow, target);
        }
    }

    private void row(byte[] source, int from, int channels, byte[] target, int to) {
        for (int x = 0; x < columns.length; x++) {
            int sum = HALF;
            int pixel = from + columns.first[x] * channels;
            int weight = x * columns.stride;
            for (int k = 0; k < columns.count[x]; k++, pixel += channels) {
                sum += columns.weights[weight + k] * (source[pixel] & 0xff);
            }
            target[to + x * channels] = clip(sum);
        }
    }

    private void colourRow(byte[] source, int from, byte[] target, int to) {
        int[] weights = columns.weights;
        for (int x = 0; x < columns.length; x++) {
            int red = HALF;
            int green = HALF;
            int blue = HALF;
            int pixel = from + 3 * columns.first[x];
            int weight = x * columns.stride;
            int end = weight + columns.count[x];
            for (; weight < end; weight++, pixel += 3) {
                int w = weights[weight];
                red += w * (source[pixel] & 0xff);
                green += w * (source[pixel + 1] & 0xff);
                blue += w * (source[pixel + 2] & 0xff);
            }
            target[to + 3 * x] = clip(red);
            target[to + 3 * x + 1] = clip(green);
            target[to + 3 * x + 2] = clip(blue);
        }
    }

    // Row by row, so that memory is read in order and the inner loops are over whole rows.
    private void columns(int length, int firstRow, byte[] target) {
        if (sums.length < length) {
            sums = new int[length];
        }
        int[] sum = sums;
        byte[] source = narrow;
        for (int y = 0; y < rows.length; y++) {
            Arrays.fill(sum, 0, length, HALF);
            for (int k = 0; k < rows.count[y]; k++) {
                add(source, (rows.first[y] - firstRow + k) * length, length, rows.weights[y * rows.stride + k], sum);
            }
            int to = y * length;
            for (int i = 0; i < length; i++) {
                target[to + i] = clip(sum[i]);
            }
        }
    }

    private static void add(byte[] source, int from, int length, int weight, int[] sum) {
        for (int i = 0; i < length; i++) {
            sum[i] += weight * (source[from + i] & 0xff);
        }
    }

    private static byte clip(int sum) {
        return (byte) Math.clamp(sum >> BITS, 0, 255);
    }

    /** Which source pixels each pixel of the result is made of, and how much of each. */
    private static final class Taps {
        private int length;
        // Of each pixel of the result: the first source pixel, and how many there are from it on.
        private int[] first = new int[0];
        private int[] count = new int[0];
        // Of each pixel of the result, this many; in units of 2^-22.
        private int stride;
        private int[] weights = new int[0];
        private double[] exact = new double[0];

        /** For pixels {@code begin} to {@code begin + length} of {@code size} made from {@code sourceSize}. */
        void compute(int sourceSize, int size, int begin, int newLength, Interpolation interpolation) {
            double scale = (double) sourceSize / size;
            double widening = Math.max(scale, 1);
            double radius = interpolation.radius() * widening;
            length = newLength;
            stride = 2 * (int) Math.ceil(radius) + 1;
            if (first.length < length) {
                first = new int[length];
                count = new int[length];
            }
            int needed = Math.multiplyExact(length, stride);
            if (weights.length < needed) {
                weights = new int[needed];
            }
            if (exact.length < stride) {
                exact = new double[stride];
            }
            for (int i = 0; i < length; i++) {
                double centre = (begin + i + 0.5) * scale;
                first[i] = Math.max(0, (int) (centre - radius + 0.5));
                count[i] = Math.min(sourceSize, (int) (centre + radius + 0.5)) - first[i];
                double sum = 0;
                for (int k = 0; k < count[i]; k++) {
                    exact[k] = interpolation.weight((k + first[i] - centre + 0.5) * (1 / widening));
                    sum += exact[k];
                }
                for (int k = 0; k < count[i]; k++) {
                    double fixed = exact[k] / sum * (1 << BITS);
                    weights[i * stride + k] = (int) (fixed < 0 ? fixed - 0.5 : fixed + 0.5);
                }
            }
        }
    }
}
