package dev.hornbeam.training.corruption;

/**
 * Weighted sums of whole lines of an image, every line an array of its own.
 *
 * <p>Loops that read neighbouring values of several arrays at one and the same place are what the compiler makes vector
 * instructions of; it does not where one array is read at several places. So columns are filtered as sums of lines, and
 * rows as sums of lines of the image turned over.
 */
final class LineFilter {
    private LineFilter() {}

    /** Sets {@code sum = weight · a}. */
    static void set(float[] sum, float[] a, float weight, int count) {
        for (int k = 0; k < count; k++) {
            sum[k] = weight * a[k];
        }
    }

    /** Adds {@code weight · a} to {@code sum}. */
    static void add(float[] sum, float[] a, float weight, int count) {
        for (int k = 0; k < count; k++) {
            sum[k] += weight * a[k];
        }
    }

    /** Adds {@code weight · (a + b)} to {@code sum}. */
    static void addPair(float[] sum, float[] a, float[] b, float weight, int count) {
        for (int k = 0; k < count; k++) {
            sum[k] += weight * (a[k] + b[k]);
        }
    }

    /** Adds the pairs of lines at distance {@code most}, {@code most - 1}, ... 1, times their weights, to {@code sum}. */
    static void addPairs(float[] sum, float[][] before, float[][] behind, float[] weight, int most, int count) {
        int d = most;
        for (; d >= 4; d -= 4) {
            addFourPairs(
                    sum,
                    before[d],
                    behind[d],
                    before[d - 1],
                    behind[d - 1],
                    before[d - 2],
                    behind[d - 2],
                    before[d - 3],
                    behind[d - 3],
                    weight[d],
                    weight[d - 1],
                    weight[d - 2],
                    weight[d - 3],
                    count);
        }
        for (; d >= 1; d--) {
            addPair(sum, before[d], behind[d], weight[d], count);
        }
    }

    // Four at a time, because sums are then read and written a quarter as often.
    private static void addFourPairs(
            float[] sum,
            float[] a,
            float[] b,
            float[] c,
            float[] d,
            float[] e,
            float[] f,
            float[] g,
            float[] h,
            float w0,
            float w1,
            float w2,
            float w3,
            int count) {
        for (int k = 0; k < count; k++) {
            sum[k] += w0 * (a[k] + b[k]) + w1 * (c[k] + d[k]) + w2 * (e[k] + f[k]) + w3 * (g[k] + h[k]);
        }
    }

    /** Sets {@code sum} to the sum of all lines, each times its weight. */
    static void mix(float[] sum, float[][] lines, float[] weight, int lineCount, int count) {
        set(sum, lines[0], weight[0], count);
        int i = 1;
        for (; i + 4 <= lineCount; i += 4) {
            addFour(
                    sum,
                    lines[i],
                    lines[i + 1],
                    lines[i + 2],
                    lines[i + 3],
                    weight[i],
                    weight[i + 1],
                    weight[i + 2],
                    weight[i + 3],
                    count);
        }
        for (; i < lineCount; i++) {
            add(sum, lines[i], weight[i], count);
        }
    }

    private static void addFour(
            float[] sum,
            float[] a,
            float[] b,
            float[] c,
            float[] d,
            float w0,
            float w1,
            float w2,
            float w3,
            int count) {
        for (int k = 0; k < count; k++) {
            sum[k] += w0 * a[k] + w1 * b[k] + w2 * c[k] + w3 * d[k];
        }
    }

    /**
     * Turns planes over: place y of plane p of line x becomes place x of plane p of line y.
     *
     * @param from {@code width} lines in which plane p, place y is at p·height + y
     * @param to {@code height} lines in which plane p, place x is at p·planeStep + x·step
     */
    static void turn(float[][] from, float[][] to, int height, int width, int planes, int planeStep, int step) {
        for (int p = 0; p < planes; p++) {
            int y = 0;
            for (; y + 4 <= height; y += 4) {
                float[] r0 = to[y];
                float[] r1 = to[y + 1];
                float[] r2 = to[y + 2];
                float[] r3 = to[y + 3];
                int at = p * height + y;
                for (int x = 0, k = p * planeStep; x < width; x++, k += step) {
                    float[] column = from[x];
                    r0[k] = column[at];
                    r1[k] = column[at + 1];
                    r2[k] = column[at + 2];
                    r3[k] = column[at + 3];
                }
            }
            for (; y < height; y++) {
                float[] row = to[y];
                for (int x = 0, k = p * planeStep; x < width; x++, k += step) {
                    row[k] = from[x][p * height + y];
                }
            }
        }
    }
}
