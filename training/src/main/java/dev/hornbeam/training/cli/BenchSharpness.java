package dev.hornbeam.training.cli;

import dev.hornbeam.nn.Module;
import dev.hornbeam.optim.SharpnessAscent;
import dev.hornbeam.training.method.GradientPass;
import dev.hornbeam.training.method.WeightPerturbation;

/**
 * SAM's and ASAM's step for {@code bench train}: a pass at the weights, a move uphill along its gradient, a pass there, and
 * back again (Foret et al. 2021, algorithm 1; Kwon et al. 2021, algorithm 1).
 */
final class BenchSharpness implements WeightPerturbation, AutoCloseable {
    /** Radii and offset that the papers use; speed does not depend on them. */
    private static final double SAM_RHO = 0.05;

    private static final double ASAM_RHO = 0.5;
    private static final double ASAM_ETA = 0.01;

    private final boolean adaptive;
    private SharpnessAscent ascent;

    /** ASAM if adaptive, else SAM. */
    BenchSharpness(boolean adaptive) {
        this.adaptive = adaptive;
    }

    @Override
    public GradientPass.Outcome gradient(Module model, GradientPass pass, long step) {
        if (ascent == null) {
            ascent = adaptive
                    ? SharpnessAscent.asam(model.parameters(), ASAM_RHO, ASAM_ETA)
                    : SharpnessAscent.sam(model.parameters(), SAM_RHO);
        }
        GradientPass.Outcome here = pass.run();
        ascent.ascend();
        try {
            pass.run();
        } finally {
            ascent.restore();
        }
        return here;
    }

    /** Releases the copies of the weights. */
    @Override
    public void close() {
        if (ascent != null) {
            ascent.close();
            ascent = null;
        }
    }
}
