package dev.hornbeam.training.corruption;

/**
 * Adds rings around a random point whose radius goes up and down with the angle.
 *
 * <p>A ring is a ramp from dark to bright. With r the longer side of the image: the centre is U(0, r) in both directions,
 * the waves around it U(0, 10), their height U(0, r/10) and the width of a ring U(0, r/10). The difference between dark
 * and bright is 12.8 levels times the severity's number. Elements 0 to 4 of the draw.
 */
final class CocentricSineWaves extends CanvasCorruption {
    private static final Severities STRENGTH = new Severities(
            Severities.of(1, 2, 3, 4, 5), Severities.of(2, 3.5, 5.5, 6.5, 7.5), Severities.of(3, 5, 8, 9, 10));

    CocentricSineWaves() {
        super("cocentric_sine_waves");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double strength = 12.8 * STRENGTH.at(constants, severity);
        int side = canvas.longerSide();
        double centreX = draws.between(0, 0, side);
        double centreY = draws.between(1, 0, side);
        double waves = draws.between(2, 0, 10);
        double height = draws.between(3, 0, side / 10.0);
        double ring = draws.between(4, 0, side / 10.0);
        // No ring at all is as likely as one number in 2^24.
        ring = ring == 0 ? side / 10.0 : ring;
        for (int y = 0, k = 0; y < canvas.height; y++) {
            for (int x = 0; x < canvas.width; x++, k += 3) {
                double right = x - centreX;
                double down = y - centreY;
                double angle = StrictMath.atan2(right, down) * waves;
                double radius = (Math.sqrt(right * right + down * down) + StrictMath.sin(angle) * height) / ring;
                canvas.addGrey(k, (float) (strength * (radius - Math.floor(radius) - 0.5)));
            }
        }
    }
}
