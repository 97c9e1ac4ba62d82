package dev.hornbeam.tensor;

/** An argument of an op has a wrong shape, type, device or value; the message names the op and the argument. */
public final class TensorArgumentException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    /** With a message that names the op, the argument, what was given and what was expected. */
    public TensorArgumentException(String message) {
        super(message);
    }
}
