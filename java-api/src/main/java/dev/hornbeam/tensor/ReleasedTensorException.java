package dev.hornbeam.tensor;

/**
 * A tensor was used after it was closed, by itself or with its {@link TensorScope}.
 *
 * <p>With {@code -Dhornbeam.debug=true} the cause tells where it was closed.
 */
public final class ReleasedTensorException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    /** With a message that names the op and the argument. */
    public ReleasedTensorException(String message) {
        super(message);
    }

    /** With a message that names the op and the argument, and the place of the release. */
    public ReleasedTensorException(String message, Throwable releasedAt) {
        super(message, releasedAt);
    }
}
