package dev.hornbeam.tensor;

import java.util.Objects;

/**
 * A stream of random numbers in which every element is a pure function of its index: Philox 4x32-10.
 *
 * <p>Nothing is remembered between draws, so any order and any thread gives the same numbers, and the native library,
 * CUDA and the Python reference give the same bits. {@code docs/randomness.md} says which stream is used for what.
 *
 * <p>Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Normal numbers come
 * from words by Box and Muller's method (1958), in the f32 operations of {@code native/src/core/normal.h}.
 *
 * @param seed the run's seed: all 64 bits count
 * @param purpose what the numbers are for; streams of two purposes share nothing
 * @param tensor which tensor, usually a parameter's index in the model; all 32 bits count
 * @param step which step of the optimizer, or epoch; all 32 bits count
 * @param stream which of several streams of the same purpose, tensor and step, 0 to 2<sup>24</sup> - 1
 */
public record Philox(long seed, Purpose purpose, int tensor, int step, int stream) {

    /** What a stream is for; its {@link #code} is part of the counter and never changes. */
    public enum Purpose {
        TEST(0),
        /** Initial weights. */
        INIT(1),
        /** Noise on weights: DAMP, DAAP. */
        WEIGHT_NOISE(2),
        DROPOUT(3),
        /** The order of samples. */
        SHUFFLE(4),
        /** Crops, flips and the like. */
        AUGMENT(5),
        /** Labels made wrong on purpose. */
        LABEL_NOISE(6),
        /** Images made worse on purpose. */
        CORRUPTION(7),
        /** Perturbed inputs, such as the random start of an attack. */
        INPUT(8),
        /** Synthetic data and splits. */
        DATA(9);

        private final int code;

        Purpose(int code) {
            this.code = code;
        }

        /** The number that stands for this purpose in the counter, 0 to 255. */
        public int code() {
            return code;
        }
    }

    /** Elements in a stream: 2<sup>34</sup>, four for each value of the first counter word. */
    public static final long ELEMENTS = 1L << 34;

    private static final int STREAMS = 1 << 24;

    /**
     * Checks the arguments.
     *
     * @throws IllegalArgumentException if {@code stream} is not in 0 to 2<sup>24</sup> - 1
     */
    public Philox {
        Objects.requireNonNull(purpose, "purpose");
        checkStream(stream);
    }

    private static void checkStream(int stream) {
        if (stream < 0 || stream >= STREAMS) {
            throw new IllegalArgumentException("stream is " + stream + "; expected 0 to " + (STREAMS - 1));
        }
    }

    /**
     * The 32 random bits of an element.
     *
     * @param element 0 to {@link #ELEMENTS} - 1
     * @throws IllegalArgumentException if {@code element} is out of range
     */
    public int word(long element) {
        checkElement(element);
        return wordOf(pair(element), element);
    }

    /**
     * A number in [0, 1), a multiple of 2<sup>-24</sup>.
     *
     * @param element 0 to {@link #ELEMENTS} - 1
     * @throws IllegalArgumentException if {@code element} is out of range
     */
    public float uniform(long element) {
        return toUniform(word(element));
    }

    /**
     * A number from the standard normal distribution, at most 5.77 in size.
     *
     * @param element 0 to {@link #ELEMENTS} - 1
     * @throws IllegalArgumentException if {@code element} is out of range
     */
    public float normal(long element) {
        checkElement(element);
        return normalOf(pair(element), element);
    }

    /**
     * A whole number from 0 to {@code bound - 1}; the chances of two of them differ by at most 2<sup>-32</sup>.
     *
     * @param element 0 to {@link #ELEMENTS} - 1
     * @param bound at least 1
     * @throws IllegalArgumentException if an argument is out of range
     */
    public int below(long element, int bound) {
        return below(seed, purpose, tensor, step, stream, element, bound);
    }

    /**
     * {@link #below(long, int)} of the stream with these components, for loops that make no object for every draw.
     *
     * @throws IllegalArgumentException if an argument is out of range
     */
    public static int below(long seed, Purpose purpose, int tensor, int step, int stream, long element, int bound) {
        if (bound < 1) {
            throw new IllegalArgumentException("bound is " + bound + "; expected at least 1");
        }
        checkStream(stream);
        checkElement(element);
        int word = wordOf(pair(seed, purpose, tensor, step, stream, element), element);
        return (int) ((Integer.toUnsignedLong(word) * bound) >>> 32);
    }

    /**
     * Fills {@code out} with the uniform numbers of elements {@code firstElement}, {@code firstElement + 1}, and so on.
     *
     * @throws IllegalArgumentException if an element is out of range
     */
    public void uniforms(long firstElement, float[] out) {
        checkRange(firstElement, out.length);
        for (int i = 0; i < out.length; ) {
            long pair = pair(firstElement + i);
            do {
                out[i] = toUniform(wordOf(pair, firstElement + i));
                i++;
            } while (i < out.length && ((firstElement + i) & 1) != 0);
        }
    }

    /**
     * Fills {@code out} with the normal numbers of elements {@code firstElement}, {@code firstElement + 1}, and so on.
     *
     * @throws IllegalArgumentException if an element is out of range
     */
    public void normals(long firstElement, float[] out) {
        checkRange(firstElement, out.length);
        for (int i = 0; i < out.length; ) {
            long pair = pair(firstElement + i);
            do {
                out[i] = normalOf(pair, firstElement + i);
                i++;
            } while (i < out.length && ((firstElement + i) & 1) != 0);
        }
    }

