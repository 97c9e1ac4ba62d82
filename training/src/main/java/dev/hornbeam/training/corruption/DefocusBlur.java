package dev.hornbeam.training.corruption;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Blurs with a disk, as a lens out of focus does.
 *
 * <p>The disk is made of the pixels of a grid (-8 to 8, or -r to r for a radius r above 8) that are no farther than the
 * radius from its centre, all of one weight, and is smoothed by a Gaussian of 3x3 pixels (5x5 above radius 8), the
 * grid being mirrored at its border. The image is mirrored at its border, too; in both cases the outermost pixel is
 * not repeated.
 */
final class DefocusBlur extends CanvasCorruption {
    private static final Severities RADIUS_ALIAS = Severities.rows(
            Severities.table(
                    Severities.of(.3, .4),
                    Severities.of(.4, .5),
                    Severities.of(.5, .6),
                    Severities.of(1, .2),
                    Severities.of(1.5, .1)),
            Severities.table(
                    Severities.of(.5, .6),
                    Severities.of(1, .1),
                    Severities.of(1.5, .1),
                    Severities.of(2.5, .01),
                    Severities.of(3, .1)),
            Severities.table(
                    Severities.of(3, .1),
                    Severities.of(4, .5),
                    Severities.of(6, .5),
                    Severities.of(8, .5),
                    Severities.of(10, .5)));

    private final Map<List<Double>, Taps> kernels = new ConcurrentHashMap<>();

    DefocusBlur() {
        super("defocus_blur");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = RADIUS_ALIAS.row(constants, severity);
        Taps kernel = kernels.computeIfAbsent(List.of(row[0], row[1]), key -> disk(key.get(0), key.get(1)));
        kernel.apply(canvas, canvas.levels(), canvas.out, canvas.height, canvas.width, 3, true);
    }

    private static Taps disk(double radius, double alias) {
        int half = radius <= 8 ? 8 : (int) radius;
        int reach = radius <= 8 ? 1 : 2;
        int side = 2 * half + 1;
        double[] disk = new double[side * side];
        int inside = 0;
        for (int y = -half; y <= half; y++) {
            for (int x = -half; x <= half; x++) {
                if (x * x + y * y <= radius * radius) {
                    disk[(y + half) * side + x + half] = 1;
                    inside++;
                }
            }
        }
        double[] gauss = new double[2 * reach + 1];
        double sum = 0;
        for (int i = -reach; i <= reach; i++) {
            gauss[i + reach] = StrictMath.exp(-i * i / (2 * alias * alias));
            sum += gauss[i + reach];
        }
        List<Integer> down = new ArrayList<>();
        List<Integer> right = new ArrayList<>();
        List<Float> weight = new ArrayList<>();
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                double total = 0;
                for (int i = -reach; i <= reach; i++) {
                    for (int j = -reach; j <= reach; j++) {
                        total += gauss[i + reach]
                                * gauss[j + reach]
                                * disk[Border.reflect101(y + i, side) * side + Border.reflect101(x + j, side)];
                    }
                }
                float tap = (float) (total / (sum * sum * inside));
                if (tap > 0) {
                    down.add(y - half);
                    right.add(x - half);
                    weight.add(tap);
                }
            }
        }
        float[] weights = new float[weight.size()];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = weight.get(i);
        }
        return new Taps(
                down.stream().mapToInt(Integer::intValue).toArray(),
                right.stream().mapToInt(Integer::intValue).toArray(),
                weights);
    }
}
