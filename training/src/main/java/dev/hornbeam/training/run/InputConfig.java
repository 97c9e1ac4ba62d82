package dev.hornbeam.training.run;

/** What a training method does to the input of the network. */
public sealed interface InputConfig {

    /** Nothing. */
    @Kind("none")
    record None() implements InputConfig {}
}
