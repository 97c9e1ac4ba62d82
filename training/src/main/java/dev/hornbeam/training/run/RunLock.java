package dev.hornbeam.training.run;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Keeps other processes out of a run's folder while one is at work on it. The system frees it when the process ends, however
 * it ends; the empty file {@code run.lock} stays.
 */
final class RunLock implements AutoCloseable {
    private final FileChannel channel;

    private RunLock(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Takes the folder of a run.
     *
     * @throws UserError if another process has it, or the file cannot be written
     */
    static RunLock take(RunFolder folder) {
        Path file = folder.lock();
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (tryLock(channel) != null) {
                return new RunLock(channel);
            }
            channel.close();
        } catch (IOException e) {
            close(channel, file);
            throw UserError.cannotWrite(file, e);
        }
        throw new UserError("another process is at work on the run in " + folder.path()
                + "; wait for it or stop it, or choose another --out folder");
    }

    /** Whether a process is at work on a run. */
    static boolean isHeld(RunFolder folder) {
        Path file = folder.lock();
        if (!Files.isRegularFile(file) || !Files.isWritable(file)) {
            return false;
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
                FileLock lock = tryLock(channel)) {
            return lock == null;
        } catch (IOException e) {
            // A file system without locks cannot tell.
            return false;
        }
    }

    // Null where it is locked, by whomever.
    private static FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null;
        }
    }

    private static void close(FileChannel channel, Path file) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw UserError.cannotWrite(file, e);
            }
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new IllegalStateException("closing run.lock", e);
        }
    }
}
