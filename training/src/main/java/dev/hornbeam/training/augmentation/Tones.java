package dev.hornbeam.training.augmentation;

/**
 * Changes to the values of pixels, the same bytes as those of Pillow's {@code ImageOps}, {@code ImageEnhance} and, for the
 * hue, its conversion to HSV.
 */
final class Tones {
    private Tones() {}

    /** Keeps the upper {@code bits} of every value, 0 to 8. */
    static void posterize(Canvas image, int bits) {
        int mask = 0xff & -(1 << (8 - bits));
        byte[] table = image.table();
        for (int i = 0; i < 256; i++) {
            table[i] = (byte) (i & mask);
        }
        image.look();
    }

    /** Inverts values from {@code threshold} on. */
    static void solarize(Canvas image, double threshold) {
        byte[] table = image.table();
        for (int i = 0; i < 256; i++) {
            table[i] = (byte) (i < threshold ? i : 255 - i);
        }
        image.look();
    }

    /** Stretches the values of each channel to 0 to 255. */
    static void autoContrast(Canvas image) {
        byte[] table = image.table();
        for (int c = 0; c < image.channels(); c++) {
            int[] counts = image.histogram(c);
            int low = 0;
            while (counts[low] == 0) {
                low++;
            }
            int high = 255;
            while (counts[high] == 0) {
                high--;
            }
            if (high <= low) {
                continue;
            }
            double scale = 255.0 / (high - low);
            double offset = -low * scale;
            for (int i = 0; i < 256; i++) {
                table[i] = (byte) Math.clamp((int) (i * scale + offset), 0, 255);
            }
            image.look(c);
        }
    }

    /** Makes the values of each channel about equally frequent. */
    static void equalize(Canvas image) {
        byte[] table = image.table();
        int pixels = image.width() * image.height();
        for (int c = 0; c < image.channels(); c++) {
            int[] counts = image.histogram(c);
            int last = 255;
            while (counts[last] == 0) {
                last--;
            }
            // One value only makes it 0 as well.
            int step = (pixels - counts[last]) / 255;
            if (step == 0) {
                continue;
            }
            int sum = step / 2;
            for (int i = 0; i < 256; i++) {
                table[i] = (byte) Math.min(sum / step, 255);
                sum += counts[i];
            }
            image.look(c);
        }
    }

    /** Mixes with black: 0 is black, 1 the image, more is brighter. */
    static void brightness(Canvas image, float factor) {
        blendTable(image, 0, factor);
    }

    /** Mixes with the mean grey of the image. */
    static void contrast(Canvas image, float factor) {
        long sum = 0;
        int length = image.length();
        for (int i = 0; i < length; i += image.channels()) {
            sum += image.luma(i);
        }
        double mean = (double) sum / (image.width() * (long) image.height());
        blendTable(image, (int) (mean + 0.5), factor);
    }

    private static void blendTable(Canvas image, int other, float factor) {
        byte[] table = image.table();
        for (int i = 0; i < 256; i++) {
            table[i] = blend(other, i, factor);
        }
        image.look();
    }

    /** Mixes with the grey image: 0 is grey, 1 the image, more is more colourful. Images of one channel stay. */
    static void colour(Canvas image, float factor) {
        if (image.channels() != 3) {
            return;
        }
        byte[] pixels = image.pixels();
        int length = image.length();
        for (int i = 0; i < length; i += 3) {
            int grey = image.luma(i);
            pixels[i] = blend(grey, pixels[i] & 0xff, factor);
            pixels[i + 1] = blend(grey, pixels[i + 1] & 0xff, factor);
            pixels[i + 2] = blend(grey, pixels[i + 2] & 0xff, factor);
        }
    }

