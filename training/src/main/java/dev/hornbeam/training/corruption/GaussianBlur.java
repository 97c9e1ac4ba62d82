package dev.hornbeam.training.corruption;

/**
 * Blurs every channel by a Gaussian of standard deviation σ pixels, with {@link GaussianFilter}: border pixels go on, 4σ
 * to each side.
 */
final class GaussianBlur extends CanvasCorruption {
    private static final Severities SIGMA = new Severities(
            Severities.of(.4, .6, .7, .8, 1), Severities.of(.5, .75, 1, 1.25, 1.5), Severities.of(1, 2, 3, 4, 6));

    GaussianBlur() {
        super("gaussian_blur");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] image = canvas.doubles(0, canvas.values);
        for (int k = 0; k < canvas.values; k++) {
            image[k] = Canvas.UNIT[canvas.in[k] & 0xff];
        }
        GaussianFilter.of(SIGMA.at(constants, severity), 4).apply(canvas, image, canvas.height, canvas.width, 3);
        for (int k = 0; k < canvas.values; k++) {
            canvas.out[k] = Canvas.level(image[k]);
        }
    }
}
