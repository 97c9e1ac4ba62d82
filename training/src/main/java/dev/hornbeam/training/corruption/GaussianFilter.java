package dev.hornbeam.training.corruption;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The Gaussian filter of SciPy, gaussian_filter, with the mode nearest or reflect.
 *
 * <p>The kernel reaches a number of standard deviations to each side, rounded. Columns are filtered first, then rows,
 * every sum from the outermost pair of neighbours inwards, which is SciPy's order: in double precision the sums agree
 * to the last bits, so that the cut to 8 bits does, too.
 */
final class GaussianFilter {
    // Kernels take time to make. There are few σ, but for images of many sizes, to which some σ are relative.
    private static final Map<List<Double>, GaussianFilter> MADE = new ConcurrentHashMap<>();
    private static final int KEPT = 64;

    private final double[] kernel;
    private final float[] weights;
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
        weights = new float[radius + 1];
        for (int k = 0; k <= radius; k++) {
            kernel[k] = whole[radius + k] / sum;
            weights[k] = (float) kernel[k];
        }
    }

    private static GaussianFilter made(double sigma, double truncate, boolean reflect) {
        List<Double> key = List.of(sigma, truncate, reflect ? 1.0 : 0.0);
        GaussianFilter filter = MADE.get(key);
        if (filter == null) {
            filter = new GaussianFilter(sigma, truncate, reflect);
            if (MADE.size() < KEPT) {
                MADE.put(key, filter);
            }
        }
        return filter;
    }

    /** Makes a filter beyond whose border the outermost pixel goes on; a σ of 0 changes nothing. */
    static GaussianFilter of(double sigma, double truncate) {
        return made(sigma, truncate, false);
    }

    /** Makes a filter beyond whose border the image is mirrored, the outermost pixel being there twice. */
    static GaussianFilter reflecting(double sigma, double truncate) {
        return made(sigma, truncate, true);
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

    // Filters lines in single precision: each becomes a weighted sum of itself and the lines before and behind.
    private void lines(float[][] from, float[][] to, int lines, int length) {
        if (reflect && radius >= lines) {
            wide(from, to, lines, length);
            return;
        }
        float[][] before = new float[radius + 1][];
        float[][] behind = new float[radius + 1][];
        for (int y = 0; y < lines; y++) {
            for (int k = 1; k <= radius; k++) {
                before[k] = from[inside(y - k, lines)];
                behind[k] = from[inside(y + k, lines)];
            }
            LineFilter.set(to[y], from[y], weights[0], length);
            LineFilter.addPairs(to[y], before, behind, weights, radius, length);
        }
    }

    // A kernel as long as the image: the weights of all mirror images of a line are added up.
    private void wide(float[][] from, float[][] to, int lines, int length) {
        int period = 2 * lines;
        double[] folded = new double[period];
        for (int k = -radius; k <= radius; k++) {
            folded[Math.floorMod(k, period)] += kernel[Math.abs(k)];
        }
        float[] weight = new float[lines];
        for (int y = 0; y < lines; y++) {
            for (int j = 0; j < lines; j++) {
                weight[j] = (float) (folded[Math.abs(y - j)] + folded[y + j + 1]);
            }
            LineFilter.mix(to[y], from, weight, lines, length);
        }
    }

    /**
     * Filters planes in single precision.
     *
     * @param rows {@code height} lines in which plane p, column x is at p·width + x; takes the result
     * @param spare room for as many lines
     * @param columns room for two times {@code width} lines of planes · height
     */
    void planes(float[][] rows, float[][] spare, float[][] columns, int height, int width, int planes) {
        if (radius == 0) {
            return;
        }
        lines(rows, spare, height, planes * width);
        float[][] turned = Arrays.copyOfRange(columns, 0, width);
        float[][] filtered = Arrays.copyOfRange(columns, width, 2 * width);
        LineFilter.turn(spare, turned, width, height, planes, height, 1);
        lines(turned, filtered, width, planes * height);
        LineFilter.turn(filtered, rows, height, width, planes, width, 1);
    }

    /** Returns the weights of both neighbours at distances 0, 1, ...; not to be changed. */
    double[] kernel() {
        return kernel;
    }

    /** Returns {@link #kernel} in single precision; not to be changed. */
    float[] weights() {
        return weights;
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
