package dev.hornbeam.training.corruption;

/**
 * A small two-dimensional filter, given as the pixels around that are summed and their weights.
 *
 * <p>The image gets a margin, so that a tap is a shift of the whole image in one array; several rows are shifted and added
 * at once, as many as stay in the nearest cache. See {@link LineFilter} for why they are copied.
 */
final class Taps {
    private static final int AT_ONCE = 2048;

    private final int[] down;
    private final int[] right;
    private final float[] weight;
    private final int reach;
    private final int verticalReach;

    /**
     * Makes the filter out(y, x) = Σ weight[i] · in(y + down[i], x + right[i]); arrays of one length, which are kept.
     */
    Taps(int[] down, int[] right, float[] weight) {
        this.down = down;
        this.right = right;
        this.weight = weight;
        reach = largest(right);
        verticalReach = largest(down);
    }

    private static int largest(int[] offsets) {
        int most = 0;
        for (int offset : offsets) {
            most = Math.max(most, Math.abs(offset));
        }
        return most;
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
        int stride = rowLength + 2 * margin;
        float[][] lines = canvas.lines(2, 3, (height + 2 * verticalReach) * stride);
        float[] padded = lines[0];
        float[] sum = lines[1];
        float[] shifted = lines[2];
        pad(image, padded, height, width, channels, mirror);
        int band = Math.max(1, AT_ONCE / stride);
        for (int first = 0; first < height; first += band) {
            int end = Math.min(first + band, height);
            int length = (end - first) * stride - 2 * margin;
            for (int i = 0; i < weight.length; i++) {
                int from = (first + verticalReach + down[i]) * stride + margin + right[i] * channels;
                System.arraycopy(padded, from, shifted, 0, length);
                if (i == 0) {
                    LineFilter.set(sum, shifted, weight[0], length);
                } else {
                    LineFilter.add(sum, shifted, weight[i], length);
                }
            }
            for (int y = first; y < end; y++) {
                System.arraycopy(sum, (y - first) * stride, out, y * rowLength, rowLength);
            }
        }
    }

    private void pad(float[] image, float[] padded, int height, int width, int channels, boolean mirror) {
        int rowLength = width * channels;
        int margin = reach * channels;
        int stride = rowLength + 2 * margin;
        int[] before = new int[reach + 1];
        int[] behind = new int[reach + 1];
        for (int k = 1; k <= reach; k++) {
            before[k] = inside(-k, width, mirror) * channels;
            behind[k] = inside(width - 1 + k, width, mirror) * channels;
        }
        for (int y = 0; y < height; y++) {
            int row = y * rowLength;
            int to = (y + verticalReach) * stride + margin;
            System.arraycopy(image, row, padded, to, rowLength);
            for (int k = 1; k <= reach; k++) {
                for (int c = 0; c < channels; c++) {
                    padded[to - k * channels + c] = image[row + before[k] + c];
                    padded[to + (width - 1 + k) * channels + c] = image[row + behind[k] + c];
                }
            }
        }
        for (int k = 1; k <= verticalReach; k++) {
            int above = (verticalReach + inside(-k, height, mirror)) * stride;
            int below = (verticalReach + inside(height - 1 + k, height, mirror)) * stride;
            System.arraycopy(padded, above, padded, (verticalReach - k) * stride, stride);
            System.arraycopy(padded, below, padded, (verticalReach + height - 1 + k) * stride, stride);
        }
    }

    private static int inside(int i, int size, boolean mirror) {
        return mirror ? Border.reflect101(i, size) : Math.max(0, Math.min(i, size - 1));
    }
}
