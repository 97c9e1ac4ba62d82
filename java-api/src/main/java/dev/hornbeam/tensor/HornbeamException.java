package dev.hornbeam.tensor;

/** Something in the engine or around it failed: no native library, no memory, no device, or a defect. */
public class HornbeamException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** With a message for the user. */
    public HornbeamException(String message) {
        super(message);
    }

    /** With a message for the user and what led to it. */
    public HornbeamException(String message, Throwable cause) {
        super(message, cause);
    }
}
