package dev.hornbeam.training.corruption;

/**
 * Salt and pepper: a share of all values becomes white or black, each as likely.
 *
 * <p>Uniform number k decides about value k: white below half the share, black below the whole.
 */
final class ImpulseNoise extends CanvasCorruption {
    private static final Severities SHARE = new Severities(
            Severities.of(.01, .02, .03, .05, .07),
            Severities.of(.01, .02, .05, .08, .14),
            Severities.of(.03, .06, .09, .17, .27));

    // More than the inverse of any difference but 0 of two numbers of 24 bits.
    private static final float STEEP = 0x1p60f;

    ImpulseNoise() {
        super("impulse_noise");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        float share = (float) SHARE.at(constants, severity);
        float half = share / 2;
        float[] drawn = canvas.floats(1, canvas.values);
        draws.uniforms(drawn, canvas.values);
        float[] levels = canvas.levels();
        float[] out = canvas.out;
        for (int k = 0; k < canvas.values; k++) {
            // 1 or 0, without branches: which way they would go cannot be foretold.
            float kept = Math.max(0f, Math.min(1f, (drawn[k] - share) * STEEP + 1));
            float coloured = Math.max(0f, Math.min(1f, (drawn[k] - half) * STEEP + 1));
            out[k] = levels[k] * kept + (255 - 255 * coloured);
        }
    }
}
