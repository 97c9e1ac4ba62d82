package dev.hornbeam.nn;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;

/**
 * In training mode drops a residual branch for some of the samples and divides it by 1 - rate for the others (Huang et al.
 * 2016, "drop path" in timm); in evaluation mode passes it on:
 *
 * <pre>{@code
 * x.add(drop.forward(branch.forward(x)))
 * }</pre>
 *
 * <p>Sample i of the batch is dropped when number i of the stream is below the rate. The numbers depend on seed, step, stream
 * and the layer's place in the network: {@link Module#setStep} sets them. A layer that is used twice in a step drops the
 * same samples both times, so every branch has its own.
 */
public final class StochasticDepth extends RandomLayer {
    private final double rate;

    /**
     * Drops samples by chance.
     *
     * @param rate the probability, in [0, 1)
     */
    public StochasticDepth(double rate) {
        if (!(rate >= 0 && rate < 1)) {
            throw new IllegalArgumentException("stochastic depth: rate is " + rate + ", outside [0, 1)");
        }
        this.rate = rate;
    }

    /** The probability. */
    public double rate() {
        return rate;
    }

    /** The branch [n, ..], with samples dropped in training mode. */
    @Override
    protected Tensor compute(Tensor branch) {
        if (!isTraining() || rate == 0 || branch.elements() == 0) {
            return branch;
        }
        Philox numbers = numbersFor("stochastic depth");
        long[] shape = branch.shape();
        if (shape.length == 0) {
            throw new IllegalArgumentException("stochastic depth: the branch is a single number, without samples");
        }
        // A sample whose elements are all positions of one channel.
        Tensor samples = branch.reshape(shape[0], branch.elements() / shape[0], 1);
        return dev.hornbeam.autograd.ops.Dropout.dropout(samples, rate, true, numbers)
                .reshape(shape);
    }
}
