package dev.hornbeam.training;

import dev.hornbeam.io.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes files that the user asked for: whole or not at all, in a folder that is made where it is missing. */
public final class UserFile {
    private UserFile() {}

    /**
     * Creates or replaces {@code target}.
     *
     * @throws UserError if the folder cannot be written or the disk is full; the message names {@code target}, the
     *     reason and what to do. What was there before stays.
     */
    public static void write(Path target, byte[] content) {
        try {
            Files.createDirectories(target.toAbsolutePath().getParent());
            AtomicFile.write(target, channel -> {
                ByteBuffer rest = ByteBuffer.wrap(content);
                while (rest.hasRemaining()) {
                    channel.write(rest);
                }
            });
        } catch (IOException e) {
            throw UserError.cannotWrite(target, e);
        }
    }

    /** Writes {@code text} to {@code target} as UTF-8, as {@link #write} does. */
    public static void writeText(Path target, String text) {
        write(target, text.getBytes(StandardCharsets.UTF_8));
    }
}
