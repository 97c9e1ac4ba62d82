package dev.hornbeam.training.corruption.build;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 in lower-case hexadecimal. */
final class Checksum {
    private static final int BUFFER = 1 << 18;

    private Checksum() {}

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    static String of(byte[] content) {
        MessageDigest digest = sha256();
        digest.update(content);
        return hex(digest);
    }

    static String of(Path file) throws IOException {
        return of(file, 0, Long.MAX_VALUE);
    }

    /** Of {@code bytes} of a file from {@code offset} on, or of those that there are. */
    static String of(Path file, long offset, long bytes) throws IOException {
        MessageDigest digest = sha256();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
            for (long done = 0; done < bytes; ) {
                buffer.clear().limit((int) Math.min(BUFFER, bytes - done));
                int count = channel.read(buffer, offset + done);
                if (count < 0) {
                    break;
                }
                digest.update(buffer.flip());
                done += count;
            }
        }
        return hex(digest);
    }
}
