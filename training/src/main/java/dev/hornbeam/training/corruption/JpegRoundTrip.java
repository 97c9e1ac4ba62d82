package dev.hornbeam.training.corruption;

import java.util.Arrays;

/**
 * What JPEG compression and decompression do to pixels, without the file in between.
 *
 * <p>The steps and their integer arithmetic are those of the Independent JPEG Group's library and its successors, with
 * the settings that Pillow has by default: YCbCr of 8 bits (JFIF), chroma of half the resolution in both directions, the
 * "islow" cosine transforms, Annex K's tables scaled for the quality, and "fancy" upsampling. Entropy coding loses
 * nothing, so it is left out. Source: ITU-T T.81 (1992); Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT
 * algorithms with 11 multiplications", 1989.
 *
 * <p>Rows of blocks are transformed together: a value's place is (its row in the block) x n + (its column in the row of
 * blocks), or, while lines are transformed, with row and column of the block exchanged. So every loop runs over
 * neighbouring values and is compiled to vector instructions.
 */
final class JpegRoundTrip {
    private static final int SIDE = 8;
    private static final int[] LUMINANCE = {
        16, 11, 10, 16, 24, 40, 51, 61, //
        12, 12, 14, 19, 26, 58, 60, 55, //
        14, 13, 16, 24, 40, 57, 69, 56, //
        14, 17, 22, 29, 51, 87, 80, 62, //
        18, 22, 37, 56, 68, 109, 103, 77, //
        24, 35, 55, 64, 81, 104, 113, 92, //
        49, 64, 78, 87, 103, 121, 120, 101, //
        72, 92, 95, 98, 112, 100, 103, 99
    };
    private static final int[] CHROMINANCE = {
        17, 18, 24, 47, 99, 99, 99, 99, //
        18, 21, 26, 66, 99, 99, 99, 99, //
        24, 26, 56, 99, 99, 99, 99, 99, //
        47, 66, 99, 99, 99, 99, 99, 99, //
        99, 99, 99, 99, 99, 99, 99, 99, //
        99, 99, 99, 99, 99, 99, 99, 99, //
        99, 99, 99, 99, 99, 99, 99, 99, //
        99, 99, 99, 99, 99, 99, 99, 99
    };

    // Multiples of 2^-13.
    private static final int C_0_298 = 2446;
    private static final int C_0_390 = 3196;
    private static final int C_0_541 = 4433;
    private static final int C_0_765 = 6270;
    private static final int C_0_899 = 7373;
    private static final int C_1_175 = 9633;
    private static final int C_1_501 = 12299;
    private static final int C_1_847 = 15137;
    private static final int C_1_961 = 16069;
    private static final int C_2_053 = 16819;
    private static final int C_2_562 = 20995;
    private static final int C_3_072 = 25172;

    private int[] luma = new int[0];
    private int[] blue = new int[0];
    private int[] red = new int[0];
    private int[] fullBlue = new int[0];
    private int[] fullRed = new int[0];
    private int[] block = new int[0];
    private int[] turned = new int[0];
    private int[] quantum = new int[0];
    private float[] inverse = new float[0];
    private int[] blueLine = new int[0];
    private int[] redLine = new int[0];

