package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.ConvBnAct;
import dev.hornbeam.nn.Dropout;
import dev.hornbeam.tensor.Tensor;

/**
 * The residual branch of a pre-activation block (He et al. 2016b), put together from layers that the block registers under
 * its own names: norm, activation, convolution, norm, activation, dropout, convolution.
 *
 * <p>It comes in two parts, because blocks differ in where they take the shortcut. Norm and activation are one pass, and
 * the middle convolution, norm and activation one op.
 */
final class PreActivation {
    private final BatchNorm2d norm;
    private final Activation activation;
    private final double slope;
    private final ConvBnAct middle;
    private final Dropout dropout;
    private final Conv2d last;

    /** With ReLUs. */
    PreActivation(BatchNorm2d norm, Conv2d conv, BatchNorm2d middleNorm, Dropout dropout, Conv2d last) {
        this(norm, conv, middleNorm, dropout, last, Activation.RELU, 0);
    }

    /**
     * With any activation.
     *
     * @param dropout before the last convolution, or null
     * @param slope of {@link Activation#LEAKY_RELU}
     */
    PreActivation(
            BatchNorm2d norm,
            Conv2d conv,
            BatchNorm2d middleNorm,
            Dropout dropout,
            Conv2d last,
            Activation activation,
            double slope) {
        this.norm = norm;
        this.activation = activation;
        this.slope = slope;
        this.middle = new ConvBnAct(conv, middleNorm, activation, slope);
        this.dropout = dropout;
        this.last = last;
    }

    /** The first part: act(bn(x)). */
    Tensor activate(Tensor x) {
        return norm.forward(x, null, activation, slope);
    }

    /** The second part, of the first one's result: conv(dropout(act(bn(conv(activated))))). */
    Tensor convolve(Tensor activated) {
        Tensor y = middle.forward(activated);
        return last.forward(dropout == null ? y : dropout.forward(y));
    }
}
