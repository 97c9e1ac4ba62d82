package dev.hornbeam.nn;

import static dev.hornbeam.autograd.ops.ConvBnAct.convBnAct;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;

/**
 * A convolution without bias, a batch norm and an activation, as one op: act(bn(conv(x)) + residual).
 *
 * <p>It owns nothing of its own. A network registers convolution and norm under the names of its reference, and puts them
 * together with this, which it need not register:
 *
 * <pre>{@code
 * var conv1 = child("conv1", new Conv2d(3, 64, 3, 1, 1));
 * var bn1 = child("bn1", new BatchNorm2d(64));
 * stem = new ConvBnAct(conv1, bn1, Activation.RELU);
 * }</pre>
 *
 * <p>Where it is registered, as in a {@link Sequential}, their names are {@code conv} and {@code bn}.
 */
public final class ConvBnAct extends Module {
    private final Conv2d conv;
    private final BatchNorm2d norm;
    private final Activation activation;
    private final float slope;

    /** Of a convolution without bias and a norm, with an activation without slope. */
    public ConvBnAct(Conv2d conv, BatchNorm2d norm, Activation activation) {
        this(conv, norm, activation, 0);
    }

    /**
     * Of a convolution without bias and a norm.
     *
     * @param slope of {@link Activation#LEAKY_RELU}
     */
    public ConvBnAct(Conv2d conv, BatchNorm2d norm, Activation activation, double slope) {
        if (conv.bias() != null) {
            throw new IllegalArgumentException(
                    "ConvBnAct: the convolution has a bias, which the norm would take out again;" + " make it without");
        }
        this.conv = child("conv", conv);
        this.norm = child("bn", norm);
        this.activation = activation;
        this.slope = (float) slope;
    }

    /** act(bn(conv(x))). */
    @Override
    protected Tensor compute(Tensor x) {
        return fuse(x, null);
    }

    /**
     * act(bn(conv(x)) + residual).
     *
     * @param residual of the result's shape, or null
     */
    public Tensor forward(Tensor x, Tensor residual) {
        return leave(fuse(enter(x), enter(residual)), x);
    }

    private Tensor fuse(Tensor x, Tensor residual) {
        DType type = x.dtype();
        if (!conv.computesIn(type) || !norm.computesIn(type)) {
            // One of the two computes in a type of its own, so they are two ops with casts between them.
            return norm.forward(conv.forward(x), residual, activation, slope);
        }
        // Training, noise and statistics are the registered layers' own: this object's mode may not have been set.
        return convBnAct(
                x,
                conv.weight().value(),
                norm.weight().value(),
                norm.bias().value(),
                norm.runningMean(),
                norm.runningVar(),
                residual,
                conv.options(),
                norm.options(activation, slope),
                conv.isTraining() ? conv.weight().noise() : null,
                norm.noise());
    }
}
