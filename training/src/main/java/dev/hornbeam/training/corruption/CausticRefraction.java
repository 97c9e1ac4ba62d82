package dev.hornbeam.training.corruption;

/**
 * Shows the image through rippled water.
 *
 * <p>The relief of the water is a sum of sines of sines, blurred by a Gaussian of one pixel. Its slope bends the view, with
 * the index of refraction 4, by up to 0.05 times the longer side times the severity's number, and brightens or darkens by
 * 0.2 times that number. What comes from outside of the image is black. The time is U(0.5, 2), the size of the waves U(0.75,
 * 1.25) times the longer side; elements 0 and 1 of the draw.
 */
final class CausticRefraction extends CanvasCorruption {
    private static final double REFRACTION = 4;
    private static final double FINENESS = 0.005;
    private static final Severities STRENGTH = new Severities(
            Severities.of(1.8, 2.6, 3.4, 4.2, 5),
            Severities.of(2.1, 2.9, 4.15, 5.4, 7.1),
            Severities.of(2.35, 3.2, 4.9, 6.6, 9.15));

    CausticRefraction() {
        super("caustic_refraction");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double strength = STRENGTH.at(constants, severity);
        int side = canvas.longerSide();
        int height = canvas.height;
        int width = canvas.width;
        double lens = 0.05 * side * strength;
        double lighting = 0.2 * strength;
        double time = draws.between(0, 0.5, 2);
        double size = draws.between(1, 0.75, 1.25) * side;
        double[] relief = canvas.doubles(0, height * width);
        for (int y = 0, i = 0; y < height; y++) {
            for (int x = 0; x < width; x++, i++) {
                relief[i] = caustic(y / size, x / size, time);
            }
        }
        GaussianFilter.reflecting(1, 4).apply(canvas, relief, height, width, 1);
        float[] image = canvas.levels();
        for (int y = 0, i = 0; y < height; y++) {
            for (int x = 0; x < width; x++, i++) {
                double left = x > 0 ? relief[i - 1] : 0;
                double right = x < width - 1 ? relief[i + 1] : 0;
                double above = y > 0 ? relief[i - width] : 0;
                double below = y < height - 1 ? relief[i + width] : 0;
                double bend = lens * bend(below - above, right - left);
                double light = 255 * lighting * ((left - right) + (below - above));
                look(
                        image,
                        canvas.out,
                        3 * i,
                        height,
                        width,
                        y + Math.rint(1000 * bend * (below - above)) / 1000,
                        x + Math.rint(1000 * bend * (right - left)) / 1000,
                        light);
            }
        }
    }

    private static double caustic(double down, double right, double time) {
        double p = (down - Math.floor(down)) * 6.28318530718 - 250;
        double q = (right - Math.floor(right)) * 6.28318530718 - 250;
        double a = p;
        double b = q;
        double sum = 1;
        for (int n = 1; n <= 5; n++) {
            double t = time * (1 - 3.5 / n);
            double nextA = p + StrictMath.cos(t - a) + StrictMath.sin(t + b);
            b = q + StrictMath.sin(t - b) + StrictMath.cos(t + a);
            a = nextA;
            double u = p * FINENESS / StrictMath.sin(a + t);
            double v = q * FINENESS / StrictMath.cos(b + t);
            sum += 1 / Math.sqrt(u * u + v * v);
        }
        double level = Math.abs(1.17 - StrictMath.pow(sum / 5, 1.4));
        double square = level * level;
        return Math.min(1, square * square * square * square);
    }

    // By how much the slope of the water, times this, moves the view: a ray from straight above, bent by Snell's law.
    private static double bend(double down, double right) {
        double length = Math.sqrt(down * down + right * right + 1);
        double vertical = 1 / length;
        if (vertical >= 1 - 1e-3) {
            return 0;
        }
        double horizontal = Math.sqrt(1 - vertical * vertical);
        double sine = horizontal / REFRACTION;
        return (Math.sqrt(1 - sine * sine) - sine * vertical / horizontal) / length;
    }

    private static void look(
            float[] image, float[] out, int to, int height, int width, double y, double x, double light) {
        double floorY = Math.floor(y);
        double floorX = Math.floor(x);
        float down = (float) (y - floorY);
        float across = (float) (x - floorX);
        int top = (int) floorY;
        int left = (int) floorX;
        for (int c = 0; c < 3; c++) {
            float upper = (1 - across) * at(image, height, width, top, left, c)
                    + across * at(image, height, width, top, left + 1, c);
            float lower = (1 - across) * at(image, height, width, top + 1, left, c)
                    + across * at(image, height, width, top + 1, left + 1, c);
            out[to + c] = (1 - down) * upper + down * lower + (float) light;
        }
    }

    private static float at(float[] image, int height, int width, int y, int x, int channel) {
        return y < 0 || y >= height || x < 0 || x >= width ? 0 : image[(y * width + x) * 3 + channel];
    }
}
