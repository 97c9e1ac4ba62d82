package dev.hornbeam.training.corruption;

/**
 * Lays a texture of frost over the image: a·image + b·texture.
 *
 * <p>Which texture, and the row and the column from which on it is taken, are elements 0, 1 and 2 of the draw. See
 * {@link FrostTextures}.
 */
final class Frost extends CanvasCorruption {
    private static final Severities IMAGE_TEXTURE = Severities.rows(
            Severities.table(
                    Severities.of(1, .2),
                    Severities.of(1, .3),
                    Severities.of(.9, .4),
                    Severities.of(.85, .4),
                    Severities.of(.75, .45)),
            Severities.table(
                    Severities.of(1, .3),
                    Severities.of(.9, .4),
                    Severities.of(.8, .45),
                    Severities.of(.75, .5),
                    Severities.of(.7, .55)),
            Severities.table(
                    Severities.of(1, .4),
                    Severities.of(.8, .6),
                    Severities.of(.7, .7),
                    Severities.of(.65, .7),
                    Severities.of(.6, .75)));

    private final FrostTextures textures;

    Frost(FrostTextures textures) {
        super("frost");
        this.textures = textures;
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = IMAGE_TEXTURE.row(constants, severity);
        float a = (float) row[0];
        float b = (float) row[1];
        FrostTextures.Texture texture = textures.texture(draws.below(0, textures.count()), constants);
        byte[] rgb = texture.picture().pixels();
        int height = texture.picture().height();
        int width = texture.picture().width();
        int top = draws.below(1, Math.max(1, height - texture.uncropped(canvas.height)));
        int left = draws.below(2, Math.max(1, width - texture.uncropped(canvas.width)));
        byte[] in = canvas.in;
        float[] out = canvas.out;
        for (int y = 0, k = 0; y < canvas.height; y++) {
            int from = (top + y) % height * width;
            for (int x = 0; x < canvas.width; x++, k += 3) {
                int at = (from + (left + x) % width) * 3;
                out[k] = a * (in[k] & 0xff) + b * (rgb[at] & 0xff);
                out[k + 1] = a * (in[k + 1] & 0xff) + b * (rgb[at + 1] & 0xff);
                out[k + 2] = a * (in[k + 2] & 0xff) + b * (rgb[at + 2] & 0xff);
            }
        }
    }
}
