package dev.hornbeam.training.image;

import java.util.Arrays;

/**
 * Changes the size of 8-bit images as Pillow's {@code Image.resize} does, to the same bytes.
 *
 * <p>Separable: rows first, then columns, each rounded to 8 bits. A pixel of the result is the weighted mean of the source
 * pixels within the filter's radius of its centre; where the image gets smaller, filter and radius are widened by the factor of
 * reduction. Weights are computed in double precision, normalised to a sum of 1 (at a border too) and rounded to 22 binary
 * places; sums are exact integers. So the result is the same everywhere, and the same as that of Pillow 2.7 or newer.
 */
public final class Resampling {
    private static final int BITS = 22;
    private static final int HALF = 1 << (BITS - 1);

    private Resampling() {}

    /** Returns {@code image} scaled to that size. */
    public static PixelImage resize(PixelImage image, int width, int height, Interpolation interpolation) {
        return resize(image, width, height, interpolation, 0, 0, width, height);
    }

    /**
     * Returns a window of {@code image} scaled to {@code width} x {@code height}; only what the window needs is computed.
     *
     * @param left first column of the window in the scaled image
     * @param top first row of the window in the scaled image
     */
    public static PixelImage resize(
            PixelImage image,
            int width,
            int height,
            Interpolation interpolation,
            int left,
            int top,
            int cropWidth,
            int cropHeight) {
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException(
                    "an image of " + width + "x" + height + " pixels; expected at least one");
        }
        if (left < 0
                || top < 0
                || cropWidth < 1
                || cropHeight < 1
                || left + (long) cropWidth > width
                || top + (long) cropHeight > height) {
            throw new IllegalArgumentException("a window of " + cropWidth + "x" + cropHeight + " at (" + left + ", "
                    + top + ") of an image of " + width + "x" + height);
        }
        Taps columns = Taps.of(image.width(), width, left, cropWidth, interpolation);
        Taps rows = Taps.of(image.height(), height, top, cropHeight, interpolation);
        // Only the rows that the second pass will read.
        boolean sameHeight = height == image.height();
        int firstRow = sameHeight ? top : rows.first[0];
        int endRow = sameHeight ? top + cropHeight : rows.first[cropHeight - 1] + rows.count[cropHeight - 1];
        byte[] narrow;
        if (width == image.width()) {
            narrow = image.crop(left, firstRow, cropWidth, endRow - firstRow).pixels();
        } else {
            narrow = new byte[Math.multiplyExact(cropWidth * (endRow - firstRow), image.channels())];
            for (int y = firstRow; y < endRow; y++) {
                int from = y * image.width() * image.channels();
                int to = (y - firstRow) * cropWidth * image.channels();
                if (image.channels() == 3) {
                    colourRow(image.pixels(), from, narrow, to, columns);
                } else {
                    greyRow(image.pixels(), from, narrow, to, columns);
                }
            }
        }
        int length = cropWidth * image.channels();
        byte[] result = sameHeight ? narrow : columns(narrow, length, firstRow, rows, new byte[length * cropHeight]);
        return new PixelImage(cropWidth, cropHeight, image.channels(), result);
    }

    private static void greyRow(byte[] source, int from, byte[] target, int to, Taps taps) {
        for (int x = 0; x < taps.count.length; x++) {
            int sum = HALF;
            int pixel = from + taps.first[x];
            int weight = x * taps.stride;
            for (int k = 0; k < taps.count[x]; k++) {
                sum += taps.weights[weight + k] * (source[pixel + k] & 0xff);
            }
            target[to + x] = clip(sum);
        }
    }

    private static void colourRow(byte[] source, int from, byte[] target, int to, Taps taps) {
        for (int x = 0; x < taps.count.length; x++) {
            int red = HALF;
            int green = HALF;
            int blue = HALF;
            int pixel = from + 3 * taps.first[x];
            int weight = x * taps.stride;
            for (int k = 0; k < taps.count[x]; k++, pixel += 3) {
                int w = taps.weights[weight + k];
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
    private static byte[] columns(byte[] source, int length, int firstRow, Taps taps, byte[] target) {
        int[] sums = new int[length];
        for (int y = 0; y < taps.count.length; y++) {
            Arrays.fill(sums, HALF);
            for (int k = 0; k < taps.count[y]; k++) {
                int w = taps.weights[y * taps.stride + k];
                int row = (taps.first[y] - firstRow + k) * length;
                for (int i = 0; i < length; i++) {
                    sums[i] += w * (source[row + i] & 0xff);
                }
            }
            int to = y * length;
            for (int i = 0; i < length; i++) {
                target[to + i] = clip(sums[i]);
            }
        }
        return target;
    }

    private static byte clip(int sum) {
        return (byte) Math.clamp(sum >> BITS, 0, 255);
    }

    /** Which source pixels each pixel of the result is made of, and how much of each. */
    private static final class Taps {
        // Of each pixel of the result: the first source pixel, and how many there are from it on.
        private final int[] first;
        private final int[] count;
        // Of each pixel of the result, this many; in units of 2^-22.
        private final int stride;
        private final int[] weights;

        private Taps(int[] first, int[] count, int stride, int[] weights) {
            this.first = first;
            this.count = count;
            this.stride = stride;
            this.weights = weights;
        }

        /** For pixels {@code begin} to {@code begin + length} of {@code size} made from {@code sourceSize}. */
        static Taps of(int sourceSize, int size, int begin, int length, Interpolation interpolation) {
            double scale = (double) sourceSize / size;
            double widening = Math.max(scale, 1);
            double radius = interpolation.radius() * widening;
            int stride = 2 * (int) Math.ceil(radius) + 1;
            int[] first = new int[length];
            int[] count = new int[length];
            int[] weights = new int[Math.multiplyExact(length, stride)];
            double[] exact = new double[stride];
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
            return new Taps(first, count, stride, weights);
        }
    }
}
