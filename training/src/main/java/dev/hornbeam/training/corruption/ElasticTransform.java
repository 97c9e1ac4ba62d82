package dev.hornbeam.training.corruption;

import dev.hornbeam.training.UserError;
import java.util.Arrays;

/**
 * Tilts the image a little and stretches it unevenly.
 *
 * <p>First an affine map that moves three points, three corners of a square of two thirds of the shorter side, by up to
 * a distance in both directions; then every pixel is taken from a place that is off by α times uniform numbers of -1 to
 * 1, blurred by a Gaussian of σ. Both are bilinear and mirror the image at its border. The constants are multiples of
 * the shorter side of the image, in the imagenet set of 244 pixels, whatever the image. Uniform numbers: one per pixel
 * for the shift to the right, one per pixel for that down, six for the points.
 */
final class ElasticTransform extends CanvasCorruption {
    private static final double IMAGENET_SIDE = 244;
    // α, σ and the distance of the points.
    private static final Severities SHARES = Severities.rows(
            Severities.table(
                    Severities.of(0, 0, .08),
                    Severities.of(.05, .2, .07),
                    Severities.of(.08, .06, .06),
                    Severities.of(.1, .04, .05),
                    Severities.of(.1, .03, .03)),
            Severities.table(
                    Severities.of(0, 0, .08),
                    Severities.of(.05, .3, .06),
                    Severities.of(.1, .08, .06),
                    Severities.of(.1, .03, .03),
                    Severities.of(.16, .03, .02)),
            Severities.table(
                    Severities.of(2, .7, .1),
                    Severities.of(2, .08, .2),
                    Severities.of(.05, .01, .02),
                    Severities.of(.07, .01, .02),
                    Severities.of(.12, .01, .02)));

    ElasticTransform() {
        super("elastic_transform");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        int height = canvas.height;
        int width = canvas.width;
        int pixels = height * width;
        int shorter = Math.min(height, width);
        if (shorter < 3) {
            throw new UserError("elastic_transform moves three points of a square of a third of the shorter side: an"
                    + " image of " + height + "x" + width + " is too small; expected sides of at least 3 pixels");
        }
        double[] row = SHARES.row(constants, severity);
        double side = constants == ConstantSet.IMAGENET ? IMAGENET_SIDE : shorter;
        float[] image = canvas.levels();
        float[] tilted = canvas.floats(1, canvas.values);
        tilt(image, tilted, height, width, row[2] * side, draws, 2L * pixels);
        double alpha = row[0] * side;
        if (alpha == 0) {
            System.arraycopy(tilted, 0, canvas.out, 0, canvas.values);
            return;
        }
        float[] drawn = canvas.floats(0, 2 * pixels);
        draws.uniforms(drawn, 2 * pixels);
        GaussianFilter filter = GaussianFilter.reflecting(row[1] * side, 3);
        float[][] rows = canvas.lines(0, 2 * height, 2 * width);
        float[][] spare = Arrays.copyOfRange(rows, height, 2 * height);
        float[][] columns = canvas.lines(1, 2 * width, 2 * height);
        for (int y = 0; y < height; y++) {
            // Left the shifts to the right, right those down.
            System.arraycopy(drawn, y * width, rows[y], 0, width);
            System.arraycopy(drawn, pixels + y * width, rows[y], width, width);
            centre(rows[y], 2 * width);
        }
        filter.planes(rows, spare, columns, height, width, 2);
        float strength = (float) alpha;
        for (int y = 0, i = 0; y < height; y++) {
            float[] shift = rows[y];
            for (int x = 0; x < width; x++, i++) {
                double atY = mirrored(y + (double) (strength * shift[width + x]), height);
                double atX = mirrored(x + (double) (strength * shift[x]), width);
                int top = (int) Math.floor(atY);
                int left = (int) Math.floor(atX);
                sample(
                        tilted,
                        width,
                        Math.max(top, 0),
                        Math.min(top + 1, height - 1),
                        Math.max(left, 0),
                        Math.min(left + 1, width - 1),
                        (float) (atY - top),
                        (float) (atX - left),
                        canvas.out,
                        3 * i);
            }
        }
    }

