package dev.hornbeam.training.corruption;

import java.util.Arrays;

/** A small two-dimensional filter, given as the pixels around that are summed and their weights. */
final class Taps {
    private final int[] down;
    private final int[] right;
    private final float[] weight;
    private final int count;
    private final int reach;

    /**
     * Makes the filter out(y, x) = Σ weight[i] · in(y + down[i], x + right[i]); arrays of one length, which are kept.
     */
    Taps(int[] down, int[] right, float[] weight) {
        this.down = down;
        this.right = right;
        this.weight = weight;
        count = weight.length;
        int most = 0;
        for (int offset : right) {
            most = Math.max(most, Math.abs(offset));
        }
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
        float[] padded = canvas.floats(3, height * paddedLength);
        for (int y = 0; y < height; y++) {
            int row = y * rowLength;
            int to = y * paddedLength + margin;
            System.arraycopy(image, row, padded, to, rowLength);
            for (int k = 1; k <= reach; k++) {
                int before = row + inside(-k, width, mirror) * channels;
                int behind = row + inside(width - 1 + k, width, mirror) * channels;
                for (int c = 0; c < channels; c++) {
                    padded[to - k * channels + c] = image[before + c];
                    padded[to + (width - 1 + k) * channels + c] = image[behind + c];
                }
            }
        }
        int[] from = new int[count];
        for (int y = 0; y < height; y++) {
            for (int i = 0; i < count; i++) {
                from[i] = inside(y + down[i], height, mirror) * paddedLength + margin + right[i] * channels;
            }
            int to = y * rowLength;
            Arrays.fill(out, to, to + rowLength, 0);
            int i = 0;
            for (; i + 4 <= count; i += 4) {
                add(out, to, rowLength, padded, from[i], from[i + 1], from[i + 2], from[i + 3], weight, i);
            }
            for (; i < count; i++) {
                add(out, to, rowLength, padded, from[i], weight[i]);
            }
        }
    }

    private static int inside(int i, int size, boolean mirror) {
        return mirror ? Border.reflect101(i, size) : Math.max(0, Math.min(i, size - 1));
    }

    private static void add(float[] sum, int to, int length, float[] in, int from, float weight) {
        for (int k = 0; k < length; k++) {
            sum[to + k] += weight * in[from + k];
        }
    }

    // Four at a time, because sums are then read and written a quarter as often.
    private static void add(
            float[] sum, int to, int length, float[] in, int from0, int from1, int from2, int from3, float[] w, int i) {
        float w0 = w[i];
        float w1 = w[i + 1];
        float w2 = w[i + 2];
        float w3 = w[i + 3];
        for (int k = 0; k < length; k++) {
            sum[to + k] += w0 * in[from0 + k] + w1 * in[from1 + k] + w2 * in[from2 + k] + w3 * in[from3 + k];
        }
    }
}
