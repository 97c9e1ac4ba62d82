package dev.hornbeam.training.corruption;

/**
 * Adds a {@link PlasmaMap} times a strength and darkens the result by m/(m + strength), m being the brightest value of
 * the clean image.
 */
final class Fog extends CanvasCorruption {
    private static final Severities STRENGTH_DECAY = Severities.rows(
            Severities.table(
                    Severities.of(.2, 3),
                    Severities.of(.5, 3),
                    Severities.of(.75, 2.5),
                    Severities.of(1, 2),
                    Severities.of(1.5, 1.75)),
            Severities.table(
                    Severities.of(.4, 3),
                    Severities.of(.7, 3),
                    Severities.of(1, 2.5),
                    Severities.of(1.5, 2),
                    Severities.of(2, 1.75)),
            Severities.table(
                    Severities.of(1.5, 2),
                    Severities.of(2, 2),
                    Severities.of(2.5, 1.7),
                    Severities.of(2.5, 1.5),
                    Severities.of(3, 1.4)));

    Fog() {
        super("fog");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = STRENGTH_DECAY.row(constants, severity);
        int side = PlasmaMap.side(canvas.height, canvas.width);
        float[] map = canvas.floats(1, side * side);
        float[] drawn = canvas.floats(2, side * side);
        draws.uniforms(drawn, side * side);
        PlasmaMap.fill(map, side, row[1], drawn);
        double brightest = canvas.brightest() / 255.0;
        float darken = (float) (brightest / (brightest + row[0]));
        float strength = (float) (255 * row[0]) * darken;
        float[] levels = canvas.levels();
        float[] out = canvas.out;
        for (int y = 0, k = 0; y < canvas.height; y++) {
            for (int x = 0; x < canvas.width; x++, k += 3) {
                float fog = strength * map[y * side + x];
                out[k] = levels[k] * darken + fog;
                out[k + 1] = levels[k + 1] * darken + fog;
                out[k + 2] = levels[k + 2] * darken + fog;
            }
        }
    }
}
