package dev.hornbeam.training.corruption;

import java.util.Arrays;

/**
 * A blur by a disk that is smoothed by a small Gaussian.
 *
 * <p>The disk is made of the pixels of a grid, half a side to each side of its middle, that are no farther than the radius
 * from it, all of one weight; the Gaussian is applied to this grid, which is mirrored at its border. Every row of the disk
 * is a run of ones, and sums of runs are differences of running sums, whatever their length; the Gaussian is applied to the
 * image after that. Where the grid's border is near, weights are corrected for what the mirror changes.
 */
final class Disk {
    // In levels; more than what is lost to rounding. See bias.
    private static final float ROUNDING = 2e-4f;

    // Corrections lighter than this change no pixel by a hundredth of a level.
    private static final double LIGHTEST = 1e-3;

    private final int reach;
    private final float[] gauss;
    private final float scale;
    // Weights are defined as f32, and their sum is a little more or less than 1: a flat part of an image keeps its
    // level or is cut to the one below. Added to the result, this makes the cut fall as that sum does.
    private final float bias;
    // How many pixels the disk has to the right in a row so far from the middle; as many as there are rows below it.
    private final int[] halfWidth;
    private final int margin;
    // Corrections of rows (and, because a disk is symmetric, columns): weight times the row `from` of the disk is added
    // at the row `at`.
    private final int[] at;
    private final int[] from;
    private final float[] weight;
    // For columns: the disk's column from[i], smoothed vertically, from the middle downwards.
    private final float[][] column;

    /**
     * Makes the blur.
     *
     * @param half how many pixels the grid has to each side of the middle
     * @param reach the Gaussian's, in pixels
     */
    Disk(double radius, int half, int reach, double sigma) {
        this.reach = reach;
        int rows = (int) radius + 1;
        halfWidth = new int[rows];
        int inside = 0;
        for (int y = 0; y < rows; y++) {
            int x = 0;
            while ((x + 1) * (x + 1) + y * y <= radius * radius) {
                x++;
            }
            halfWidth[y] = x;
            inside += (y == 0 ? 1 : 2) * (2 * x + 1);
        }
        scale = 1f / inside;
        double[] exact = new double[reach + 1];
        double sum = 0;
        for (int i = 0; i <= reach; i++) {
            exact[i] = StrictMath.exp(-i * i / (2 * sigma * sigma));
            sum += (i == 0 ? 1 : 2) * exact[i];
        }
        gauss = new float[reach + 1];
        for (int i = 0; i <= reach; i++) {
            exact[i] /= sum;
            gauss[i] = (float) exact[i];
        }
        bias = weights(half, inside, exact) < 1 ? -ROUNDING : ROUNDING;
        int count = 0;
        int[] corrected = new int[4 * reach * reach];
        int[] source = new int[4 * reach * reach];
        float[] weights = new float[4 * reach * reach];
        for (int y = rows - reach; y < rows + reach; y++) {
            for (int i = 1; i <= reach; i++) {
                // Row y takes from row y + i what lies there in the mirror, and beyond the border there is no row y.
                boolean takes = y <= half && y + i > half;
                int mirrored = 2 * half - (y + i);
                if (takes && mirrored < rows && exact[i] > LIGHTEST) {
                    corrected[count] = y;
                    source[count] = mirrored;
                    weights[count++] = gauss[i];
                }
                if (y > half && y - i < rows && exact[i] > LIGHTEST) {
                    corrected[count] = y;
                    source[count] = y - i;
                    weights[count++] = -gauss[i];
                }
            }
        }
        at = Arrays.copyOf(corrected, count);
        from = Arrays.copyOf(source, count);
        weight = Arrays.copyOf(weights, count);
        column = new float[count][];
        int most = 0;
        for (int i = 0; i < count; i++) {
            column[i] = smoothedColumn(from[i], half, rows);
            most = Math.max(most, at[i]);
        }
        margin = Math.max(most, rows - 1 + reach);
    }

    // The sum of the weights on the grid, each of them rounded to f32.
    private double weights(int half, int inside, double[] smooth) {
        double sum = 0;
        for (int y = -half; y <= half; y++) {
            for (int x = -half; x <= half; x++) {
                double total = 0;
                for (int i = -reach; i <= reach; i++) {
                    for (int j = -reach; j <= reach; j++) {
                        int row = mirrored(y + i, half);
                        total += row < halfWidth.length && mirrored(x + j, half) <= halfWidth[row]
                                ? smooth[Math.abs(i)] * smooth[Math.abs(j)]
                                : 0;
                    }
                }
                sum += (float) (total / inside);
            }
        }
        return sum;
    }

