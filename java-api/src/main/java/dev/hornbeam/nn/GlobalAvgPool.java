package dev.hornbeam.nn;

import static dev.hornbeam.autograd.ops.GlobalAvgPool.globalAvgPool;

import dev.hornbeam.tensor.Tensor;

/** The mean of every channel over the whole image: [n, h, w, c] gives [n, c]. */
public final class GlobalAvgPool extends Module {
    /** Without settings. */
    public GlobalAvgPool() {}

    /** x [n, h, w, c] averaged. */
    @Override
    protected Tensor compute(Tensor x) {
        return globalAvgPool(x);
    }
}
