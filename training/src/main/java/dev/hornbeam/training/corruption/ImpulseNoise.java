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

    ImpulseNoise() {
        super("impulse_noise");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        float share = (float) SHARE.at(constants, severity);
        float half = share / 2;
        byte[] in = canvas.in;
        byte[] out = canvas.bytesOut();
        float[] drawn = canvas.floats(0, canvas.values);
        draws.uniforms(drawn, canvas.values);
        for (int k = 0; k < canvas.values; k++) {
            out[k] = drawn[k] >= share ? in[k] : drawn[k] < half ? (byte) 255 : 0;
        }
    }
}
