package dev.hornbeam.training.corruption;

/**
 * Enlarges the middle of an image to the size of the whole.
 *
 * <p>Of every side s the ⌈s/factor⌉ pixels in the middle are enlarged to round(⌈s/factor⌉·factor) pixels, bilinearly,
 * with first on first and last on last pixel (SciPy's zoom of order 1), and the s in the middle of those are taken.
 */
final class ClippedZoom {
    private final int size;
    private final int[] first;
    private final float[] part;

    private ClippedZoom(int size, double factor) {
        this.size = size;
        int crop = (int) Math.ceil(size / factor);
        int start = (size - crop) / 2;
        int large = (int) Math.rint(crop * factor);
        int trim = (large - size) / 2;
        double step = large > 1 ? (crop - 1) / (double) (large - 1) : 1;
        first = new int[size];
        part = new float[size];
        for (int i = 0; i < size; i++) {
            double at = (i + trim) * step;
            int whole = Math.min((int) at, Math.max(crop - 2, 0));
            first[i] = start + whole;
            part[i] = crop == 1 ? 0 : (float) (at - whole);
        }
    }

    /** Adds the zoomed image to {@code sum}; both of interleaved channels. */
    static void add(Canvas canvas, float[] image, float[] sum, int height, int width, int channels, double factor) {
        ClippedZoom rows = new ClippedZoom(height, factor);
        ClippedZoom columns = new ClippedZoom(width, factor);
        int rowLength = width * channels;
        float[] line = canvas.floats(3, rowLength);
        for (int y = 0; y < height; y++) {
            int upper = rows.first[y] * rowLength;
            int lower = Math.min(rows.first[y] + 1, height - 1) * rowLength;
            float part = rows.part[y];
            float rest = 1 - part;
            for (int k = 0; k < rowLength; k++) {
                line[k] = rest * image[upper + k] + part * image[lower + k];
            }
            if (channels == 3) {
                columns.addColour(line, sum, y * rowLength);
            } else {
                columns.addGrey(line, sum, y * rowLength);
            }
        }
    }

    private void addColour(float[] line, float[] sum, int to) {
        for (int x = 0; x < size; x++, to += 3) {
            int left = first[x] * 3;
            int right = Math.min(first[x] + 1, size - 1) * 3;
            float weight = part[x];
            float rest = 1 - weight;
            sum[to] += rest * line[left] + weight * line[right];
            sum[to + 1] += rest * line[left + 1] + weight * line[right + 1];
            sum[to + 2] += rest * line[left + 2] + weight * line[right + 2];
        }
    }

    private void addGrey(float[] line, float[] sum, int to) {
        for (int x = 0; x < size; x++) {
            int right = Math.min(first[x] + 1, size - 1);
            sum[to + x] += (1 - part[x]) * line[first[x]] + part[x] * line[right];
        }
    }
}
