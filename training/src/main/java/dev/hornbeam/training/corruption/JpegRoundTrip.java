package dev.hornbeam.training.corruption;

/**
 * What JPEG compression and decompression do to pixels, without the file in between.
 *
 * <p>The steps and their integer arithmetic are those of the Independent JPEG Group's library and its successors, with
 * the settings that Pillow has by default: YCbCr of 8 bits (JFIF), chroma of half the resolution in both directions, the
 * "islow" cosine transforms, Annex K's tables scaled for the quality, and "fancy" upsampling. Entropy coding loses
 * nothing, so it is left out. Source: ITU-T T.81 (1992); Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT
 * algorithms with 11 multiplications", 1989.
 *
 * <p>All blocks are transformed together: one array holds the same place of every block, so that every loop runs over
 * neighbouring values of few arrays, which is what the compiler makes vector instructions of. Blocks are counted in units
 * of 16x16 pixels: first the top left luma blocks of all units, then the top right, bottom left and bottom right ones,
 * then the blue and the red chroma blocks.
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

    // The odd half of the transform: weights of the differences 3-4, 2-5, 1-6 and 0-7 in results 7, 5, 3 and 1.
    private static final int[] ODD_7 = {
        C_0_298 - C_0_899 + C_1_175 - C_1_961, C_1_175, C_1_175 - C_1_961, C_1_175 - C_0_899
    };
    private static final int[] ODD_5 = {
        C_1_175, C_2_053 - C_2_562 + C_1_175 - C_0_390, C_1_175 - C_2_562, C_1_175 - C_0_390
    };
    private static final int[] ODD_3 = {
        C_1_175 - C_1_961, C_1_175 - C_2_562, C_3_072 - C_2_562 + C_1_175 - C_1_961, C_1_175
    };
    private static final int[] ODD_1 = {
        C_1_175 - C_0_899, C_1_175 - C_0_390, C_1_175, C_1_501 - C_0_899 + C_1_175 - C_0_390
    };
    // Added before a quotient is cut, so that what is cut is positive; more than 8 times any coefficient.
    private static final int ABOVE_ALL = 1 << 15;

    // One array per place of a block: all blocks; red, green and blue of the luma blocks' pixels.
    private int[][] blocks = new int[SIDE * SIDE][0];
    private int[][] reds = new int[SIDE * SIDE][0];
    private int[][] greens = new int[SIDE * SIDE][0];
    private int[][] blues = new int[SIDE * SIDE][0];
    // What is computed for all blocks, or for a line of pixels.
    private int[][] part = new int[SIDE][0];
    private int[][] line = new int[10][0];
    private int[][] blueRows = new int[0][];
    private int[][] redRows = new int[0][];
    private byte[] padded = new byte[0];

    /** Compresses and decompresses a colour image in the order HWC. */
    void apply(byte[] in, byte[] out, int height, int width, int quality) {
        int chromaHeight = (height + 1) / 2;
        int chromaWidth = (width + 1) / 2;
        int down = (height + 2 * SIDE - 1) / (2 * SIDE);
        int across = (width + 2 * SIDE - 1) / (2 * SIDE);
        int units = down * across;
        blocks = room(blocks, 6 * units);
        reds = room(reds, 4 * units);
        greens = room(greens, 4 * units);
        blues = room(blues, 4 * units);
        part = room(part, 6 * units);
        read(in, height, width, down, across);
        for (int p = 0; p < SIDE * SIDE; p++) {
            toLuma(reds[p], greens[p], blues[p], blocks[p], 4 * units);
        }
        // Of red, green and blue, two arrays are used again for the two kinds of chroma.
        for (int p = 0; p < SIDE * SIDE; p++) {
            toChroma(reds[p], greens[p], blues[p], part[0], part[1], 4 * units);
            System.arraycopy(part[0], 0, blues[p], 0, 4 * units);
            System.arraycopy(part[1], 0, reds[p], 0, 4 * units);
        }
        halve(blues, 4 * units, units, chromaHeight, across);
        halve(reds, 5 * units, units, chromaHeight, across);
        code(units, quality);
        write(out, height, width, across, units, chromaHeight, chromaWidth);
    }

    private static int[][] room(int[][] arrays, int length) {
        return arrays[0].length >= length ? arrays : new int[arrays.length][length];
    }

    // Whole units are filled with the last pixel of a row, and with the last row.
    private void read(byte[] in, int height, int width, int down, int across) {
        int units = down * across;
        int length = across * 2 * SIDE * 3;
        if (padded.length < length) {
            padded = new byte[length];
        }
        for (int y = 0; y < down * 2 * SIDE; y++) {
            if (y < height) {
                System.arraycopy(in, y * width * 3, padded, 0, width * 3);
                for (int k = width * 3; k < length; k++) {
                    padded[k] = padded[k - 3];
                }
            }
            int row = y % SIDE * SIDE;
            for (int half = 0; half < 2; half++) {
                int to = (y / SIDE % 2 * 2 + half) * units + y / (2 * SIDE) * across;
                for (int column = 0; column < SIDE; column++) {
                    spread(
                            padded,
                            (half * SIDE + column) * 3,
                            reds[row + column],
                            greens[row + column],
                            blues[row + column],
                            to,
                            across);
                }
            }
        }
    }

    private static void spread(byte[] line, int from, int[] red, int[] green, int[] blue, int to, int count) {
        for (int i = 0; i < count; i++, from += 2 * SIDE * 3) {
            red[to + i] = line[from] & 0xff;
            green[to + i] = line[from + 1] & 0xff;
            blue[to + i] = line[from + 2] & 0xff;
        }
    }

    private static void toLuma(int[] red, int[] green, int[] blue, int[] luma, int count) {
        int half = (1 << 15) - (128 << 16);
        for (int i = 0; i < count; i++) {
            luma[i] = (19595 * red[i] + 38470 * green[i] + 7471 * blue[i] + half) >> 16;
        }
    }

    private static void toChroma(int[] red, int[] green, int[] blue, int[] toBlue, int[] toRed, int count) {
        int middle = (128 << 16) + (1 << 15) - 1;
        for (int i = 0; i < count; i++) {
            toBlue[i] = (-11059 * red[i] - 21709 * green[i] + 32768 * blue[i] + middle) >> 16;
        }
        for (int i = 0; i < count; i++) {
            toRed[i] = (32768 * red[i] - 27439 * green[i] - 5329 * blue[i] + middle) >> 16;
        }
    }

    // The mean of two by two values, halves rounded down and up in turn along a row; missing rows are the last one.
    private void halve(int[][] full, int first, int units, int height, int across) {
        int[] mean = part[0];
        for (int row = 0; row < SIDE; row++) {
            for (int column = 0; column < SIDE; column++) {
                int from = (row / 4 * 2 + column / 4) * units;
                int place = row % 4 * 2 * SIDE + column % 4 * 2;
                mean(
                        full[place],
                        full[place + 1],
                        full[place + SIDE],
                        full[place + SIDE + 1],
                        mean,
                        from,
                        units,
                        1 + column % 2);
                System.arraycopy(mean, from, blocks[row * SIDE + column], first, units);
            }
        }
        int last = (height - 1) % SIDE;
        int lowest = first + units - across;
        for (int row = last + 1; row < SIDE; row++) {
            for (int column = 0; column < SIDE; column++) {
                System.arraycopy(blocks[last * SIDE + column], lowest, blocks[row * SIDE + column], lowest, across);
            }
        }
    }

    private static void mean(int[] a, int[] b, int[] c, int[] d, int[] mean, int from, int count, int bias) {
        for (int i = from; i < from + count; i++) {
            mean[i] = ((a[i] + b[i] + c[i] + d[i] + bias) >> 2) - 128;
        }
    }

    private void code(int units, int quality) {
        int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
        int count = 6 * units;
        for (int row = 0; row < SIDE; row++) {
            forward(row * SIDE, 1, count, 11);
        }
        for (int column = 0; column < SIDE; column++) {
            forward(column, SIDE, count, 15);
            for (int p = column; p < SIDE * SIDE; p += SIDE) {
                quantise(blocks[p], 0, 4 * units, step(LUMINANCE[p], scale));
                quantise(blocks[p], 4 * units, count, step(CHROMINANCE[p], scale));
            }
            inverse(column, SIDE, count, 11);
        }
        for (int row = 0; row < SIDE; row++) {
            inverse(row * SIDE, 1, count, 18);
        }
        for (int[] values : blocks) {
            toLevels(values, count);
        }
    }

    private static int step(int entry, int scale) {
        return Math.max(1, Math.min(255, (entry * scale + 50) / 100));
    }

    // The values are 8 times the transform's, so the divisor is 8 times the step; halves are rounded away from 0.
    private static void quantise(int[] values, int from, int to, int step) {
        int steps = ABOVE_ALL / (8 * step) + 1;
        int added = 4 * step + 8 * step * steps;
        float inverse = 1f / (8 * step);
        for (int i = from; i < to; i++) {
            // The numerator is a whole number and a half: far enough from a multiple of the divisor for f32.
            int quotient = (int) ((values[i] + (values[i] >> 31) + added + 0.5f) * inverse);
            values[i] = (quotient - steps) * step;
        }
    }

    private static void toLevels(int[] values, int count) {
        for (int i = 0; i < count; i++) {
            values[i] = Math.max(0, Math.min(255, values[i] + 128));
        }
    }

    // One direction. Products have 13 bits behind the point: lines drop 11 and keep two, columns drop 15.
    private void forward(int first, int step, int n, int bits) {
        int half = 1 << (bits - 1);
        int[][] a = blocks;
        sumAndDifference(a[first], a[first + 7 * step], part[0], part[7], n, 0);
        sumAndDifference(a[first + step], a[first + 6 * step], part[1], part[6], n, 0);
        sumAndDifference(a[first + 2 * step], a[first + 5 * step], part[2], part[5], n, 0);
        sumAndDifference(a[first + 3 * step], a[first + 4 * step], part[3], part[4], n, 0);
        sumAndDifference(part[0], part[3], part[0], part[3], n, 0);
        sumAndDifference(part[1], part[2], part[1], part[2], n, 0);
        scaledSumAndDifference(part[0], part[1], a[first], a[first + 4 * step], n, half, bits);
        two(part[2], part[3], C_0_541, C_0_541 + C_0_765, a[first + 2 * step], n, half, bits);
        two(part[2], part[3], C_0_541 - C_1_847, C_0_541, a[first + 6 * step], n, half, bits);
        four(part[4], part[5], part[6], part[7], ODD_7, a[first + 7 * step], n, half, bits);
        four(part[4], part[5], part[6], part[7], ODD_5, a[first + 5 * step], n, half, bits);
        four(part[4], part[5], part[6], part[7], ODD_3, a[first + 3 * step], n, half, bits);
        four(part[4], part[5], part[6], part[7], ODD_1, a[first + step], n, half, bits);
    }

    private void inverse(int first, int step, int n, int bits) {
        int[] a1 = blocks[first + step];
        int[] a2 = blocks[first + 2 * step];
        int[] a3 = blocks[first + 3 * step];
        int[] a5 = blocks[first + 5 * step];
        int[] a6 = blocks[first + 6 * step];
        int[] a7 = blocks[first + 7 * step];
        scaledSumAndDifference(blocks[first], blocks[first + 4 * step], part[0], part[1], n, 1 << (bits - 1), 0);
        two(a2, a6, C_0_541, C_0_541 - C_1_847, part[2], n, 0, 0);
        two(a2, a6, C_0_541 + C_0_765, C_0_541, part[3], n, 0, 0);
        sumAndDifference(part[0], part[3], part[0], part[3], n, 0);
        sumAndDifference(part[1], part[2], part[1], part[2], n, 0);
        four(a7, a5, a3, a1, ODD_7, part[4], n, 0, 0);
        four(a7, a5, a3, a1, ODD_5, part[5], n, 0, 0);
        four(a7, a5, a3, a1, ODD_3, part[6], n, 0, 0);
        four(a7, a5, a3, a1, ODD_1, part[7], n, 0, 0);
        sumAndDifference(part[0], part[7], blocks[first], a7, n, bits);
        sumAndDifference(part[1], part[6], a1, a6, n, bits);
        sumAndDifference(part[2], part[5], a2, a5, n, bits);
        sumAndDifference(part[3], part[4], a3, blocks[first + 4 * step], n, bits);
    }

    private static void sumAndDifference(int[] a, int[] b, int[] sum, int[] difference, int n, int bits) {
        for (int i = 0; i < n; i++) {
            int p = a[i];
            int q = b[i];
            sum[i] = (p + q) >> bits;
            difference[i] = (p - q) >> bits;
        }
    }

    private static void scaledSumAndDifference(
            int[] a, int[] b, int[] sum, int[] difference, int n, int half, int bits) {
        for (int i = 0; i < n; i++) {
            int p = a[i];
            int q = b[i];
            sum[i] = (((p + q) << 13) + half) >> bits;
            difference[i] = (((p - q) << 13) + half) >> bits;
        }
    }

    private static void two(int[] a, int[] b, int wa, int wb, int[] result, int n, int half, int bits) {
        for (int i = 0; i < n; i++) {
            result[i] = (a[i] * wa + b[i] * wb + half) >> bits;
        }
    }

    private static void four(
            int[] a, int[] b, int[] c, int[] d, int[] weights, int[] result, int n, int half, int bits) {
        int wa = weights[0];
        int wb = weights[1];
        int wc = weights[2];
        int wd = weights[3];
        for (int i = 0; i < n; i++) {
            result[i] = (a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd + half) >> bits;
        }
    }

    private void write(byte[] out, int height, int width, int across, int units, int chromaHeight, int chromaWidth) {
        line = room(line, across * SIDE);
        if (blueRows.length < chromaHeight || blueRows[0].length < across * SIDE) {
            blueRows = new int[chromaHeight][across * SIDE];
            redRows = new int[chromaHeight][across * SIDE];
        }
        for (int y = 0; y < chromaHeight; y++) {
            int from = 4 * units + y / SIDE * across;
            for (int column = 0; column < SIDE; column++) {
                int[] values = blocks[y % SIDE * SIDE + column];
                gather(values, from, blueRows[y], column, SIDE, across);
                gather(values, from + units, redRows[y], column, SIDE, across);
            }
        }
        int[] even = line[0];
        int[] odd = line[1];
        int[] red = line[2];
        int[] green = line[3];
        int[] blue = line[4];
        int[] oddRed = line[5];
        int[] oddGreen = line[6];
        int[] oddBlue = line[7];
        for (int y = 0; y < height; y++) {
            // Even and odd columns apart.
            for (int column = 0; column < SIDE; column++) {
                int[] values = blocks[y % SIDE * SIDE + column];
                int from = y / SIDE % 2 * 2 * units + y / (2 * SIDE) * across;
                int[] to = column % 2 == 0 ? even : odd;
                gather(values, from, to, column / 2, SIDE, across);
                gather(values, from + units, to, (SIDE + column) / 2, SIDE, across);
            }
            upsample(blueRows, y, chromaHeight, chromaWidth, blue, oddBlue);
            upsample(redRows, y, chromaHeight, chromaWidth, red, oddRed);
            toRgb(even, red, green, blue, chromaWidth);
            toRgb(odd, oddRed, oddGreen, oddBlue, chromaWidth);
            int to = y * width * 3;
            for (int x = 0; x < width / 2; x++, to += 6) {
                out[to] = (byte) red[x];
                out[to + 1] = (byte) green[x];
                out[to + 2] = (byte) blue[x];
                out[to + 3] = (byte) oddRed[x];
                out[to + 4] = (byte) oddGreen[x];
                out[to + 5] = (byte) oddBlue[x];
            }
            if (width % 2 == 1) {
                out[to] = (byte) red[width / 2];
                out[to + 1] = (byte) green[width / 2];
                out[to + 2] = (byte) blue[width / 2];
            }
        }
    }

    private static void gather(int[] values, int from, int[] line, int to, int step, int count) {
        for (int i = 0; i < count; i++, to += step) {
            line[to] = values[from + i];
        }
    }

    // Of chroma, both colours are given and all three taken.
    private static void toRgb(int[] luma, int[] red, int[] green, int[] blue, int count) {
        int half = 1 << 15;
        for (int x = 0; x < count; x++) {
            green[x] = luma[x] + ((-22554 * blue[x] - 46802 * red[x] + half) >> 16);
        }
        for (int x = 0; x < count; x++) {
            green[x] = Math.max(0, Math.min(255, green[x]));
        }
        for (int x = 0; x < count; x++) {
            red[x] = Math.max(0, Math.min(255, luma[x] + ((91881 * red[x] + half) >> 16)));
        }
        for (int x = 0; x < count; x++) {
            blue[x] = Math.max(0, Math.min(255, luma[x] + ((116130 * blue[x] + half) >> 16)));
        }
    }

    // Three parts of the nearer and one of the farther value in both directions; narrow planes are just repeated.
    // Less 128, even and odd columns apart.
    private void upsample(int[][] rows, int y, int height, int width, int[] even, int[] odd) {
        int[] near = rows[y >> 1];
        if (width <= 2) {
            for (int x = 0; x < width; x++) {
                even[x] = near[x] - 128;
                odd[x] = near[x] - 128;
            }
            return;
        }
        int[] far = rows[Math.max(0, Math.min(height - 1, (y >> 1) + ((y & 1) == 0 ? -1 : 1)))];
        int[] sums = line[8];
        int[] beside = line[9];
        for (int x = 0; x < width; x++) {
            sums[x] = 3 * near[x] + far[x];
        }
        System.arraycopy(sums, 0, beside, 1, width - 1);
        beside[0] = sums[0];
        mix(sums, beside, even, width, 8);
        System.arraycopy(sums, 1, beside, 0, width - 1);
        beside[width - 1] = sums[width - 1];
        mix(sums, beside, odd, width, 7);
    }

    private static void mix(int[] near, int[] far, int[] result, int count, int half) {
        for (int x = 0; x < count; x++) {
            result[x] = ((3 * near[x] + far[x] + half) >> 4) - 128;
        }
    }
}
