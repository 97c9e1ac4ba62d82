package dev.hornbeam.training.run;

/** What a training method does to the weights after the optimizer's update. */
public sealed interface ProjectionConfig {

    /** Nothing. */
    @Kind("none")
    record None() implements ProjectionConfig {}
}
