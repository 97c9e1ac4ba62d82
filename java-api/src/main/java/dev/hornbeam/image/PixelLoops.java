package dev.hornbeam.image;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Structs;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.tensor.Philox;
import java.lang.foreign.MemorySegment;

/**
 * Loops over the pixels of one image that the engine runs on arrays of Java's: what corrupted images are made with.
 *
 * <p>Images are bytes in the order HWC with three channels, red, green and blue. Levels are floats, 0 black and 255 white,
 * not yet cut to bytes, one per value of the image. Arrays may be longer than needed, and input and result must not be
 * the same. A call uses the calling thread alone and gives the same bits on every machine. While it runs, about 20
 * milliseconds for a million pixels at most, a garbage collection may have to wait for it.
 *
 * <p>All methods throw {@link IllegalArgumentException} when an array is too short.
 */
public final class PixelLoops {
    private PixelLoops() {}

    /**
     * Does to pixels what JPEG does: colours of half the resolution, whole multiples of the steps for the cosine
     * transforms' results, and back; in the arithmetic of the Independent JPEG Group's library with "islow" transforms
     * and "fancy" upsampling.
     *
     * @param luma 64 steps, 1 to 255, row by row
     * @param chroma the same for both colours
     */
    public static void jpeg(byte[] in, byte[] out, int height, int width, byte[] luma, byte[] chroma) {
        check(values(height, width), in.length, out.length);
        check(64, luma.length, chroma.length);
        HornbeamNative.imageJpeg(of(in), of(out), height, width, of(luma), of(chroma));
    }

    /**
     * Shrinks an image by Pillow's box filter and enlarges it again.
     *
     * @param smallHeight 1 to {@code height}
     * @param smallWidth 1 to {@code width}
     */
    public static void pixelate(byte[] in, byte[] out, int height, int width, int smallHeight, int smallWidth) {
        check(values(height, width), in.length, out.length);
        HornbeamNative.imagePixelate(of(in), of(out), height, width, smallHeight, smallWidth);
    }

    /**
     * Blurs an image as SciPy's gaussian_filter in mode "nearest" does: cut to bytes, the result is that of double
     * precision.
     *
     * @param kernel the weight of both neighbours at distances 0, 1, ...
     */
    public static void gaussian(byte[] in, float[] levels, int height, int width, double[] kernel) {
        check(values(height, width), in.length, levels.length);
        check(1, kernel.length);
        HornbeamNative.imageGaussian(of(in), of(levels), height, width, of(kernel), kernel.length - 1);
    }

    /**
     * A disk on a grid, smoothed by a Gaussian.
     *
     * @param halfWidth how many pixels the disk has to the right in every row, from the middle downwards
     * @param margin how far a pixel takes from others
     * @param scale 1 by the number of the disk's pixels
     * @param bias added to every level
     * @param gauss the Gaussian's weights for distances 0, 1, ...
     * @param at for every correction of rows and columns near the grid's border, where it is added
     * @param from the row of the disk that it takes
     * @param weight its weight
     * @param length how many weights its column has
     * @param columns these weights, from the middle downwards, one correction after the other
     */
    @SuppressWarnings("ArrayRecordComponent") // Compared by no one.
    public record Disk(
            int[] halfWidth,
            int margin,
            float scale,
            float bias,
            float[] gauss,
            int[] at,
            int[] from,
            float[] weight,
            int[] length,
            float[] columns) {}

    /** Blurs an image by a disk; the image is mirrored at its border, its outermost pixel once. */
    public static void defocus(byte[] in, float[] levels, int height, int width, Disk disk) {
        check(values(height, width), in.length, levels.length);
        int corrections = disk.at.length;
        check(corrections, disk.from.length, disk.weight.length, disk.length.length);
        long weights = 0;
        for (int length : disk.length) {
            weights += length;
        }
        check(weights, disk.columns.length);
        check(1, disk.gauss.length, disk.halfWidth.length);
        int[] struct = {
            disk.halfWidth.length,
            disk.gauss.length - 1,
            disk.margin,
            corrections,
            Float.floatToRawIntBits(disk.scale),
            Float.floatToRawIntBits(disk.bias)
        };
        HornbeamNative.imageDefocus(
                of(in),
                of(levels),
                height,
                width,
                of(struct),
                of(disk.halfWidth),
                of(disk.at),
                of(disk.from),
                of(disk.length),
                of(disk.gauss),
                of(disk.weight),
                of(disk.columns));
    }

    /**
     * Drops of water or splashes of mud.
     *
     * @param mean of the normal numbers that drops are made of
     * @param deviation of these
     * @param threshold below which, blurred, there is no drop
     * @param alpha how bright water is at most, 0 to 1
     * @param mud whether it is mud
     * @param weights of the drops' blur, for distances 0, 1, ...
     * @param softWeights of the blur of the edges of mud
     */
    @SuppressWarnings("ArrayRecordComponent") // Compared by no one.
    public record Drops(
            float mean,
            float deviation,
            float threshold,
            float alpha,
            boolean mud,
            float[] weights,
            float[] softWeights) {}

