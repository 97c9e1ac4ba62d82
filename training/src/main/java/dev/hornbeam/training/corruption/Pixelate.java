package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;
import dev.hornbeam.training.UserError;

/**
 * Shrinks the image by a factor, averaging, and enlarges it again.
 *
 * <p>Both ways with Pillow's box filter for 8-bit images: each new pixel is the mean of the old pixels whose centres
 * lie in its window, weighted in fixed point of 22 bits and rounded to 8 bits after each direction, rows first.
 */
final class Pixelate extends CanvasCorruption {
    private static final Severities FACTOR = new Severities(
            Severities.of(.95, .9, .85, .75, .65),
            Severities.of(.9, .8, .7, .6, .5),
            Severities.of(.6, .5, .4, .3, .25));

    Pixelate() {
        super("pixelate");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        int height = canvas.height;
        int width = canvas.width;
        double factor = FACTOR.at(constants, severity);
        int smallHeight = (int) (height * factor);
        int smallWidth = (int) (width * factor);
        if (smallHeight < 1 || smallWidth < 1) {
            throw new UserError("pixelate at severity " + severity + " would shrink an image of " + height + "x" + width
                    + " to nothing; expected sides of at least " + (int) Math.ceil(1 / factor) + " pixels");
        }
        PixelLoops.pixelate(canvas.in, canvas.bytesOut(), height, width, smallHeight, smallWidth);
    }
}
