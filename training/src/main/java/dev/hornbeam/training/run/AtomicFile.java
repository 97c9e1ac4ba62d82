package dev.hornbeam.training.run;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes whole files so that a reader sees either the old content or the new one, never a part.
 *
 * <p>The content goes to a temporary file beside the target, is forced to disk, and is renamed over the target in one
 * step. When anything fails the temporary file is deleted and the target stays as it was.
 */
public final class AtomicFile {
    private static final AtomicLong COUNTER = new AtomicLong();

    private AtomicFile() {}

    /**
     * Writes {@code target}, creating its folder where that is missing.
     *
     * @param target the file to create or replace
     * @param writer writes the content to a buffered stream that it must not close
     * @return {@code target}
     * @throws UserError if the folder cannot be written, the disk is full, or {@code writer} throws an
     *     {@link IOException}; the message names {@code target}, the reason and what to do
     */
    public static Path write(Path target, IoConsumer<? super OutputStream> writer) {
        if (Files.isDirectory(target)) {
            throw new UserError("cannot write " + target + ": it is a folder; choose another path");
        }
        Path absolute = target.toAbsolutePath();
        Path folder = absolute.getParent();
        // Process id and counter keep two writers of the same target apart.
        String unique = ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet();
        Path temporary = folder.resolve("." + absolute.getFileName() + "." + unique + ".tmp");
        try {
            Files.createDirectories(folder);
            try {
                writeAndForce(temporary, writer);
                Files.move(temporary, absolute, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } catch (Throwable failure) {
                deleteQuietly(temporary, failure);
                throw failure;
            }
            forceFolder(folder);
        } catch (IOException e) {
            throw UserError.cannotWrite(target, e);
        }
        return target;
    }

    /** Writes {@code text} to {@code target} as UTF-8, as {@link #write} does. */
    public static Path writeText(Path target, String text) {
        return write(target, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static void writeAndForce(Path file, IoConsumer<? super OutputStream> writer) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
            writer.accept(out);
            out.flush();
            channel.force(true);
        }
    }

    // The rename itself is on disk only once its folder is; not every file system lets a folder be opened.
    private static void forceFolder(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // The file is complete and in place; only its survival of a power cut in this second is less sure.
            return;
        }
    }

    private static void deleteQuietly(Path file, Throwable failure) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }
}
