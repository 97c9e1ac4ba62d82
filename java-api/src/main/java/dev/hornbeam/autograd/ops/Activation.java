package dev.hornbeam.autograd.ops;

/** The function that a normalisation can apply to its result in the same pass. */
public enum Activation {
    /** None. */
    NONE(0),
    /** max(x, 0). */
    RELU(1),
    /** x, times a slope where negative. */
    LEAKY_RELU(2);

    /** Its number in the C ABI. */
    final int code;

    Activation(int code) {
        this.code = code;
    }
}
