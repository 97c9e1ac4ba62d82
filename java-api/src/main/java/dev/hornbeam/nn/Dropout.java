package dev.hornbeam.nn;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;

/**
 * In training mode zeroes elements by chance and divides the others by 1 - p (Srivastava et al. 2014); in evaluation mode
 * passes its input on.
 *
 * <p>The numbers depend on seed, step, stream and the layer's place in the network: {@link Module#setStep} sets them. A
 * layer that is used twice in a step drops the same elements both times.
 */
public final class Dropout extends RandomLayer {
    private final double p;
    private final boolean channels;

    private Dropout(double p, boolean channels) {
        if (!(p >= 0 && p < 1)) {
            throw new IllegalArgumentException("dropout: p is " + p + ", outside [0, 1)");
        }
        this.p = p;
        this.channels = channels;
    }

    /** Drops single elements with probability p in [0, 1). */
    public static Dropout elements(double p) {
        return new Dropout(p, false);
    }

    /** Drops whole channels of x [n, .., c] with probability p in [0, 1): dropout2d (Tompson et al. 2015). */
    public static Dropout channels(double p) {
        return new Dropout(p, true);
    }

    /** The probability. */
    public double probability() {
        return p;
    }

    /** x, with elements or channels dropped in training mode. */
    @Override
    protected Tensor compute(Tensor x) {
        if (!isTraining() || p == 0) {
            return x;
        }
        Philox numbers = numbersFor("dropout");
        return dev.hornbeam.autograd.ops.Dropout.dropout(x, p, channels, numbers);
    }
}
