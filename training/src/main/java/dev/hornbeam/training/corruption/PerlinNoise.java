package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;

/**
 * Mixes the image with turbulence of gradient noise (Perlin, "An image synthesizer", 1985).
 *
 * <p>Five octaves, the first with cells of a seventh of the longer side: half of the sum of their sizes plus a half. The
 * share of the noise in the mixture is 0.05 times the severity's number. The lattice's order is a permutation of 256, its
 * gradients have the directions of random points of a square; elements 0 to 255 and 256 to 767 of the draw.
 */
final class PerlinNoise extends CanvasCorruption {
    private static final int SIZE = 256;
    private static final Severities SHARE = new Severities(
            Severities.of(5.2, 6.4, 7.6, 8.8, 10),
            Severities.of(4.9, 5.8, 6.7, 8.2, 9.4),
            Severities.of(4.6, 5.2, 5.8, 7.6, 8.8));

    PerlinNoise() {
        super("perlin_noise");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        float share = (float) (0.05 * SHARE.at(constants, severity));
        float rest = 1 - share;
        Philox stream = draws.stream();
        int[] order = stream.permutation(SIZE);
        double[] gradientX = new double[SIZE];
        double[] gradientY = new double[SIZE];
        for (int i = 0; i < SIZE; i++) {
            int x = stream.below(SIZE + 2 * i, 2 * SIZE) - SIZE;
            int y = stream.below(SIZE + 2 * i + 1, 2 * SIZE) - SIZE;
            double length = Math.sqrt((double) x * x + (double) y * y);
            gradientX[i] = length == 0 ? 0 : x / length;
            gradientY[i] = length == 0 ? 0 : y / length;
        }
        double cell = 32.0 * canvas.longerSide() / 224;
        for (int y = 0, k = 0; y < canvas.height; y++) {
            for (int x = 0; x < canvas.width; x++, k += 3) {
                double turbulence = 0;
                for (int f = 1; f <= 16; f *= 2) {
                    turbulence += Math.abs(noise(f * (y / cell), f * (x / cell), order, gradientX, gradientY)) / f;
                }
                float grey = share * 255 * (float) Math.min(0.5 * turbulence + 0.5, 1);
                canvas.out[k] = rest * (canvas.in[k] & 0xff) + grey;
                canvas.out[k + 1] = rest * (canvas.in[k + 1] & 0xff) + grey;
                canvas.out[k + 2] = rest * (canvas.in[k + 2] & 0xff) + grey;
            }
        }
    }

    private static double noise(double u, double v, int[] order, double[] gradientX, double[] gradientY) {
        int left = (int) u;
        int top = (int) v;
        double du = u - left;
        double dv = v - top;
        int first = order[left & (SIZE - 1)];
        int second = order[(left + 1) & (SIZE - 1)];
        int a = order[(first + top) & (SIZE - 1)];
        int b = order[(second + top) & (SIZE - 1)];
        int c = order[(first + top + 1) & (SIZE - 1)];
        int d = order[(second + top + 1) & (SIZE - 1)];
        double su = du * du * (3 - 2 * du);
        double sv = dv * dv * (3 - 2 * dv);
        double from = du * gradientX[a] + dv * gradientY[a];
        double to = (du - 1) * gradientX[b] + dv * gradientY[b];
        double upper = from + su * (to - from);
        from = du * gradientX[c] + (dv - 1) * gradientY[c];
        to = (du - 1) * gradientX[d] + (dv - 1) * gradientY[d];
        double lower = from + su * (to - from);
        return 1.5 * (upper + sv * (lower - upper));
    }
}
