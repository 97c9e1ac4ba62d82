package dev.hornbeam.training.corruption;

/**
 * Paints random fields of a turned checkerboard grey, of one of its two colours.
 *
 * <p>The angle is U(0, 2π), a field U(0.1, 0.25) times the longer side, at least a pixel; a field of that colour is painted
 * with a chance of a tenth of the severity's number. Elements 0, 1, and from 2 on one for each field.
 */
final class CheckerboardCutout extends CanvasCorruption {
    private static final Severities SHARE = new Severities(
            Severities.of(1, 2, 3, 4, 5), Severities.of(1.5, 2.5, 3.5, 4.5, 5.5), Severities.of(2, 3, 4, 5, 6));

    CheckerboardCutout() {
        super("checkerboard_cutout");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double share = 0.1 * SHARE.at(constants, severity);
        int side = canvas.longerSide();
        double angle = draws.between(0, 0, 2 * Math.PI);
        double field = Math.max(draws.between(1, 0.1, 0.25) * side, 1);
        int fields = (int) (4 * side / field);
        boolean[] painted = new boolean[fields * fields];
        for (int i = 0; i < painted.length; i++) {
            painted[i] = draws.stream().uniform(2 + i) < share;
        }
        double sine = StrictMath.sin(angle);
        double cosine = StrictMath.cos(angle);
        byte[] in = canvas.in;
        byte[] out = canvas.bytesOut();
        for (int y = 0, k = 0; y < canvas.height; y++) {
            for (int x = 0; x < canvas.width; x++, k += 3) {
                double u = (cosine * y + sine * x) / field;
                double v = (cosine * x - sine * y) / field;
                boolean sameColour = (((int) Math.floor(u) ^ (int) Math.floor(v)) & 1) == 0;
                // Cut towards 0, so that fields on both sides of an axis share their draw.
                if (sameColour && painted[Math.floorMod((int) u, fields) * fields + Math.floorMod((int) v, fields)]) {
                    out[k] = (byte) 128;
                    out[k + 1] = (byte) 128;
                    out[k + 2] = (byte) 128;
                } else {
                    out[k] = in[k];
                    out[k + 1] = in[k + 1];
                    out[k + 2] = in[k + 2];
                }
            }
        }
    }
}
