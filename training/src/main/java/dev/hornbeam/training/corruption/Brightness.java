package dev.hornbeam.training.corruption;

/** Adds to the value of every pixel in the HSV colour space, up to 1, leaving hue and saturation. */
final class Brightness extends CanvasCorruption {
    private static final Severities ADDED = new Severities(
            Severities.of(.05, .1, .15, .2, .3), Severities.of(.1, .2, .3, .4, .5), Severities.of(.1, .2, .3, .4, .5));

    Brightness() {
        super("brightness");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        Hsv.change(canvas, 1, 0, ADDED.at(constants, severity));
    }
}
