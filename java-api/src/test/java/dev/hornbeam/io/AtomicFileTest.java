package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AtomicFileTest {
    @TempDir
    private Path folder;

    private static AtomicFile.Content text(String text) {
        return channel -> channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void theNewFileTakesTheOldOnesPlace() throws IOException {
        Path target = folder.resolve("file");
        AtomicFile.write(target, text("the old content"));
        AtomicFile.write(target, channel -> {
            // Until everything is written a reader sees the old file.
            assertEquals("the old content", Files.readString(target));
            text("new").writeTo(channel);
            assertEquals("the old content", Files.readString(target));
        });
        assertEquals("new", Files.readString(target));
        assertEquals(List.of("file"), names());
    }

    // /dev/full answers every write as a full disk does, so the exception is the real one.
    @Test
    void aFullDiskKeepsTheOldFileAndLeavesNothing() throws IOException {
        Path target = folder.resolve("checkpoint");
        AtomicFile.write(target, text("old"));
        IOException error = assertThrows(
                IOException.class,
                () -> AtomicFile.write(target, channel -> {
                    text("half of it").writeTo(channel);
                    try (OutputStream full = new FileOutputStream("/dev/full")) {
                        full.write(1);
                    }
                }));
        assertEquals("No space left on device", error.getMessage());
        assertEquals("old", Files.readString(target));
        assertEquals(List.of("checkpoint"), names());
    }

    @Test
    void anyFailureLeavesNothing() throws IOException {
        assertThrows(
                IllegalStateException.class,
                () -> AtomicFile.write(folder.resolve("x"), channel -> {
                    text("y").writeTo(channel);
                    throw new IllegalStateException("bug");
                }));
        assertEquals(List.of(), names());
    }

    @Test
    void whatCannotBeWrittenIsSaid() throws IOException {
        assertThrows(NoSuchFileException.class, () -> AtomicFile.write(folder.resolve("a/b"), text("x")));
        FileSystemException error = assertThrows(
                FileSystemException.class,
                () -> AtomicFile.write(folder, channel -> {
                    throw new AssertionError("written for nothing");
                }));
        assertEquals("it is a folder", error.getReason());
        assertEquals(List.of(), names());
    }
}
