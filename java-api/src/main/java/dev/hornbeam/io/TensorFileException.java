package dev.hornbeam.io;

import java.io.IOException;
import java.nio.file.Path;

/** A file of tensors is damaged, or holds what this library does not read; the message names file and place. */
public final class TensorFileException extends IOException {
    private static final long serialVersionUID = 1L;

    /** With the file and what is wrong with it. */
    public TensorFileException(Path file, String message) {
        super(file + ": " + message);
    }

    /** With the file, what is wrong with it, and how that showed. */
    public TensorFileException(Path file, String message, Throwable cause) {
        super(file + ": " + message, cause);
    }
}
