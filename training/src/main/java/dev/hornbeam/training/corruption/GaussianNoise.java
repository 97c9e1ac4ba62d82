package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;

/** Adds normal noise of a standard deviation σ to every value; element k of the draw goes to value k. */
final class GaussianNoise implements Corruption {
    private static final Severities SIGMA = new Severities(
            Severities.of(.04, .06, .08, .09, .10),
            Severities.of(.04, .08, .12, .15, .18),
            Severities.of(.08, .12, .18, .26, .38));

    @Override
    public String name() {
        return "gaussian_noise";
    }

    @Override
    public void apply(double[] rgb, int height, int width, int severity, ConstantSet constants, Philox draw) {
        double sigma = SIGMA.at(constants, severity);
        float[] noise = new float[rgb.length];
        draw.normals(0, noise);
        for (int k = 0; k < rgb.length; k++) {
            rgb[k] += sigma * noise[k];
        }
    }
}