    private static void centre(float[] values, int count) {
        for (int k = 0; k < count; k++) {
            values[k] = 2 * values[k] - 1;
        }
    }

    // The place in the image that a place outside mirrors; the mirrors are half a pixel outside of the outermost
    // pixels.
    private static double mirrored(double at, int size) {
        if (at >= 0 && at <= size - 1) {
            return at;
        }
        double period = 2.0 * size;
        double folded = at + 0.5 - period * Math.floor((at + 0.5) / period);
        return (folded < size ? folded : period - folded) - 0.5;
    }

    private static void tilt(
            float[] image, float[] out, int height, int width, double distance, Draws draws, long firstDraw) {
        // As published, the first coordinate of a point is taken for the column, though its middle is that of the rows.
        int middleX = height / 2;
        int middleY = width / 2;
        int third = Math.min(height, width) / 3;
        double[] fromX = {middleX + third, middleX + third, middleX - third};
        double[] fromY = {middleY + third, middleY - third, middleY - third};
        double[] toX = new double[3];
        double[] toY = new double[3];
        for (int i = 0; i < 3; i++) {
            toX[i] = fromX[i] + draws.between(firstDraw + 2L * i, -distance, distance);
            toY[i] = fromY[i] + draws.between(firstDraw + 2L * i + 1, -distance, distance);
        }
        // The map back, from where a pixel comes to where it is taken: from(to) = from[1] + A (to - to[1]).
        double ux = toX[0] - toX[1];
        double uy = toY[0] - toY[1];
        double vx = toX[2] - toX[1];
        double vy = toY[2] - toY[1];
        double determinant = ux * vy - uy * vx;
        double px = fromX[0] - fromX[1];
        double py = fromY[0] - fromY[1];
        double qx = fromX[2] - fromX[1];
        double qy = fromY[2] - fromY[1];
        double xx = (px * vy - qx * uy) / determinant;
        double xy = (qx * ux - px * vx) / determinant;
        double yx = (py * vy - qy * uy) / determinant;
        double yy = (qy * ux - py * vx) / determinant;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                double atX = fromX[1] + xx * (x - toX[1]) + xy * (y - toY[1]);
                double atY = fromY[1] + yx * (x - toX[1]) + yy * (y - toY[1]);
                double floorX = Math.floor(atX);
                double floorY = Math.floor(atY);
                int left = (int) floorX;
                int top = (int) floorY;
                int right = left + 1;
                int bottom = top + 1;
                if (left < 0 || top < 0 || right >= width || bottom >= height) {
                    left = Border.reflect101(left, width);
                    right = Border.reflect101(right, width);
                    top = Border.reflect101(top, height);
                    bottom = Border.reflect101(bottom, height);
                }
                sample(
                        image,
                        width,
                        top,
                        bottom,
                        left,
                        right,
                        (float) (atY - floorY),
                        (float) (atX - floorX),
                        out,
                        (y * width + x) * 3);
            }
        }
    }

    private static void sample(
            float[] image,
            int width,
            int top,
            int bottom,
            int left,
            int right,
            float down,
            float across,
            float[] out,
            int to) {
        int topLeft = (top * width + left) * 3;
        int topRight = (top * width + right) * 3;
        int bottomLeft = (bottom * width + left) * 3;
        int bottomRight = (bottom * width + right) * 3;
        for (int c = 0; c < 3; c++) {
            float upper = image[topLeft + c] + across * (image[topRight + c] - image[topLeft + c]);
            float lower = image[bottomLeft + c] + across * (image[bottomRight + c] - image[bottomLeft + c]);
            out[to + c] = upper + down * (lower - upper);
        }
    }
}
