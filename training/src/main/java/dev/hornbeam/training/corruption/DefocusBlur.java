package dev.hornbeam.training.corruption;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Blurs with a disk, as a lens out of focus does.
 *
 * <p>The disk is made of the pixels of a grid (-8 to 8, or -r to r for a radius r above 8) that are no farther than the
 * radius from its centre, all of one weight, and is smoothed by a Gaussian of 3x3 pixels (5x5 above radius 8), the
 * grid being mirrored at its border. The image is mirrored at its border, too; in both cases the outermost pixel is
 * not repeated. See {@link Disk}.
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

    private final Map<List<Double>, Disk> disks = new ConcurrentHashMap<>();

    DefocusBlur() {
        super("defocus_blur");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = RADIUS_ALIAS.row(constants, severity);
        disks.computeIfAbsent(List.of(row[0], row[1]), key -> disk(key.get(0), key.get(1)))
                .apply(canvas);
    }

    private static Disk disk(double radius, double alias) {
        return radius <= 8 ? new Disk(radius, 8, 1, alias) : new Disk(radius, (int) radius, 2, alias);
    }
}