    /** Compresses and decompresses a colour image in the order HWC. */
    void apply(byte[] in, byte[] out, int height, int width, int quality) {
        int chromaHeight = (height + 1) / 2;
        int chromaWidth = (width + 1) / 2;
        int lumaStride = up(width);
        int chromaStride = up(chromaWidth);
        luma = room(luma, up(height) * lumaStride);
        blue = room(blue, up(chromaHeight) * chromaStride);
        red = room(red, up(chromaHeight) * chromaStride);
        fullBlue = room(fullBlue, 2 * height * chromaStride);
        fullRed = room(fullRed, 2 * height * chromaStride);
        toYcc(in, height, width, lumaStride, 2 * chromaStride);
        // Whole blocks are filled with the last pixel of a row before the mean of pairs is taken, with the last row
        // after.
        padRows(luma, height, width, lumaStride);
        padRows(fullBlue, height, width, 2 * chromaStride);
        padRows(fullRed, height, width, 2 * chromaStride);
        halve(fullBlue, height, blue, chromaHeight, chromaStride);
        halve(fullRed, height, red, chromaHeight, chromaStride);
        padColumns(luma, height, lumaStride);
        padColumns(blue, chromaHeight, chromaStride);
        padColumns(red, chromaHeight, chromaStride);
        code(luma, up(height), lumaStride, LUMINANCE, quality);
        code(blue, up(chromaHeight), chromaStride, CHROMINANCE, quality);
        code(red, up(chromaHeight), chromaStride, CHROMINANCE, quality);
        toRgb(out, height, width, lumaStride, chromaHeight, chromaWidth, chromaStride);
    }

    private static int up(int size) {
        return (size + SIDE - 1) / SIDE * SIDE;
    }

    private static int[] room(int[] array, int length) {
        return array.length >= length ? array : new int[length];
    }

    private void toYcc(byte[] in, int height, int width, int lumaStride, int chromaStride) {
        int half = 1 << 15;
        int middle = (128 << 16) + half - 1;
        for (int y = 0; y < height; y++) {
            int from = y * width * 3;
            int toLuma = y * lumaStride;
            int toChroma = y * chromaStride;
            for (int x = 0; x < width; x++, from += 3) {
                int r = in[from] & 0xff;
                int g = in[from + 1] & 0xff;
                int b = in[from + 2] & 0xff;
                luma[toLuma + x] = (19595 * r + 38470 * g + 7471 * b + half) >> 16;
                fullBlue[toChroma + x] = (-11059 * r - 21709 * g + 32768 * b + middle) >> 16;
                fullRed[toChroma + x] = (32768 * r - 27439 * g - 5329 * b + middle) >> 16;
            }
        }
    }

    // The mean of two by two values, halves rounded down and up in turn along a row.
    private static void halve(int[] full, int height, int[] half, int halfHeight, int stride) {
        for (int y = 0; y < halfHeight; y++) {
            int upper = 2 * y * 2 * stride;
            int lower = Math.min(2 * y + 1, height - 1) * 2 * stride;
            for (int x = 0; x < stride; x++) {
                int sum = full[upper + 2 * x] + full[upper + 2 * x + 1] + full[lower + 2 * x] + full[lower + 2 * x + 1];
                half[y * stride + x] = (sum + 1 + (x & 1)) >> 2;
            }
        }
    }

    private static void padRows(int[] plane, int height, int width, int stride) {
        for (int y = 0; y < height; y++) {
            Arrays.fill(plane, y * stride + width, (y + 1) * stride, plane[y * stride + width - 1]);
        }
    }

    private static void padColumns(int[] plane, int height, int stride) {
        for (int y = height; y < up(height); y++) {
            System.arraycopy(plane, (height - 1) * stride, plane, y * stride, stride);
        }
    }

    private void code(int[] plane, int height, int stride, int[] table, int quality) {
        int length = SIDE * stride;
        block = room(block, length);
        turned = room(turned, length);
        quantum = room(quantum, length);
        if (inverse.length < length) {
            inverse = new float[length];
        }
        int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
        for (int r = 0; r < SIDE; r++) {
            for (int x = 0; x < stride; x++) {
                int step = (table[r * SIDE + x % SIDE] * scale + 50) / 100;
                step = Math.max(1, Math.min(255, step));
                quantum[r * stride + x] = step;
                inverse[r * stride + x] = 1f / (8 * step);
            }
        }
        for (int y = 0; y < height; y += SIDE) {
            for (int i = 0; i < length; i++) {
                block[i] = plane[y * stride + i] - 128;
            }
            turn(block, turned, stride);
            forward(turned, stride, 11);
            turn(turned, block, stride);
            forward(block, stride, 15);
            quantise(block, length);
            inverse(block, stride, 11);
            turn(block, turned, stride);
            inverse(turned, stride, 18);
            turn(turned, block, stride);
            for (int i = 0; i < length; i++) {
                plane[y * stride + i] = Math.max(0, Math.min(255, block[i] + 128));
            }
        }
    }

