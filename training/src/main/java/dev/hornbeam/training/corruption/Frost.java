package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;

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
        byte[] window = canvas.scratch();
        for (int y = 0; y < canvas.height; y++) {
            int start = (top + y) % height * width;
            int column = left;
            for (int x = 0; x < canvas.width; ) {
                int part = Math.min(canvas.width - x, width - column);
                System.arraycopy(rgb, 3 * (start + column), window, 3 * (y * canvas.width + x), 3 * part);
                x += part;
                column = 0;
            }
        }
        PixelLoops.mix(canvas.in, window, canvas.out, canvas.values, a, b);
    }
}
