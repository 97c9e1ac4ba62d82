package dev.hornbeam.nn;

import static dev.hornbeam.autograd.ops.AvgPool2d.avgPool2d;

import dev.hornbeam.autograd.ops.Pool2dOptions;
import dev.hornbeam.tensor.Tensor;

/** The mean of every window of an image. */
public final class AvgPool2d extends Module {
    private final Pool2dOptions options;

    /** With a square window. */
    public AvgPool2d(int kernel, int stride, int pad) {
        this(Pool2dOptions.of(kernel, stride, pad));
    }

    /** With any window. */
    public AvgPool2d(Pool2dOptions options) {
        this.options = options;
    }

    /** x [n, h, w, c] pooled. */
    @Override
    protected Tensor compute(Tensor x) {
        return avgPool2d(x, options);
    }
}
