package dev.hornbeam.io;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;

/** Writes a file aside and renames it when it is complete: readers see the old one or the new one, never a part. */
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
     * @throws IOException when the folder is missing or not writable, or the disk is full
     */
    public static void write(Path target, Content content) throws IOException {
        Path name = target.getFileName();
        if (name == null) {
            throw new IOException(target + " is no name for a file");
        }
        Path aside = target.resolveSibling(
                "." + name + "." + ProcessHandle.current().pid() + "-" + NUMBER.incrementAndGet() + ".tmp");
        try {
            try (FileChannel channel =
                    FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
                // The name must not reach the disk before the bytes do.
                channel.force(true);
            }
            Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(aside);
        }
    }
}
