package dev.hornbeam.training;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Locale;

/**
 * An error that the user can mend: bad input, a missing file, a full disk.
 *
 * <p>The message is one line that names the value, the place, what was expected and what to do. The command line
 * prints it as it is, without a stack trace, and exits with 1. What files and arguments put into it stays one line:
 * control characters become question marks, and what is longer than {@value #LONGEST} characters loses its middle.
 */
public final class UserError extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int LONGEST = 4_000;

    /** Creates an error with a one-line message for the user. */
    public UserError(String message) {
        super(oneLine(message));
    }

    /** Creates an error with a one-line message for the user and the exception behind it. */
    public UserError(String message, Throwable cause) {
        super(oneLine(message), cause);
    }

    private static String oneLine(String message) {
        String text = message;
        if (text.length() > LONGEST) {
            int half = LONGEST / 2;
            text = text.substring(0, half) + " ... " + text.substring(text.length() - half);
        }
        // The next two are ends of lines as well.
        return text.chars().anyMatch(c -> Character.isISOControl(c) || c == '\u2028' || c == '\u2029')
                ? text.replaceAll("[\\p{Cc}\u2028\u2029]", "?")
                : text;
    }

    /**
     * The error for a file or folder that could not be written: path, reason, and what to do about that reason.
     *
     * @param path the file or folder the user asked for, not a temporary one beside it
     * @param cause what the file system said
     */
    public static UserError cannotWrite(Path path, IOException cause) {
        String reason = reason(cause);
        return new UserError("cannot write " + path + ": " + reason + writeAdvice(path, reason), cause);
    }

    /**
     * The error for a file that could not be read: path and reason.
     *
     * @param path the file the user named
     * @param cause what the file system said
     */
    public static UserError cannotRead(Path path, IOException cause) {
        return new UserError("cannot read " + path + ": " + reason(cause), cause);
    }

    private static String reason(IOException cause) {
        return switch (cause) {
            case AccessDeniedException _ -> "permission denied";
            case NoSuchFileException _, FileNotFoundException _ -> "no such file or folder";
            case NotDirectoryException _ -> "a part of the path is a file, not a folder";
            case CharacterCodingException _ -> "it is not text in UTF-8";
            case FileAlreadyExistsException _ -> "a file of that name is in the way";
            // The message repeats the path, which may be that of the temporary file.
            case FileSystemException e when e.getReason() != null -> lowerFirst(e.getReason());
            default ->
                cause.getMessage() == null
                        ? cause.getClass().getSimpleName()
                        : lowerFirst(firstLine(cause.getMessage()));
        };
    }

    private static String writeAdvice(Path path, String reason) {
        String lower = reason.toLowerCase(Locale.ROOT);
        if (lower.contains("no space left") || lower.contains("quota") || lower.contains("file too large")) {
            return "; free some space there or choose a folder on another disk";
        }
        if (lower.contains("permission denied") || lower.contains("read-only") || lower.contains("not permitted")) {
            return "; choose a folder you may write to, or change the permissions of " + folder(path);
        }
        if (lower.contains("a folder") || lower.contains("a directory") || lower.contains("in the way")) {
            return "; choose another path";
        }
        return "; check the folder " + folder(path);
    }

    // The folder whose permissions matter: the path itself where it is a folder, else the one it lies in.
    private static Path folder(Path path) {
        if (Files.isDirectory(path)) {
            return path;
        }
        Path parent = path.toAbsolutePath().getParent();
        return parent == null ? path : parent;
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }

    private static String lowerFirst(String text) {
        return text.isEmpty() ? text : text.substring(0, 1).toLowerCase(Locale.ROOT) + text.substring(1);
    }
}
