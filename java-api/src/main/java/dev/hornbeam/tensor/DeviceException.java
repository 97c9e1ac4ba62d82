package dev.hornbeam.tensor;

/** A device is absent, cannot be used, or failed. */
public final class DeviceException extends HornbeamException {
    private static final long serialVersionUID = 1L;

    /** With a message that names the device and the reason. */
    public DeviceException(String message) {
        super(message);
    }
}
