package dev.hornbeam.autograd.ops;

/** The function that a normalisation can apply to its result in the same pass, in the order of the C ABI. */
public enum Activation {
    /** None. */
    NONE,
    /** max(x, 0). */
    RELU,
    /** x, times a slope where negative. */
    LEAKY_RELU
}
