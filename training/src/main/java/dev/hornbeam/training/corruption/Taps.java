package dev.hornbeam.training.corruption;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * A small two-dimensional filter, given as the pixels around that are summed and their weights.
 *
 * <p>Those in one column are summed first, all from the same place of several lines; see {@link LineFilter}.
 */
final class Taps {
    // Taps in the same column are neighbours; columns[i] is the first of a column.
    private final int[] down;
    private final int[] right;
    private final float[] weight;
    private final int[] columns;
    private final int reach;

    /**
     * Makes the filter out(y, x) = Σ weight[i] · in(y + down[i], x + right[i]); arrays of one length.
     */
    Taps(int[] down, int[] right, float[] weight) {
        int count = weight.length;
        this.down = new int[count];
        this.right = new int[count];
        this.weight = new float[count];
        int[] order = IntStream.range(0, count)
                .boxed()
                .sorted(Comparator.comparingInt(i -> right[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        int[] starts = new int[count + 1];
        int found = 0;
        int most = 0;
        for (int i = 0; i < count; i++) {
            this.down[i] = down[order[i]];
            this.right[i] = right[order[i]];
            this.weight[i] = weight[order[i]];
            if (i == 0 || this.right[i] != this.right[i - 1]) {
                starts[found++] = i;
            }
            most = Math.max(most, Math.abs(this.right[i]));
        }
        starts[found] = count;
        columns = Arrays.copyOf(starts, found + 1);
        reach = most;
    }

    /**
     * Filters an image of interleaved channels.
     *
     * @param image the image, not changed
     * @param out takes the result
     * @param mirror whether the image is mirrored beyond its border, its outermost pixel once; else that pixel goes on
     */
    void apply(Canvas canvas, float[] image, float[] out, int height, int width, int channels, boolean mirror) {
        int rowLength = width * channels;
        int margin = reach * channels;
        int paddedLength = rowLength + 2 * margin;
        float[][] padded = canvas.lines(2, height + 3, paddedLength);
        float[] sum = padded[height];
        float[] column = padded[height + 1];
        float[] shifted = padded[height + 2];
        int[] left = new int[reach + 1];
        int[] behind = new int[reach + 1];
        for (int k = 1; k <= reach; k++) {
            left[k] = inside(-k, width, mirror) * channels;
            behind[k] = inside(width - 1 + k, width, mirror) * channels;
        }
        for (int y = 0; y < height; y++) {
            int row = y * rowLength;
            float[] to = padded[y];
            System.arraycopy(image, row, to, margin, rowLength);
            for (int k = 1; k <= reach; k++) {
                for (int c = 0; c < channels; c++) {
                    to[margin - k * channels + c] = image[row + left[k] + c];
                    to[margin + (width - 1 + k) * channels + c] = image[row + behind[k] + c];
                }
            }
        }
        for (int y = 0; y < height; y++) {
            Arrays.fill(sum, 0, rowLength, 0);
            for (int i = 0; i + 1 < columns.length; i++) {
                int first = columns[i];
                int end = columns[i + 1];
                int from = margin + right[first] * channels;
                float[] line = padded[inside(y + down[first], height, mirror)];
                float factor = weight[first];
                if (end - first > 1) {
                    LineFilter.set(column, line, factor, paddedLength);
                    for (int t = first + 1; t < end; t++) {
                        LineFilter.add(column, padded[inside(y + down[t], height, mirror)], weight[t], paddedLength);
                    }
                    line = column;
                    factor = 1;
                }
                System.arraycopy(line, from, shifted, 0, rowLength);
                LineFilter.add(sum, shifted, factor, rowLength);
            }
            System.arraycopy(sum, 0, out, y * rowLength, rowLength);
        }
    }

    private static int inside(int i, int size, boolean mirror) {
        return mirror ? Border.reflect101(i, size) : Math.max(0, Math.min(i, size - 1));
    }
}
