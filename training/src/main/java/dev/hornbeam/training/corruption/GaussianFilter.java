package dev.hornbeam.training.corruption;

/**
 * The Gaussian filter of SciPy, gaussian_filter, with the mode nearest or reflect.
 *
 * <p>The kernel reaches a number of standard deviations to each side, rounded. Columns are filtered first, then rows,
 * every sum from the outermost pair of neighbours inwards, which is SciPy's order: in double precision the sums agree
 * to the last bits, so that the cut to 8 bits does, too.
 */
final class GaussianFilter {
    private final double[] kernel;
    private final int radius;
    private final boolean reflect;

    private GaussianFilter(double sigma, double truncate, boolean reflect) {
        radius = (int) (truncate * sigma + 0.5);
        this.reflect = reflect;
        double[] whole = new double[2 * radius + 1];
        double sum = 0;
        for (int i = -radius; i <= radius; i++) {
            whole[i + radius] = sigma == 0 ? 1 : StrictMath.exp(-0.5 / (sigma * sigma) * i * i);
            sum += whole[i + radius];
        }
        // kernel[k] is the weight of both neighbours at distance k.
        kernel = new double[radius + 1];
        for (int k = 0; k <= radius; k++) {
            kernel[k] = whole[radius + k] / sum;
        }
    }

    /** Makes a filter beyond whose border the outermost pixel goes on; a σ of 0 changes nothing. */
    static GaussianFilter of(double sigma, double truncate) {
        return new GaussianFilter(sigma, truncate, false);
    }

    /** Makes a filter beyond whose border the image is mirrored, the outermost pixel being there twice. */
    static GaussianFilter reflecting(double sigma, double truncate) {
        return new GaussianFilter(sigma, truncate, true);
    }

    /** Filters an image of interleaved channels in place, using array 1 and 2 of the canvas's doubles. */
    void apply(Canvas canvas, double[] image, int height, int width, int channels) {
        if (radius == 0) {
            return;
        }
        int rowLength = width * channels;
        double[] columns = canvas.doubles(1, height * rowLength);
        for (int y = 0; y < height; y++) {
            int to = y * rowLength;
            double centre = kernel[0];
            for (int i = 0; i < rowLength; i++) {
                columns[to + i] = centre * image[to + i];
            }
            for (int k = radius; k > 0; k--) {
                int above = inside(y - k, height) * rowLength;
                int below = inside(y + k, height) * rowLength;
                addPairs(columns, to, rowLength, kernel[k], image, above, below);
            }
        }
        int margin = radius * channels;
        double[] line = canvas.doubles(2, rowLength + 2 * margin);
        for (int y = 0; y < height; y++) {
            int row = y * rowLength;
            System.arraycopy(columns, row, line, margin, rowLength);
            for (int k = 1; k <= radius; k++) {
                for (int c = 0; c < channels; c++) {
                    line[margin - k * channels + c] = columns[row + inside(-k, width) * channels + c];
                    line[margin + (width - 1 + k) * channels + c] =
                            columns[row + inside(width - 1 + k, width) * channels + c];
                }
            }
            double centre = kernel[0];
            for (int i = 0; i < rowLength; i++) {
                image[row + i] = centre * line[margin + i];
            }
            for (int k = radius; k > 0; k--) {
                addPairs(image, row, rowLength, kernel[k], line, margin - k * channels, margin + k * channels);
            }
        }
    }

    private int inside(int i, int size) {
        return reflect ? Border.reflect(i, size) : Math.max(0, Math.min(i, size - 1));
    }

    private static void addPairs(
            double[] sum, int to, int count, double weight, double[] values, int first, int second) {
        for (int i = 0; i < count; i++) {
            sum[to + i] += weight * (values[first + i] + values[second + i]);
        }
    }
}
