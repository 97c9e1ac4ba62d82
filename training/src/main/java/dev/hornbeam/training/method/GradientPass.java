package dev.hornbeam.training.method;

/**
 * A forward and backward pass over samples of the step, at the weights as they stand.
 *
 * <p>The gradient is left in the parameters, in place of an earlier one.
 */
public interface GradientPass {

    /**
     * What a pass found.
     *
     * @param loss the number that is minimised
     * @param correct how many samples were predicted right
     */
    record Outcome(double loss, int correct) {}

    /** Number of samples in the step, at least 1. */
    int size();

    /**
     * Runs it over some of the samples, as if they were the whole batch.
     *
     * @param first the first of them, from 0
     * @param end the one after the last, above {@code first} and at most {@link #size}
     */
    Outcome run(int first, int end);

    /** Runs it over all samples. */
    default Outcome run() {
        return run(0, size());
    }
}
