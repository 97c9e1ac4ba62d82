package dev.hornbeam.training.run;

/** Is told what happens in a {@link TrainingLoop}, on the loop's thread. */
public interface TrainingListener {

    /** A step was done, on {@code images} images. */
    default void stepDone(StepRow row, int images) {}

    /** An epoch was done and, where due, tested. */
    default void epochDone(EpochRow row) {}

    /**
     * A moment at which the run may be saved: after a step, with nothing half-done.
     *
     * @param loop the loop, for {@link TrainingLoop#position} and its parts
     * @param endOfEpoch whether the step was the last of an epoch
     */
    default void savePoint(TrainingLoop loop, boolean endOfEpoch) {}
}