    /**
     * Mixes with a smoothed image: 0 is smooth, 1 the image, more is sharper. It is smoothed with weights 5 for a pixel and 1
     * for each of the eight around it; pixels at the border stay.
     */
    static void sharpness(Canvas image, float factor) {
        int width = image.width();
        int height = image.height();
        if (width < 3 || height < 3) {
            return;
        }
        int step = image.channels();
        int row = width * step;
        byte[] from = image.pixels();
        byte[] to = image.spare(image.length());
        System.arraycopy(from, 0, to, 0, image.length());
        for (int y = 1; y < height - 1; y++) {
            int end = (y + 1) * row - step;
            for (int i = y * row + step; i < end; i++) {
                int value = from[i] & 0xff;
                int sum = three(from, i - row, step) + three(from, i, step) + three(from, i + row, step) + 4 * value;
                to[i] = blend((2 * sum + 13) / 26, value, factor);
            }
        }
        image.swap(width, height);
    }

    private static int three(byte[] pixels, int at, int step) {
        return (pixels[at - step] & 0xff) + (pixels[at] & 0xff) + (pixels[at + step] & 0xff);
    }

    // In f32 and cut to an integer, as Pillow's Image.blend does.
    private static byte blend(int other, int value, float factor) {
        float mixed = other + factor * (value - other);
        return (byte) (mixed <= 0 ? 0 : mixed >= 255 ? 255 : (int) mixed);
    }

    /**
     * Turns the hue by {@code turn} of the whole circle, -0.5 to 0.5, in steps of 1/256 of it. Images of one channel stay.
     */
    static void hue(Canvas image, double turn) {
        if (image.channels() != 3) {
            return;
        }
        int shift = (int) (turn * 255);
        byte[] pixels = image.pixels();
        int length = image.length();
        for (int i = 0; i < length; i += 3) {
            turnHue(pixels, i, shift);
        }
    }

    // Through 8-bit hue and saturation, in the mixture of f32 and double that Pillow computes in.
    private static void turnHue(byte[] pixels, int at, int shift) {
        int r = pixels[at] & 0xff;
        int g = pixels[at + 1] & 0xff;
        int b = pixels[at + 2] & 0xff;
        int max = Math.max(r, Math.max(g, b));
        int min = Math.min(r, Math.min(g, b));
        if (max == min) {
            return;
        }
        float range = max - min;
        float redness = (max - r) / range;
        float greenness = (max - g) / range;
        float blueness = (max - b) / range;
        float h;
        if (r == max) {
            h = blueness - greenness;
        } else if (g == max) {
            h = (float) (2.0 + redness - blueness);
        } else {
            h = (float) (4.0 + greenness - redness);
        }
        h = (float) ((h / 6.0 + 1.0) % 1.0);
        int hue = ((int) (h * 255.0) + shift) & 0xff;
        int saturation = (int) (range / max * 255.0);
        if (saturation == 0) {
            pixels[at] = (byte) max;
            pixels[at + 1] = (byte) max;
            pixels[at + 2] = (byte) max;
            return;
        }
        int sector = (int) (hue * 6.0 / 255.0);
        float f = (float) (hue * 6.0 / 255.0 - sector);
        float s = (float) (saturation / 255.0);
        byte p = rounded(max * (1.0 - s));
        byte q = rounded(max * (1.0 - s * f));
        byte t = rounded(max * (1.0 - s * (1.0 - f)));
        byte v = (byte) max;
        switch (sector % 6) {
            case 0 -> set(pixels, at, v, t, p);
            case 1 -> set(pixels, at, q, v, p);
            case 2 -> set(pixels, at, p, v, t);
            case 3 -> set(pixels, at, p, q, v);
            case 4 -> set(pixels, at, t, p, v);
            default -> set(pixels, at, v, p, q);
        }
    }

    private static byte rounded(double value) {
        return (byte) Math.clamp((int) Math.floor(value + 0.5), 0, 255);
    }

    private static void set(byte[] pixels, int at, byte r, byte g, byte b) {
        pixels[at] = r;
        pixels[at + 1] = g;
        pixels[at + 2] = b;
    }
}
