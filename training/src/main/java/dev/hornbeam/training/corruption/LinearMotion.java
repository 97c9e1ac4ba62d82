package dev.hornbeam.training.corruption;

/**
 * ImageMagick's linear motion blur.
 *
 * <p>The kernel has n = 2·radius + 1 weights, one half of a Gaussian: w(i) is proportional to exp(-i²/(2σ²)), i = 0 to
 * n - 1, and the weights sum to 1. A pixel becomes the sum of w(i) times the pixel i steps away in the direction of the
 * angle: ⌈i·cos(angle) - ½⌉ to the right and ⌈i·sin(angle) - ½⌉ down. Beyond the border the outermost pixel goes on. The
 * result is rounded to whole levels.
 */
final class LinearMotion {
    // What lighter taps than this add up to is far below a level.
    private static final double LIGHTEST = 1e-7;

    private LinearMotion() {}

    /** Blurs an image of whole levels; the angle is in degrees, turning clockwise. */
    static void blur(
            Canvas canvas,
            float[] image,
            float[] out,
            int height,
            int width,
            int channels,
            int radius,
            double sigma,
            double angle) {
        int length = 2 * radius + 1;
        double[] weight = new double[length];
        double sum = 0;
        for (int i = 0; i < length; i++) {
            weight[i] = StrictMath.exp(-(double) i * i / (2 * sigma * sigma));
            sum += weight[i];
        }
        int count = 0;
        while (count < length && weight[count] / sum > LIGHTEST) {
            count++;
        }
        double sine = StrictMath.sin(StrictMath.toRadians(angle));
        double cosine = StrictMath.cos(StrictMath.toRadians(angle));
        int[] down = new int[count];
        int[] right = new int[count];
        float[] weights = new float[count];
        for (int i = 0; i < count; i++) {
            down[i] = (int) Math.ceil(i * sine - 0.5);
            right[i] = (int) Math.ceil(i * cosine - 0.5);
            weights[i] = (float) (weight[i] / sum);
        }
        new Taps(down, right, weights).apply(canvas, image, out, height, width, channels, false);
        for (int k = 0; k < height * width * channels; k++) {
            out[k] = (int) (out[k] + 0.5f);
        }
    }
}
