package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;
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

    private final PixelLoops.Disk disk;
    private final int reach;
    private final float[] gauss;
    // How many pixels the disk has to the right in a row so far from the middle; as many as there are rows below it.
    private final int[] halfWidth;

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
        float scale = 1f / inside;
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
        // Weights are defined as f32, and their sum is a little more or less than 1: a flat part of an image keeps its
        // level or is cut to the one below. Added to the result, this makes the cut fall as that sum does.
        float bias = weights(half, inside, exact) < 1 ? -ROUNDING : ROUNDING;
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
        // Corrections of rows, and, because a disk is symmetric, columns: weight times the row `source` of the disk is
        // added at the row `corrected`. For columns: the disk's column, smoothed vertically, from the middle downwards.
        int[] length = new int[count];
        float[] columns = new float[count * (half + 1)];
        int used = 0;
        int most = 0;
        for (int i = 0; i < count; i++) {
            float[] column = smoothedColumn(source[i], half, rows);
            length[i] = column.length;
            System.arraycopy(column, 0, columns, used, column.length);
            used += column.length;
            most = Math.max(most, corrected[i]);
        }
        disk = new PixelLoops.Disk(
                halfWidth,
                Math.max(most, rows - 1 + reach),
                scale,
                bias,
                gauss,
                Arrays.copyOf(corrected, count),
                Arrays.copyOf(source, count),
                Arrays.copyOf(weights, count),
                length,
                Arrays.copyOf(columns, used));
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
        PixelLoops.defocus(canvas.in, canvas.out, canvas.height, canvas.width, disk);
    }
}
