package dev.hornbeam.io;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes a file aside and renames it when it is complete: readers see the old one or the new one, never a part.
 *
 * <p>The content is forced to disk before it gets its name, so that this holds after a power cut too.
 */
public final class AtomicFile {
    private static final AtomicLong NUMBER = new AtomicLong();

    private AtomicFile() {}

    /** Writes the content of a file. */
    @FunctionalInterface
    public interface Content {
        /** Writes everything to this channel, which the caller closes. */
        void writeTo(FileChannel channel) throws IOException;
    }

    /**
     * Writes the file. When that fails, what was there before stays and nothing is left behind.
     *
     * @throws IOException when the folder is missing or not writable, the disk is full, the target is a folder, or the
     *     content throws it
     */
    public static void write(Path target, Content content) throws IOException {
        // The rename would refuse a folder too, but only after everything is written.
        if (target.getFileName() == null || Files.isDirectory(target)) {
            throw new FileSystemException(target.toString(), null, "it is a folder");
        }
        Path absolute = target.toAbsolutePath();
        // Process id and number keep two writers of the same target apart.
        Path aside = absolute.resolveSibling("." + absolute.getFileName() + "."
                + ProcessHandle.current().pid() + "-" + NUMBER.incrementAndGet() + ".tmp");
        try {
            try (FileChannel channel =
                    FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
                channel.force(true);
            }
            Files.move(aside, absolute, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (Throwable failure) {
            try {
                Files.deleteIfExists(aside);
            } catch (IOException e) {
                failure.addSuppressed(e);
            }
            throw failure;
        }
        forceFolder(absolute.getParent());
    }

    // The rename is on disk only once its folder is; not every file system lets a folder be opened.
    private static void forceFolder(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // The file is complete and in place; only its survival of a power cut in this second is less sure.
            return;
        }
    }
}