    /** Spatters an image: pixel i's drop begins as normal number i of the stream. */
    public static void spatter(byte[] in, float[] levels, int height, int width, Drops drops, Philox stream) {
        check(values(height, width), in.length, levels.length);
        check(1, drops.weights.length, drops.softWeights.length);
        int[] struct = {
            Float.floatToRawIntBits(drops.mean),
            Float.floatToRawIntBits(drops.deviation),
            Float.floatToRawIntBits(drops.threshold),
            Float.floatToRawIntBits(drops.alpha),
            drops.mud ? 1 : 0,
            drops.weights.length - 1,
            drops.softWeights.length - 1,
            0
        };
        HornbeamNative.imageSpatter(
                of(in), of(levels), height, width, of(struct), of(drops.weights), of(drops.softWeights), fill(stream));
    }

    /**
     * Adds clouds, a random landscape by the diamond-square method, times a strength, and darkens the result by m/(m +
     * strength), m being the brightest value of the image, 1 for white.
     *
     * <p>The landscape is a torus with a side n of the next power of two; the point in row y and column x takes uniform
     * number y·n + x of the stream.
     *
     * @param decay by which the landscape's deviations are divided with every halving
     */
    public static void fog(
            byte[] in, float[] levels, int height, int width, double strength, double decay, Philox stream) {
        check(values(height, width), in.length, levels.length);
        HornbeamNative.imageFog(of(in), of(levels), height, width, strength, decay, fill(stream));
    }

    /**
     * Adds normal noise: value k becomes level + deviation · normal(k), or, if it is proportional, level + level ·
     * (deviation · normal(k)).
     */
    public static void noise(
            byte[] in, float[] levels, int count, float deviation, boolean proportional, Philox stream) {
        check(count, in.length, levels.length);
        HornbeamNative.imageNoise(of(in), of(levels), count, deviation, proportional ? 1 : 0, fill(stream));
    }

    /**
     * Tables of a distribution for each of the 256 levels, for sampling by inversion.
     *
     * @param place of level l, from 2l on: where its distribution function begins, its smallest sample
     * @param guide 256 entries for a level, each of which tells of 1/256 of the numbers in [0,1): {@code s << 16 | t} if
     *     their sample is s where the 16 bits behind the first 8 are below t, s + 1 where they are above, and one of both
     *     by all bits where they are t; or, if there are more samples than two, {@code ~e}, e being where in the
     *     distribution function the search begins
     * @param cumulative distribution functions, each up to 1
     * @param levelOf the level that a sample stands for
     */
    @SuppressWarnings("ArrayRecordComponent") // Compared by no one.
    public record SampleTables(int[] place, int[] guide, double[] cumulative, float[] levelOf) {}

    /** Samples the distribution of every value's level, value k by uniform numbers 2k (upper bits) and 2k + 1. */
    public static void sample(byte[] in, float[] levels, int count, SampleTables tables, Philox stream) {
        check(count, in.length, levels.length);
        check(2 * 256, tables.place.length);
        check(256 * 256, tables.guide.length);
        HornbeamNative.imagePoisson(
                of(in),
                of(levels),
                count,
                of(tables.place),
                of(tables.guide),
                of(tables.cumulative),
                of(tables.levelOf),
                fill(stream));
    }

    /** Computes {@code levels = a * in + b * other}. */
    public static void mix(byte[] in, byte[] other, float[] levels, int count, float a, float b) {
        check(count, in.length, other.length, levels.length);
        HornbeamNative.imageMix(of(in), of(other), of(levels), count, a, b);
    }

    /** Clips levels to 0 to 255 and cuts off what is behind the point, to bytes from {@code at} on; NaN becomes 0. */
    public static void cut(float[] levels, byte[] out, int at, int count) {
        check(count, levels.length, out.length - at);
        HornbeamNative.imageCut(of(levels), of(out).asSlice(at), count);
    }

    private static long values(int height, int width) {
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "an image of " + height + "x" + width + " pixels; expected at least one");
        }
        return 3L * height * width;
    }

    private static void check(long needed, int... lengths) {
        for (int length : lengths) {
            if (length < needed) {
                throw new IllegalArgumentException("an array has " + length + " elements; expected at least " + needed);
            }
        }
    }

    private static MemorySegment fill(Philox stream) {
        return Structs.Stream.fill(
                Tape.scratch().stream,
                stream.seed(),
                stream.purpose().code(),
                stream.tensor(),
                stream.step(),
                stream.stream());
    }

    private static MemorySegment of(byte[] array) {
        return MemorySegment.ofArray(array);
    }

    private static MemorySegment of(int[] array) {
        return MemorySegment.ofArray(array);
    }

    private static MemorySegment of(float[] array) {
        return MemorySegment.ofArray(array);
    }

    private static MemorySegment of(double[] array) {
        return MemorySegment.ofArray(array);
    }
}
