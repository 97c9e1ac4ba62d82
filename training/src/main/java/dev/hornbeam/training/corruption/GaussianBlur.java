package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;

/**
 * Blurs every channel by a Gaussian of standard deviation σ pixels, with {@link GaussianFilter}: border pixels go on, 4σ
 * to each side.
 *
 * <p>The cut to 8 bits is that of the result in double precision.
 */
final class GaussianBlur extends CanvasCorruption {
    private static final Severities SIGMA = new Severities(
            Severities.of(.4, .6, .7, .8, 1), Severities.of(.5, .75, 1, 1.25, 1.5), Severities.of(1, 2, 3, 4, 6));

    GaussianBlur() {
        super("gaussian_blur");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        GaussianFilter filter = GaussianFilter.of(SIGMA.at(constants, severity), 4);
        PixelLoops.gaussian(canvas.in, canvas.out, canvas.height, canvas.width, filter.kernel());
    }
}
