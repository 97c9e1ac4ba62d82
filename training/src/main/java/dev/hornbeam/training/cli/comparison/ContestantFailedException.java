package dev.hornbeam.training.cli.comparison;

/** Thrown when a program that is to be compared gives no result; the message says which, and why. */
public final class ContestantFailedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ContestantFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
