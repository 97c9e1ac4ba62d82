package dev.hornbeam.training.augmentation;

import java.util.Arrays;

/**
 * Moves pixels: shear, shift, rotation, mirror image. What has no source is black.
 *
 * <p>Source pixels are found as Pillow's {@code Image.transform} finds them, so that the results are the same bytes: centres
 * of pixels are mapped; the nearest pixel in steps of 2<sup>-16</sup>, or the two-by-two mean in double precision.
 */
final class Geometry {
    private Geometry() {}

    /** Mirrors left and right. */
    static void flip(Canvas image) {
        byte[] pixels = image.pixels();
        int channels = image.channels();
        int row = image.width() * channels;
        for (int y = 0; y < image.height(); y++) {
            int left = y * row;
            int right = left + row - channels;
            for (; left < right; left += channels, right -= channels) {
                for (int c = 0; c < channels; c++) {
                    byte moved = pixels[left + c];
                    pixels[left + c] = pixels[right + c];
                    pixels[right + c] = moved;
                }
            }
        }
    }

    /** Cuts a window of the image out whose corner may lie outside; what is outside is black. */
    static void window(Canvas image, int left, int top, int width, int height) {
        int channels = image.channels();
        byte[] from = image.pixels();
        byte[] to = image.spare(width * height * channels);
        int first = Math.clamp(-(long) left, 0, width);
        int end = Math.clamp((long) image.width() - left, first, width);
        for (int y = 0; y < height; y++) {
            int row = y * width * channels;
            int source = y + top;
            if (source < 0 || source >= image.height() || first == end) {
                Arrays.fill(to, row, row + width * channels, (byte) 0);
                continue;
            }
            Arrays.fill(to, row, row + first * channels, (byte) 0);
            System.arraycopy(
                    from,
                    (source * image.width() + left + first) * channels,
                    to,
                    row + first * channels,
                    (end - first) * channels);
            Arrays.fill(to, row + end * channels, row + width * channels, (byte) 0);
        }
        image.swap(width, height);
    }

    /** Shears rows: column x of the result is column x + amount·y. */
    static void shearX(Canvas image, double amount, boolean smooth) {
        affine(image, 1, amount, 0, 0, 1, 0, smooth);
    }

    /** Shears columns: row y of the result is row y + amount·x. */
    static void shearY(Canvas image, double amount, boolean smooth) {
        affine(image, 1, 0, 0, amount, 1, 0, smooth);
    }

    /** Turns the image counterclockwise about its centre. */
    static void rotate(Canvas image, double degrees, boolean smooth) {
        double turn = degrees % 360;
        double angle = -Math.toRadians(turn < 0 ? turn + 360 : turn);
        double cos = fifteenPlaces(StrictMath.cos(angle));
        double sin = fifteenPlaces(StrictMath.sin(angle));
        double x = image.width() / 2.0;
        double y = image.height() / 2.0;
        double minusSin = fifteenPlaces(StrictMath.sin(-angle));
        affine(image, cos, sin, cos * -x + sin * -y + x, minusSin, cos, minusSin * -x + cos * -y + y, smooth);
    }

    private static double fifteenPlaces(double value) {
        return Math.rint(value * 1e15) / 1e15;
    }

    /**
     * Pixel (x, y) of the result is taken from (a x + b y + c, d x + e y + f) of the image.
     *
     * @param smooth weighted mean of four pixels, not the nearest one
     */
    static void affine(Canvas image, double a, double b, double c, double d, double e, double f, boolean smooth) {
        if (smooth) {
            bilinear(image, a, b, c, d, e, f);
        } else {
            nearest(image, a, b, c, d, e, f);
        }
        image.swap(image.width(), image.height());
    }

    private static void nearest(Canvas image, double a, double b, double c, double d, double e, double f) {
        int width = image.width();
        int height = image.height();
        int channels = image.channels();
        byte[] from = image.pixels();
        byte[] to = image.spare(image.length());
        long right = fixed(a);
        long down = fixed(b);
        long rightY = fixed(d);
        long downY = fixed(e);
        long startX = fixed(c + a * 0.5 + b * 0.5);
        long startY = fixed(f + d * 0.5 + e * 0.5);
        int out = 0;
        for (int y = 0; y < height; y++) {
            long x16 = startX;
            long y16 = startY;
            for (int x = 0; x < width; x++) {
                long column = x16 >> 16;
                long row = y16 >> 16;
                if (column >= 0 && column < width && row >= 0 && row < height) {
                    int in = ((int) row * width + (int) column) * channels;
                    for (int k = 0; k < channels; k++) {
                        to[out++] = from[in++];
                    }
                } else {
                    for (int k = 0; k < channels; k++) {
                        to[out++] = 0;
                    }
                }
                x16 += right;
                y16 += rightY;
            }
            startX += down;
            startY += downY;
        }
    }

    private static long fixed(double value) {
        return (long) Math.floor(value * 65536.0 + 0.5);
    }

    private static void bilinear(Canvas image, double a, double b, double c, double d, double e, double f) {
        int width = image.width();
        int height = image.height();
        int channels = image.channels();
        byte[] from = image.pixels();
        byte[] to = image.spare(image.length());
        int out = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++, out += channels) {
                double column = a * (x + 0.5) + b * (y + 0.5) + c;
                double row = d * (x + 0.5) + e * (y + 0.5) + f;
                if (column < 0 || column >= width || row < 0 || row >= height) {
                    for (int k = 0; k < channels; k++) {
                        to[out + k] = 0;
                    }
                    continue;
                }
                int left = (int) Math.floor(column - 0.5);
                int top = (int) Math.floor(row - 0.5);
                double dx = column - 0.5 - left;
                double dy = row - 0.5 - top;
                int x0 = Math.max(left, 0) * channels;
                int x1 = Math.min(left + 1, width - 1) * channels;
                int y0 = Math.max(top, 0) * width * channels;
                int y1 = Math.min(top + 1, height - 1) * width * channels;
                for (int k = 0; k < channels; k++) {
                    int upper = from[y0 + x0 + k] & 0xff;
                    int lower = from[y1 + x0 + k] & 0xff;
                    double v0 = upper + ((from[y0 + x1 + k] & 0xff) - upper) * dx;
                    double v1 = lower + ((from[y1 + x1 + k] & 0xff) - lower) * dx;
                    to[out + k] = (byte) (int) (v0 + (v1 - v0) * dy);
                }
            }
        }
    }
}
