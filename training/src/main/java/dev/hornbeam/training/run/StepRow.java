package dev.hornbeam.training.run;

/**
 * What was measured in one step.
 *
 * @param step steps finished since the start of the run, this one included
 * @param epoch epoch the step belongs to, from 1
 * @param lr learning rate of the step
 * @param loss the number that was minimised
 * @param accuracy share of the batch predicted right, in [0, 1]
 */
public record StepRow(long step, int epoch, double lr, double loss, double accuracy) {}