    // Exchanges row and column in every block.
    private static void turn(int[] from, int[] to, int stride) {
        for (int x = 0; x < stride; x += SIDE) {
            for (int r = 0; r < SIDE; r++) {
                int source = r * stride + x;
                int target = x + r;
                to[target] = from[source];
                to[target + stride] = from[source + 1];
                to[target + 2 * stride] = from[source + 2];
                to[target + 3 * stride] = from[source + 3];
                to[target + 4 * stride] = from[source + 4];
                to[target + 5 * stride] = from[source + 5];
                to[target + 6 * stride] = from[source + 6];
                to[target + 7 * stride] = from[source + 7];
            }
        }
    }

    // The result is 8 times the transform's, so the divisor is 8 times the step; halves are rounded away from 0.
    private void quantise(int[] values, int length) {
        for (int i = 0; i < length; i++) {
            int value = values[i];
            int sign = value >> 31;
            int step = quantum[i];
            int size = ((value ^ sign) - sign) + 4 * step;
            // The numerator is a whole number and a half: far enough from a multiple of the divisor for f32.
            int quotient = (int) ((size + 0.5f) * inverse[i]);
            values[i] = ((quotient ^ sign) - sign) * step;
        }
    }

    private static int scaled(int value, int bits) {
        return (value + (1 << (bits - 1))) >> bits;
    }

    // One direction. Products have 13 bits behind the point: lines drop 11 and keep two, columns drop 15.
    private static void forward(int[] a, int n, int bits) {
        for (int x = 0; x < n; x++) {
            int a0 = a[x] + a[x + 7 * n];
            int a7 = a[x] - a[x + 7 * n];
            int a1 = a[x + n] + a[x + 6 * n];
            int a6 = a[x + n] - a[x + 6 * n];
            int a2 = a[x + 2 * n] + a[x + 5 * n];
            int a5 = a[x + 2 * n] - a[x + 5 * n];
            int a3 = a[x + 3 * n] + a[x + 4 * n];
            int a4 = a[x + 3 * n] - a[x + 4 * n];
            int b0 = a0 + a3;
            int b3 = a0 - a3;
            int b1 = a1 + a2;
            int b2 = a1 - a2;
            int z1 = (b2 + b3) * C_0_541;
            int z5 = (a4 + a6 + a5 + a7) * C_1_175;
            int z3 = z5 - (a4 + a6) * C_1_961;
            int z4 = z5 - (a5 + a7) * C_0_390;
            int outer = -(a4 + a7) * C_0_899;
            int inner = -(a5 + a6) * C_2_562;
            a[x] = scaled((b0 + b1) << 13, bits);
            a[x + 4 * n] = scaled((b0 - b1) << 13, bits);
            a[x + 2 * n] = scaled(z1 + b3 * C_0_765, bits);
            a[x + 6 * n] = scaled(z1 - b2 * C_1_847, bits);
            a[x + 7 * n] = scaled(a4 * C_0_298 + outer + z3, bits);
            a[x + 5 * n] = scaled(a5 * C_2_053 + inner + z4, bits);
            a[x + 3 * n] = scaled(a6 * C_3_072 + inner + z3, bits);
            a[x + n] = scaled(a7 * C_1_501 + outer + z4, bits);
        }
    }

