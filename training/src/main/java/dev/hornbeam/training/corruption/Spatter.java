package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;
import dev.hornbeam.image.PixelLoops.Drops;

/**
 * Drops of water, or splashes of mud.
 *
 * <p>Where the drops are: normal numbers of a mean and deviation, one per pixel, blurred by a Gaussian and set to 0 below
 * a threshold. Mud: where the drops are, the image turns brown, with soft edges. Water: the drops get a relief from the
 * distance to their edges, and pale turquoise is added.
 */
final class Spatter extends CanvasCorruption {
    // Mean, deviation, σ, threshold, α, 0 for water and 1 for mud.
    private static final Severities DROPS = Severities.rows(
            Severities.table(
                    Severities.of(.62, .1, .7, .7, .5, 0),
                    Severities.of(.65, .1, .8, .7, .5, 0),
                    Severities.of(.65, .3, 1, .69, .5, 0),
                    Severities.of(.65, .1, .7, .69, .6, 1),
                    Severities.of(.65, .1, .5, .68, .6, 1)),
            Severities.table(
                    Severities.of(.62, .1, .7, .7, .6, 0),
                    Severities.of(.65, .1, .8, .7, .6, 0),
                    Severities.of(.65, .3, 1, .69, .6, 0),
                    Severities.of(.65, .1, .7, .68, .6, 1),
                    Severities.of(.65, .1, .5, .67, .6, 1)),
            Severities.table(
                    Severities.of(.65, .3, 4, .69, .6, 0),
                    Severities.of(.65, .3, 3, .68, .6, 0),
                    Severities.of(.65, .3, 2, .68, .5, 0),
                    Severities.of(.65, .3, 1, .65, 1.5, 1),
                    Severities.of(.67, .4, 1, .65, 1.5, 1)));
    // Of the Gaussians, in standard deviations.
    private static final double REACH = 4;

    Spatter() {
        super("spatter");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = DROPS.row(constants, severity);
        Drops drops = new Drops(
                (float) row[0],
                (float) row[1],
                (float) row[3],
                (float) row[4],
                row[5] == 1,
                GaussianFilter.of(row[2], REACH).weights(),
                GaussianFilter.of(row[4], REACH).weights());
        PixelLoops.spatter(canvas.in, canvas.out, canvas.height, canvas.width, drops, draws.stream());
    }
}
