package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;

/**
 * Blurs every channel by a Gaussian of standard deviation σ pixels.
 *
 * <p>The kernel reaches 4σ to each side, rounded, and beyond the border the outermost pixel goes on: what SciPy's
 * gaussian_filter does with mode nearest and truncate 4. Columns are filtered first, then rows.
 */
final class GaussianBlur implements Corruption {
    private static final Severities SIGMA = new Severities(
            Severities.of(.4, .6, .7, .8, 1), Severities.of(.5, .75, 1, 1.25, 1.5), Severities.of(1, 2, 3, 4, 6));

    @Override
    public String name() {
        return "gaussian_blur";
    }

    @Override
    public void apply(double[] rgb, int height, int width, int severity, ConstantSet constants, Philox draw) {
        blur(rgb, height, width, 3, SIGMA.at(constants, severity));
    }

    /** Blurs an image of interleaved channels in place. */
    static void blur(double[] image, int height, int width, int channels, double sigma) {
        double[] kernel = kernel(sigma);
        double[] line = new double[Math.max(height, width)];
        int rowLength = width * channels;
        for (int column = 0; column < rowLength; column++) {
            filter(image, column, rowLength, height, kernel, line);
        }
        for (int y = 0; y < height; y++) {
            for (int c = 0; c < channels; c++) {
                filter(image, y * rowLength + c, channels, width, kernel, line);
            }
        }
    }

    private static double[] kernel(double sigma) {
        int radius = (int) (4 * sigma + 0.5);
        double[] kernel = new double[2 * radius + 1];
        double sum = 0;
        for (int i = -radius; i <= radius; i++) {
            kernel[i + radius] = StrictMath.exp(-0.5 / (sigma * sigma) * i * i);
            sum += kernel[i + radius];
        }
        for (int i = 0; i < kernel.length; i++) {
            kernel[i] /= sum;
        }
        return kernel;
    }

    // Filters the `length` values image[first + i * step].
    private static void filter(double[] image, int first, int step, int length, double[] kernel, double[] line) {
        int radius = kernel.length / 2;
        for (int i = 0, at = first; i < length; i++, at += step) {
            line[i] = image[at];
        }
        for (int i = 0, at = first; i < length; i++, at += step) {
            double sum = kernel[radius] * line[i];
            for (int k = radius; k > 0; k--) {
                sum += kernel[radius + k] * (line[Math.max(i - k, 0)] + line[Math.min(i + k, length - 1)]);
            }
            image[at] = sum;
        }
    }
}
