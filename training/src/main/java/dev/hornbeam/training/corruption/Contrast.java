package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;

/** Draws the values of every channel towards the channel's mean: (x - mean)·c + mean. */
final class Contrast implements Corruption {
    private static final Severities FACTOR = new Severities(
            Severities.of(.75, .5, .4, .3, .15),
            Severities.of(.4, .3, .2, .1, .05),
            Severities.of(.4, .3, .2, .1, .05));

    @Override
    public String name() {
        return "contrast";
    }

    @Override
    public void apply(double[] rgb, int height, int width, int severity, ConstantSet constants, Philox draw) {
        double factor = FACTOR.at(constants, severity);
        for (int c = 0; c < 3; c++) {
            double sum = 0;
            for (int k = c; k < rgb.length; k += 3) {
                sum += rgb[k];
            }
            double mean = sum / (height * width);
            for (int k = c; k < rgb.length; k += 3) {
                rgb[k] = (rgb[k] - mean) * factor + mean;
            }
        }
    }
}
