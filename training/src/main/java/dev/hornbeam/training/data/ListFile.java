package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A text file with an entry on each line, as publishers list images and classes in: read whole, blank lines left out. */
final class ListFile {
    private static final long LARGEST = 512L << 20;

    /**
     * One line.
     *
     * @param number from 1, for messages
     * @param text without white space around it
     */
    record Line(int number, String text) {}

    private final Path path;
    private final List<Line> lines;

    private ListFile(Path path, List<Line> lines) {
        this.path = path;
        this.lines = lines;
    }

    /**
     * Reads the file as UTF-8; bytes that are none become replacement characters.
     *
     * @throws UserError if it cannot be read, has no entry or is no text
     */
    static ListFile read(Path path) {
        String text;
        try {
            long size = Files.size(path);
            if (size > LARGEST) {
                throw new UserError(path + ": has " + size + " bytes; lists of up to " + LARGEST + " are read");
            }
            text = new String(Files.readAllBytes(path), StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
        List<Line> lines = new ArrayList<>();
        int number = 0;
        for (String line : text.split("\r\n|\n|\r", -1)) {
            number++;
            String stripped = line.strip();
            for (int i = 0; i < stripped.length(); i++) {
                if (Character.isISOControl(stripped.charAt(i)) && stripped.charAt(i) != '\t') {
                    throw new UserError(
                            path + ": line " + number + ": holds a control character; expected a text file");
                }
            }
            if (!stripped.isEmpty()) {
                lines.add(new Line(number, stripped));
            }
        }
        if (lines.isEmpty()) {
            throw new UserError(path + ": is empty; expected an entry on each line");
        }
        return new ListFile(path, lines);
    }

    Path path() {
        return path;
    }

    List<Line> lines() {
        return lines;
    }

    /** Returns the texts of all lines. */
    List<String> texts() {
        return lines.stream().map(Line::text).toList();
    }

    /** The error for a line that is not as expected. */
    UserError wrong(Line line, String expected) {
        String text = line.text.length() <= 80 ? line.text : line.text.substring(0, 80) + "...";
        return new UserError(path + ": line " + line.number + " is \"" + text + "\"; expected " + expected);
    }

    /**
     * Splits a line at its first white space.
     *
     * @throws UserError if it has only one field
     */
    String[] twoFields(Line line, String expected) {
        String[] fields = line.text.split("\\s+", 2);
        if (fields.length < 2) {
            throw wrong(line, expected);
        }
        return fields;
    }

    /**
     * Returns a whole number of a line.
     *
     * @throws UserError if it is none, or outside the range
     */
    int number(Line line, String text, int least, int largest, String expected) {
        try {
            int number = Integer.parseInt(text);
            if (number >= least && number <= largest) {
                return number;
            }
        } catch (NumberFormatException e) {
            throw (UserError) wrong(line, expected).initCause(e);
        }
        throw wrong(line, expected + ", numbers from " + least + " to " + largest);
    }
}
