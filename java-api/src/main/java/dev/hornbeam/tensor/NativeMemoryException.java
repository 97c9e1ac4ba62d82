package dev.hornbeam.tensor;

/** The system has no memory left for a tensor, or the limit of {@link Engine#setMemoryLimit} is reached. */
public final class NativeMemoryException extends HornbeamException {
    private static final long serialVersionUID = 1L;

    /** With a message that tells the size asked for and what is in use. */
    public NativeMemoryException(String message) {
        super(message);
    }
}