    /**
     * A random order of 0 to {@code n - 1}, all orders equally likely.
     *
     * <p>Fisher and Yates's method from the end: for i = n - 1, ..., 1 entry i changes places with entry
     * {@code below(i, i + 1)}.
     *
     * @throws IllegalArgumentException if {@code n} is negative
     */
    public int[] permutation(int n) {
        if (n < 0) {
            throw new IllegalArgumentException("n is " + n + "; expected at least 0");
        }
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            order[i] = i;
        }
        for (int i = n - 1; i > 0; i--) {
            int j = below(i, i + 1);
            int moved = order[i];
            order[i] = order[j];
            order[j] = moved;
        }
        return order;
    }

    private static void checkElement(long element) {
        if (element < 0 || element >= ELEMENTS) {
            throw new IllegalArgumentException("element is " + element + "; expected 0 to " + (ELEMENTS - 1));
        }
    }

    private static void checkRange(long firstElement, int count) {
        if (firstElement < 0 || firstElement > ELEMENTS - count) {
            throw new IllegalArgumentException("elements " + firstElement + " to " + (firstElement + count - 1)
                    + " are asked for; a stream has elements 0 to " + (ELEMENTS - 1));
        }
    }

    private long pair(long element) {
        return pair(seed, purpose, tensor, step, stream, element);
    }

    /**
     * The words of an element and its neighbour, which make two normal numbers: that of the even element in the lower
     * half, that of the odd one in the upper half. Two words fit into a long, so that a draw takes no memory.
     */
    private static long pair(long seed, Purpose purpose, int tensor, int step, int stream, long element) {
        return cipher(
                (int) (element >>> 2),
                tensor,
                step,
                purpose.code << 24 | stream,
                (int) seed,
                (int) (seed >>> 32),
                (element & 2) != 0);
    }

    private static int wordOf(long pair, long element) {
        return (int) ((element & 1) == 0 ? pair : pair >>> 32);
    }

    private static float normalOf(long pair, long element) {
        int u0 = (int) pair;
        int u1 = (int) (pair >>> 32);
        return (element & 1) == 0 ? first(u0, u1) : second(u0, u1);
    }

    /** Ten rounds on the counter c0 to c3 under the key k0, k1; words 0 and 1 of the result, or 2 and 3. */
    static long cipher(int c0, int c1, int c2, int c3, int k0, int k1, boolean upper) {
        for (int round = 0; round < 10; round++) {
            long a = 0xD2511F53L * (c0 & 0xffffffffL);
            long b = 0xCD9E8D57L * (c2 & 0xffffffffL);
            c0 = (int) (b >>> 32) ^ c1 ^ k0;
            c1 = (int) b;
            c2 = (int) (a >>> 32) ^ c3 ^ k1;
            c3 = (int) a;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        return upper ? Integer.toUnsignedLong(c2) | (long) c3 << 32 : Integer.toUnsignedLong(c0) | (long) c1 << 32;
    }

    private static float toUniform(int word) {
        return (word >>> 8) * 0x1p-24f;
    }

    // From here on every line is a line of native/src/core/normal.h, which explains it.

    private static float radius(int u) {
        int k = Float.floatToRawIntBits((float) ((u >>> 8) + 1));
        int e = (k - (0x3f400000 + 0x0c000000)) & 0xff800000;
        float f = Math.fma(Float.intBitsToFloat(k - e), -0x1p-24f, 1.0f);
        float q = 0x1.123a48p-3f;
        q = Math.fma(q, f, 0x1.24b3fep-2f);
        q = Math.fma(q, f, 0x1.65865cp-2f);
        q = Math.fma(q, f, 0x1.9b9dfep-2f);
        q = Math.fma(q, f, 0x1.ff522ep-2f);
        q = Math.fma(q, f, 0x1.554c90p-1f);
        q = Math.fma(q, f, 0x1.0000aap+0f);
        q = Math.fma(q, f, 2.0f);
        // The square root in double of an f32, rounded to f32, is the correctly rounded f32 square root.
        return (float) Math.sqrt(Math.fma(f, q, e * -0x1.62e430p-23f));
    }

    private static float fraction(int u) {
        return Float.intBitsToFloat(((u >>> 8) & 0x007fffff) ^ 0x40400000) - 3.0f;
    }

    private static float signedRadius(int u0, int u1) {
        int sign = (u1 + 0x40000000) & 0x80000000;
        return Float.intBitsToFloat(Float.floatToRawIntBits(radius(u0)) ^ sign);
    }

    private static float first(int u0, int u1) {
        float s = fraction(u1);
        float y = s * s;
        float c = -0x1.8bd854p-16f;
        c = Math.fma(c, y, 0x1.d4786ep-11f);
        c = Math.fma(c, y, -0x1.472a76p-6f);
        c = Math.fma(c, y, 0x1.de9e60p-3f);
        c = Math.fma(c, y, -1.0f);
        return (signedRadius(u0, u1) * Math.fma(s, s, -1.0f)) * c;
    }

    private static float second(int u0, int u1) {
        float s = fraction(u1);
        float y = s * s;
        float p = 0x1.4701dep-13f;
        p = Math.fma(p, y, -0x1.32e974p-8f);
        p = Math.fma(p, y, 0x1.466f3ep-4f);
        p = Math.fma(p, y, -0x1.4abbf0p-1f);
        p = Math.fma(p, y, 0x1.921fb6p+0f);
        return (signedRadius(u0, u1) * s) * p;
    }
}