    // How far a place on the grid, or the one that it mirrors, is from the middle.
    private static int mirrored(int place, int half) {
        int distance = Math.abs(place);
        return distance > half ? 2 * half - distance : distance;
    }

    private float[] smoothedColumn(int x, int half, int rows) {
        float[] smoothed = new float[half + 1];
        int length = 0;
        for (int y = 0; y <= half; y++) {
            float sum = 0;
            for (int i = -reach; i <= reach; i++) {
                int row = mirrored(y + i, half);
                sum += row < rows && x <= halfWidth[row] ? gauss[Math.abs(i)] : 0;
            }
            smoothed[y] = sum;
            length = sum > 0 ? y + 1 : length;
        }
        return Arrays.copyOf(smoothed, length);
    }

    /** Blurs the clean image of a canvas, mirrored at its border, its outermost pixel once. */
    void apply(Canvas canvas) {
        new Pass(canvas).run();
    }

    /** The blur of one image, row by row: what a row needs of its neighbours is still in the cache. */
    private final class Pass {
        private final Canvas canvas;
        private final int height;
        private final int length;
        // The different lengths of runs, and which of them the rows of the disk have.
        private final int[] widths = new int[halfWidth.length];
        private final int[] which = new int[halfWidth.length];
        private final int distinct;
        // Sums of runs are kept for so many rows, in turn.
        private final int kept;
        private final float[][] runs;
        private final float[][] clean;
        private final float[][] sums;
        private final float[][] spare;
        private final float[][] before = new float[2 * margin + 1][];
        private final float[][] behind = new float[2 * margin + 1][];
        private final float[] padded;
        private final float[] running;
        // Where the values left and right of a padded line come from.
        private final int[] left;
        private final int[] right;

        Pass(Canvas canvas) {
            this.canvas = canvas;
            height = canvas.height;
            length = 3 * canvas.width;
            int count = 0;
            for (int y = 0; y < halfWidth.length; y++) {
                if (y == 0 || halfWidth[y] != halfWidth[y - 1]) {
                    widths[count++] = halfWidth[y];
                }
                which[y] = count - 1;
            }
            distinct = count;
            kept = Math.min(height, 2 * margin + 1 + reach);
            int lines = 2 * height + 5 + distinct * kept;
            float[][] all = canvas.lines(0, lines, length);
            clean = Arrays.copyOfRange(all, 0, height);
            sums = Arrays.copyOfRange(all, height, 2 * height);
            spare = Arrays.copyOfRange(all, 2 * height, 2 * height + 5);
            runs = Arrays.copyOfRange(all, 2 * height + 5, lines);
            padded = canvas.floats(1, length + 6 * margin + 3);
            running = canvas.floats(2, length + 6 * margin + 3);
            left = new int[3 * margin];
            right = new int[3 * margin];
            for (int k = 0; k < margin; k++) {
                int first = 3 * Border.reflect101(k - margin, canvas.width);
                int last = 3 * Border.reflect101(canvas.width + k, canvas.width);
                for (int c = 0; c < 3; c++) {
                    left[3 * k + c] = first + c;
                    right[3 * k + c] = last + c;
                }
            }
        }

        void run() {
            float[] levels = canvas.levels();
            for (int y = 0; y < height; y++) {
                System.arraycopy(levels, y * length, clean[y], 0, length);
            }
            int made = 0;
            for (int y = 0; y < height + reach; y++) {
                while (made < height && (kept == height || made <= y + margin)) {
                    sumRuns(made++);
                }
                if (y < height) {
                    sumDisk(y);
                }
                if (y >= reach) {
                    smooth(y - reach);
                }
            }
        }

        private float[] runs(int width, int y) {
            return runs[width * kept + Border.reflect101(y, height) % kept];
        }

