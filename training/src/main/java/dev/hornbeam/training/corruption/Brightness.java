package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;

/** Adds to the value of every pixel in the HSV colour space, up to 1, leaving hue and saturation. */
final class Brightness implements Corruption {
    private static final Severities ADDED = new Severities(
            Severities.of(.05, .1, .15, .2, .3), Severities.of(.1, .2, .3, .4, .5), Severities.of(.1, .2, .3, .4, .5));

    @Override
    public String name() {
        return "brightness";
    }

    @Override
    public void apply(double[] rgb, int height, int width, int severity, ConstantSet constants, Philox draw) {
        double added = ADDED.at(constants, severity);
        for (int k = 0; k < rgb.length; k += 3) {
            brighten(rgb, k, added);
        }
    }

    private static void brighten(double[] rgb, int at, double added) {
        double red = rgb[at];
        double green = rgb[at + 1];
        double blue = rgb[at + 2];
        double value = Math.max(red, Math.max(green, blue));
        double range = value - Math.min(red, Math.min(green, blue));
        double saturation = range == 0 ? 0 : range / value;
        double bright = Math.min(value + added, 1);
        if (range == 0) {
            rgb[at] = bright;
            rgb[at + 1] = bright;
            rgb[at + 2] = bright;
            return;
        }
        // Hue in sixths of the circle, 0..6.
        double hue = value == blue
                ? 4 + (red - green) / range
                : value == green ? 2 + (blue - red) / range : (green - blue) / range;
        hue = hue < 0 ? hue + 6 : hue;
        int sector = (int) hue;
        double part = hue - sector;
        double low = bright * (1 - saturation);
        double falling = bright * (1 - part * saturation);
        double rising = bright * (1 - (1 - part) * saturation);
        switch (sector) {
            case 0, 6 -> set(rgb, at, bright, rising, low);
            case 1 -> set(rgb, at, falling, bright, low);
            case 2 -> set(rgb, at, low, bright, rising);
            case 3 -> set(rgb, at, low, falling, bright);
            case 4 -> set(rgb, at, rising, low, bright);
            default -> set(rgb, at, bright, low, falling);
        }
    }

    private static void set(double[] rgb, int at, double red, double green, double blue) {
        rgb[at] = red;
        rgb[at + 1] = green;
        rgb[at + 2] = blue;
    }
}
