package dev.hornbeam.training.corruption;

/**
 * Mixes the image with coloured swirls: sines of sines of sines of the place.
 *
 * <p>The time is U(0, 6π), 4 to 6 rounds are made, the sharpness is U(0.5, 1) and the scale U(0.075, 0.2) times the longer
 * side. The amplitude is 6.4 levels times the severity's number. Elements 0 to 3 of the draw.
 */
final class PlasmaNoise extends CanvasCorruption {
    private static final Severities STRENGTH = new Severities(
            Severities.of(1.4, 2.8, 4.2, 5.6, 7),
            Severities.of(3.1, 4.9, 6.35, 7.4, 8.5),
            Severities.of(4.75, 7, 8.5, 9.25, 10));

    PlasmaNoise() {
        super("plasma_noise");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double amplitude = 6.4 * STRENGTH.at(constants, severity);
        double time = draws.between(0, 0, 6 * Math.PI);
        int rounds = 4 + draws.below(1, 3);
        double sharpness = draws.between(2, 0.5, 1);
        double scale = draws.between(3, 0.075, 0.2) * canvas.longerSide();
        double timeSine = StrictMath.sin(time);
        float rest = (float) (1 - amplitude / 255);
        for (int row = 0, k = 0; row < canvas.height; row++) {
            for (int column = 0; column < canvas.width; column++, k += 3) {
                double x = column / scale;
                double y = row / scale;
                double frequency = 1;
                double slowness = 1;
                double damping = 1;
                for (int round = 0; round < rounds; round++) {
                    double a = StrictMath.cos(y * frequency + time / slowness) / damping;
                    double b = StrictMath.sin(x * frequency + time / slowness) / damping;
                    x += a - 0.3 * b;
                    y += b + 0.3 * a;
                    frequency *= 1.93;
                    slowness *= 1.15;
                    damping *= 2.25 - sharpness;
                }
                canvas.out[k] = rest * (canvas.in[k] & 0xff) + (float) (amplitude * StrictMath.sin(x - time));
                canvas.out[k + 1] = rest * (canvas.in[k + 1] & 0xff)
                        + (float) (amplitude * StrictMath.sin((x + y + timeSine) * 0.5));
                canvas.out[k + 2] = rest * (canvas.in[k + 2] & 0xff) + (float) (amplitude * StrictMath.sin(y + time));
            }
        }
    }
}
