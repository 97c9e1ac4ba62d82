package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;
import java.lang.ref.SoftReference;

/**
 * One colour image on its way through a corruption, with room for what is computed on the way.
 *
 * <p>A thread uses one canvas for all its images, so that nothing is allocated per image. Arrays asked for by number
 * have at least the length asked for and hold whatever was left in them.
 */
final class Canvas {
    /** Values k/255 in double precision. */
    static final double[] UNIT = new double[256];

    static {
        for (int k = 0; k < 256; k++) {
            UNIT[k] = k / 255.0;
        }
    }

    /** Rows. */
    final int height;
    /** Columns. */
    final int width;
    /** Values: three per pixel. */
    final int values;
    /** The clean image in the order HWC, three channels. */
    final byte[] in;
    /** The result in levels: 0 is black, 255 is white. */
    final float[] out;

    private final byte[] bytesOut;
    private final byte[] scratch;
    private boolean bytes;
    private final float[][] floats = new float[4][0];
    private final double[][] doubles = new double[3][0];
    private final float[][][] lines = new float[3][0][];

    // The last one of each thread, as long as there is memory for it.
    private static final ThreadLocal<SoftReference<Canvas>> LAST = new ThreadLocal<>();

    /** Returns a canvas of that size for this thread, the same one as for the thread's image before if that had the size. */
    static Canvas ofThread(int height, int width) {
        SoftReference<Canvas> last = LAST.get();
        Canvas canvas = last == null ? null : last.get();
        if (canvas == null || canvas.height != height || canvas.width != width) {
            canvas = new Canvas(height, width);
            LAST.set(new SoftReference<>(canvas));
        }
        return canvas;
    }

    Canvas(int height, int width) {
        this.height = height;
        this.width = width;
        values = height * width * 3;
        in = new byte[values];
        out = new float[values];
        bytesOut = new byte[values];
        scratch = new byte[values];
    }

    /** Returns an array for the result in whole levels, to be used instead of {@link #out}. */
    byte[] bytesOut() {
        bytes = true;
        return bytesOut;
    }

    float[] floats(int number, int length) {
        if (floats[number].length < length) {
            floats[number] = new float[length];
        }
        return floats[number];
    }

    double[] doubles(int number, int length) {
        if (doubles[number].length < length) {
            doubles[number] = new double[length];
        }
        return doubles[number];
    }

    /** Returns arrays, each for one line of an image. */
    float[][] lines(int number, int count, int length) {
        if (lines[number].length < count || lines[number][0].length < length) {
            lines[number] = new float[count][length];
        }
        return lines[number];
    }

    /** Returns room for a picture of this size, in which {@link #levels} works. */
    byte[] scratch() {
        return scratch;
    }

    /** Returns array 0 of floats with the clean image in levels. */
    float[] levels() {
        return levels(in, 0);
    }

    /** Returns an array of floats with the levels of a picture of this size. */
    float[] levels(byte[] picture, int number) {
        float[] levels = floats(number, values);
        flipTopBits(picture, scratch, values);
        addMiddle(scratch, levels, values);
        return levels;
    }

    // Bytes become floats in two steps, because the compiler makes vector instructions of signed bytes only.
    private static void flipTopBits(byte[] from, byte[] to, int count) {
        for (int k = 0; k < count; k++) {
            to[k] = (byte) (from[k] ^ 0x80);
        }
    }

    private static void addMiddle(byte[] from, float[] to, int count) {
        for (int k = 0; k < count; k++) {
            to[k] = from[k] + 128f;
        }
    }

    /** Returns the larger of height and width. */
    int longerSide() {
        return Math.max(height, width);
    }

    /** Makes the pixel whose values begin at k the clean one, brighter by some levels. */
    void addGrey(int k, float levels) {
        out[k] = (in[k] & 0xff) + levels;
        out[k + 1] = (in[k + 1] & 0xff) + levels;
        out[k + 2] = (in[k + 2] & 0xff) + levels;
    }

    /** Returns the largest value of the clean image. */
    int brightest() {
        int most = 0;
        for (int k = 0; k < values; k++) {
            most = Math.max(most, in[k] & 0xff);
        }
        return most;
    }

    /** Takes an image of one or three channels, one of three also in {@link #in} itself. */
    @SuppressWarnings("ReferenceEquality") // whether it is that array
    void load(byte[] image, int channels) {
        bytes = false;
        if (channels == 3) {
            if (image != in) {
                System.arraycopy(image, 0, in, 0, values);
            }
        } else {
            for (int i = 0, k = 0; k < values; i++, k += 3) {
                in[k] = image[i];
                in[k + 1] = image[i];
                in[k + 2] = image[i];
            }
        }
    }

    /** Gives the result, cut to bytes, from {@code at} on; of a grey image, the mean of the three channels. */
    void store(byte[] images, int at, int channels) {
        if (channels == 3 && bytes) {
            System.arraycopy(bytesOut, 0, images, at, values);
        } else if (channels == 3) {
            PixelLoops.cut(out, images, at, values);
        } else {
            for (int i = at, k = 0; k < values; i++, k += 3) {
                images[i] = (byte)
                        (bytes
                                ? ((bytesOut[k] & 0xff) + (bytesOut[k + 1] & 0xff) + (bytesOut[k + 2] & 0xff)) / 3
                                : (int) mean(clip(out[k]), clip(out[k + 1]), clip(out[k + 2])));
            }
        }
    }

    // Of three equal numbers the mean is that number; (a + a + a) / 3 may be a little less, which the cut would show.
    private static float mean(float a, float b, float c) {
        return a == b && a == c ? a : (a + b + c) / 3;
    }

    private static float clip(float level) {
        return Math.min(Math.max(level, 0), 255);
    }

    /**
     * Returns a value in [0,1] as a level whose whole part is that of {@code 255 * value} in double precision.
     *
     * <p>Rounding to float could carry 50.9999999 over to 51, which the published sets, computed in double precision,
     * cut to 50.
     */
    static float level(double value) {
        double exact = value * 255;
        float level = (float) exact;
        return level > exact ? Math.nextDown(level) : level;
    }
}
