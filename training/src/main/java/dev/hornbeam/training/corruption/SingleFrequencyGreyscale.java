package dev.hornbeam.training.corruption;

/**
 * Adds a plane wave in grey.
 *
 * <p>The larger of its two frequencies is U(-π, π) per pixel, the other no larger; a coin decides which is which; the
 * phase is U(0, 2π). The amplitude is 19.6 levels times the severity's number. Elements 0 to 3 of the draw.
 */
final class SingleFrequencyGreyscale extends CanvasCorruption {
    private static final Severities STRENGTH = new Severities(
            Severities.of(.6, 1.2, 1.8, 2.4, 3),
            Severities.of(.8, 1.35, 1.9, 3.45, 4),
            Severities.of(1, 1.5, 2, 4.5, 5));

    SingleFrequencyGreyscale() {
        super("single_frequency_greyscale");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double amplitude = 19.6 * STRENGTH.at(constants, severity);
        double larger = draws.between(0, -Math.PI, Math.PI);
        double smaller = draws.between(1, -Math.abs(larger), Math.abs(larger));
        boolean exchanged = draws.below(2, 2) == 1;
        double acrossFrequency = exchanged ? smaller : larger;
        double downFrequency = exchanged ? larger : smaller;
        double phase = draws.between(3, 0, 2 * Math.PI);
        // sin(a + b) = sin a cos b + cos a sin b, so that a row and a column of sines will do.
        double[] sine = canvas.doubles(0, canvas.width);
        double[] cosine = canvas.doubles(1, canvas.width);
        for (int x = 0; x < canvas.width; x++) {
            sine[x] = StrictMath.sin(x * acrossFrequency + phase);
            cosine[x] = StrictMath.cos(x * acrossFrequency + phase);
        }
        for (int y = 0, k = 0; y < canvas.height; y++) {
            double downCosine = amplitude * StrictMath.cos(y * downFrequency);
            double downSine = amplitude * StrictMath.sin(y * downFrequency);
            for (int x = 0; x < canvas.width; x++, k += 3) {
                canvas.addGrey(k, (float) (sine[x] * downCosine + cosine[x] * downSine));
            }
        }
    }
}