    private static void inverse(int[] a, int n, int bits) {
        int half = 1 << (bits - 1);
        for (int x = 0; x < n; x++) {
            int a0 = a[x];
            int a1 = a[x + n];
            int a2 = a[x + 2 * n];
            int a3 = a[x + 3 * n];
            int a4 = a[x + 4 * n];
            int a5 = a[x + 5 * n];
            int a6 = a[x + 6 * n];
            int a7 = a[x + 7 * n];
            int z1 = (a2 + a6) * C_0_541;
            int e2 = z1 - a6 * C_1_847;
            int e3 = z1 + a2 * C_0_765;
            int e0 = (a0 + a4) << 13;
            int e1 = (a0 - a4) << 13;
            int b0 = e0 + e3 + half;
            int b3 = e0 - e3 + half;
            int b1 = e1 + e2 + half;
            int b2 = e1 - e2 + half;
            int z5 = (a7 + a3 + a5 + a1) * C_1_175;
            int z3 = z5 - (a7 + a3) * C_1_961;
            int z4 = z5 - (a5 + a1) * C_0_390;
            int outer = -(a7 + a1) * C_0_899;
            int inner = -(a5 + a3) * C_2_562;
            int o0 = a7 * C_0_298 + outer + z3;
            int o1 = a5 * C_2_053 + inner + z4;
            int o2 = a3 * C_3_072 + inner + z3;
            int o3 = a1 * C_1_501 + outer + z4;
            a[x] = (b0 + o3) >> bits;
            a[x + 7 * n] = (b0 - o3) >> bits;
            a[x + n] = (b1 + o2) >> bits;
            a[x + 6 * n] = (b1 - o2) >> bits;
            a[x + 2 * n] = (b2 + o1) >> bits;
            a[x + 5 * n] = (b2 - o1) >> bits;
            a[x + 3 * n] = (b3 + o0) >> bits;
            a[x + 4 * n] = (b3 - o0) >> bits;
        }
    }

    private void toRgb(
            byte[] out, int height, int width, int lumaStride, int chromaHeight, int chromaWidth, int chromaStride) {
        blueLine = room(blueLine, 2 * chromaWidth);
        redLine = room(redLine, 2 * chromaWidth);
        turned = room(turned, chromaStride);
        for (int y = 0; y < height; y++) {
            upsample(blue, blueLine, y, chromaHeight, chromaWidth, chromaStride);
            upsample(red, redLine, y, chromaHeight, chromaWidth, chromaStride);
            int row = y * lumaStride;
            int to = y * width * 3;
            int half = 1 << 15;
            for (int x = 0; x < width; x++, to += 3) {
                int level = luma[row + x];
                int b = blueLine[x] - 128;
                int r = redLine[x] - 128;
                out[to] = clip(level + ((91881 * r + half) >> 16));
                out[to + 1] = clip(level + ((-22554 * b - 46802 * r + half) >> 16));
                out[to + 2] = clip(level + ((116130 * b + half) >> 16));
            }
        }
    }

    private static byte clip(int level) {
        return (byte) Math.max(0, Math.min(255, level));
    }

    // Three parts of the nearer and one of the farther value in both directions; narrow planes are just repeated.
    private void upsample(int[] plane, int[] line, int y, int height, int width, int stride) {
        int near = (y >> 1) * stride;
        if (width <= 2) {
            for (int x = 0; x < 2 * width; x++) {
                line[x] = plane[near + (x >> 1)];
            }
            return;
        }
        int far = Math.max(0, Math.min(height - 1, (y >> 1) + ((y & 1) == 0 ? -1 : 1))) * stride;
        int[] sums = turned;
        for (int x = 0; x < width; x++) {
            sums[x] = 3 * plane[near + x] + plane[far + x];
        }
        line[0] = (4 * sums[0] + 8) >> 4;
        for (int x = 1; x < width; x++) {
            line[2 * x] = (3 * sums[x] + sums[x - 1] + 8) >> 4;
        }
        for (int x = 0; x < width - 1; x++) {
            line[2 * x + 1] = (3 * sums[x] + sums[x + 1] + 7) >> 4;
        }
        line[2 * width - 1] = (4 * sums[width - 1] + 7) >> 4;
    }
}
