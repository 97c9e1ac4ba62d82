package dev.hornbeam.training.corruption;

/**
 * Keeps the pixels where blue noise is above a threshold and makes the others black.
 *
 * <p>The noise is {@link SpectralNoise} with waves as large as they are fast, on a square of the longer side; the threshold
 * is 0.3 times the severity's number minus 2.5 standard deviations.
 */
final class BlueNoiseSample extends CanvasCorruption {
    private static final Severities THRESHOLD = new Severities(
            Severities.of(.7, 1.4, 2.1, 3.5, 4.2),
            Severities.of(.75, 1.5, 2.25, 3.75, 4.9),
            Severities.of(.8, 1.6, 2.4, 4, 5.6));

    BlueNoiseSample() {
        super("blue_noise_sample");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double threshold = 0.3 * THRESHOLD.at(constants, severity) - 2.5;
        int side = canvas.longerSide();
        float[] drawn = canvas.floats(0, SpectralNoise.draws(side));
        draws.uniforms(drawn, SpectralNoise.draws(side));
        float[] noise = canvas.floats(1, side * side);
        SpectralNoise.fill(noise, side, Math::sqrt, drawn, 0);
        byte[] out = canvas.bytesOut();
        for (int y = 0, k = 0; y < canvas.height; y++) {
            for (int x = 0; x < canvas.width; x++, k += 3) {
                boolean kept = noise[y * side + x] > threshold;
                out[k] = kept ? canvas.in[k] : 0;
                out[k + 1] = kept ? canvas.in[k + 1] : 0;
                out[k + 2] = kept ? canvas.in[k + 2] : 0;
            }
        }
    }
}