        private void sumRuns(int y) {
            pad(clean[y]);
            runningSums(padded, running, length + 6 * margin);
            for (int i = 0; i < distinct; i++) {
                // Running sums are of the values before, so the end of a run is one pixel farther.
                System.arraycopy(running, 3 * (margin + widths[i] + 1), spare[0], 0, length);
                System.arraycopy(running, 3 * (margin - widths[i]), spare[1], 0, length);
                difference(spare[0], spare[1], runs(i, y), length);
            }
        }

        private void sumDisk(int y) {
            float[] sum = sums[y];
            System.arraycopy(runs(which[0], y), 0, sum, 0, length);
            int d = 1;
            for (; d + 3 < halfWidth.length; d += 4) {
                addEight(
                        sum,
                        runs(which[d], y - d),
                        runs(which[d], y + d),
                        runs(which[d + 1], y - d - 1),
                        runs(which[d + 1], y + d + 1),
                        runs(which[d + 2], y - d - 2),
                        runs(which[d + 2], y + d + 2),
                        runs(which[d + 3], y - d - 3),
                        runs(which[d + 3], y + d + 3),
                        length);
            }
            for (; d < halfWidth.length; d++) {
                LineFilter.addBoth(sum, runs(which[d], y - d), runs(which[d], y + d), length);
            }
        }

        private void smooth(int y) {
            float[] smooth = spare[2];
            LineFilter.set(smooth, sums[y], gauss[0] * scale, length);
            for (int i = 1; i <= reach; i++) {
                LineFilter.addPair(
                        smooth,
                        sums[Border.reflect101(y - i, height)],
                        sums[Border.reflect101(y + i, height)],
                        gauss[i] * scale,
                        length);
            }
            for (int i = 0; i < at.length; i++) {
                int run = which[from[i]];
                LineFilter.addPair(smooth, runs(run, y - at[i]), runs(run, y + at[i]), weight[i] * scale, length);
            }
            pad(smooth);
            float[] row = spare[3];
            LineFilter.set(row, smooth, gauss[0], length);
            LineFilter.add(row, bias, length);
            for (int i = 1; i <= reach; i++) {
                addShifted(row, i, gauss[i]);
            }
            for (int i = 0; i < at.length; i++) {
                float[] smoothed = column[i];
                for (int d = 1; d < smoothed.length; d++) {
                    before[d] = clean[Border.reflect101(y - d, height)];
                    behind[d] = clean[Border.reflect101(y + d, height)];
                }
                float[] sum = spare[4];
                LineFilter.set(sum, clean[y], smoothed[0], length);
                LineFilter.addPairs(sum, before, behind, smoothed, smoothed.length - 1, length);
                pad(sum);
                addShifted(row, at[i], weight[i] * scale);
            }
            System.arraycopy(row, 0, canvas.out, y * length, length);
        }

        private void pad(float[] line) {
            System.arraycopy(line, 0, padded, 3 * margin, length);
            for (int k = 0; k < 3 * margin; k++) {
                padded[k] = line[left[k]];
                padded[3 * margin + length + k] = line[right[k]];
            }
        }

        // Adds weight times the pixels so far to the left and to the right.
        private void addShifted(float[] sum, int distance, float factor) {
            System.arraycopy(padded, 3 * (margin - distance), spare[0], 0, length);
            System.arraycopy(padded, 3 * (margin + distance), spare[1], 0, length);
            LineFilter.addPair(sum, spare[0], spare[1], factor, length);
        }
    }

    // Whole numbers, exact in f32 for any image that fits into memory.
    private static void runningSums(float[] values, float[] sums, int count) {
        float red = 0;
        float green = 0;
        float blue = 0;
        for (int k = 0; k < count; k += 3) {
            sums[k] = red;
            sums[k + 1] = green;
            sums[k + 2] = blue;
            red += values[k];
            green += values[k + 1];
            blue += values[k + 2];
        }
        sums[count] = red;
        sums[count + 1] = green;
        sums[count + 2] = blue;
    }

    private static void difference(float[] a, float[] b, float[] result, int count) {
        for (int k = 0; k < count; k++) {
            result[k] = a[k] - b[k];
        }
    }

    private static void addEight(
            float[] sum,
            float[] a,
            float[] b,
            float[] c,
            float[] d,
            float[] e,
            float[] f,
            float[] g,
            float[] h,
            int count) {
        for (int k = 0; k < count; k++) {
            sum[k] += a[k] + b[k] + c[k] + d[k] + (e[k] + f[k] + g[k] + h[k]);
        }
    }
}
