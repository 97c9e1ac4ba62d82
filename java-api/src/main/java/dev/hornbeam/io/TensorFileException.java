package dev.hornbeam.io;

import java.io.IOException;
import java.nio.file.Path;

/** A file of tensors is damaged, or holds what this library does not read; the message names file and place. */
public final class TensorFileException extends IOException {
    private static final long serialVersionUID = 1L;

    /** With the file and what is wrong with it. */
    public TensorFileException(Path file, String message) {
        super(file + ": " + oneLine(message));
    }

    /** With the file, what is wrong with it, and how that showed. */
    public TensorFileException(Path file, String message, Throwable cause) {
        super(file + ": " + oneLine(message), cause);
    }

    // Messages quote what stands in the file, which may be anything.
    private static String oneLine(String message) {
        return message.replaceAll("[\\p{Cc}\\u2028\\u2029]", "?");
    }
}
