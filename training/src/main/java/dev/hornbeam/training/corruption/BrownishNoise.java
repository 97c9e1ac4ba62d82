package dev.hornbeam.training.corruption;

/**
 * Adds noise of slow waves to every channel: {@link SpectralNoise} of the sizes 1/(d² + 1), d being the distance from the
 * centre of the spectrum.
 *
 * <p>Its standard deviation is 6.4 levels times the severity's number. The channels take their uniform numbers one after
 * the other.
 */
final class BrownishNoise extends CanvasCorruption {
    private static final Severities DEVIATION = new Severities(
            Severities.of(2.5, 4, 5.5, 6.5, 7), Severities.of(1.75, 3, 4.25, 5.25, 6), Severities.of(1, 2, 3, 4, 5));

    BrownishNoise() {
        super("brownish_noise");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        float deviation = (float) (6.4 * DEVIATION.at(constants, severity));
        int side = canvas.longerSide();
        int count = SpectralNoise.draws(side);
        float[] drawn = canvas.floats(0, 3 * count);
        draws.uniforms(drawn, 3 * count);
        float[] noise = canvas.floats(1, side * side);
        for (int c = 0; c < 3; c++) {
            SpectralNoise.fill(noise, side, square -> 1 / (square + 1), drawn, c * count);
            for (int y = 0, k = c; y < canvas.height; y++) {
                for (int x = 0; x < canvas.width; x++, k += 3) {
                    canvas.out[k] = (canvas.in[k] & 0xff) + deviation * noise[y * side + x];
                }
            }
        }
    }
}
