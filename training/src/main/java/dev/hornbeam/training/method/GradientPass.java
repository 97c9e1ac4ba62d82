package dev.hornbeam.training.method;

/**
 * One forward and backward pass over the step's samples, at the weights as they stand.
 *
 * <p>The gradient is left in the parameters, in place of an earlier one.
 */
@FunctionalInterface
public interface GradientPass {

    /**
     * What a pass found.
     *
     * @param loss the number that is minimised
     * @param correct how many samples were predicted right
     */
    record Outcome(double loss, int correct) {}

    /** Runs it. */
    Outcome run();
}
