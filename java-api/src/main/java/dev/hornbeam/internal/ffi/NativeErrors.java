package dev.hornbeam.internal.ffi;

import dev.hornbeam.tensor.DeviceException;
import dev.hornbeam.tensor.HornbeamException;
import dev.hornbeam.tensor.NativeMemoryException;
import dev.hornbeam.tensor.ReleasedTensorException;
import dev.hornbeam.tensor.TensorArgumentException;
import java.lang.foreign.MemorySegment;

/** Makes Java exceptions of the engine's statuses ({@code hb_status}) and of the message that goes with them. */
public final class NativeErrors {
    static final int ARGUMENT = -1;
    static final int HANDLE = -2;
    static final int MEMORY = -3;
    static final int UNSUPPORTED = -4;
    static final int DEVICE = -5;

    /** A message is at most this long; what is longer was not written by the engine. */
    private static final long LONGEST_MESSAGE = 1 << 16;

    private NativeErrors() {}

    /** The exception for a status below 0, to be thrown by the caller. */
    static RuntimeException failure(long status) {
        String message = lastError();
        if (message.isEmpty()) {
            message = "the engine gave status " + status + " without a message";
        }
        return switch ((int) Math.max(status, Integer.MIN_VALUE)) {
            case ARGUMENT -> new TensorArgumentException(message);
            case HANDLE -> new ReleasedTensorException(message);
            case MEMORY -> new NativeMemoryException(message);
            case UNSUPPORTED -> new UnsupportedOperationException(message);
            case DEVICE -> new DeviceException(message);
            default -> new HornbeamException("Defect in Hornbeam, please report it: " + message);
        };
    }

    /** The message of this thread's last failing call. */
    public static String lastError() {
        return string(HornbeamNative.lastError());
    }

    /** A C string that lives in the library. */
    public static String string(MemorySegment address) {
        return address.address() == 0
                ? ""
                : address.reinterpret(LONGEST_MESSAGE).getString(0);
    }

    /** What a method handle threw that the engine did not: thrown on as it is. */
    static RuntimeException unexpected(Throwable thrown) {
        if (thrown instanceof Error e) {
            throw e;
        }
        if (thrown instanceof RuntimeException e) {
            throw e;
        }
        throw new AssertionError(thrown);
    }
}
