package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AtomicFileTest {
    @TempDir
    Path folder;

    @Test
    void writesAndReplaces() throws IOException {
        Path target = folder.resolve("a/b/file.txt");
        assertEquals(target, AtomicFile.writeText(target, "first"));
        AtomicFile.writeText(target, "zweite, größer");
        assertEquals("zweite, größer", Files.readString(target));
        assertEquals(List.of("file.txt"), names(target.getParent()));
    }

    @Test
    void writesMoreThanTheBuffer() throws IOException {
        byte[] block = new byte[100_000];
        block[99_999] = 7;
        Path target = AtomicFile.write(folder.resolve("big"), out -> {
            for (int i = 0; i < 5; i++) {
                out.write(block);
            }
        });
        assertEquals(500_000, Files.size(target));
        assertEquals(7, Files.readAllBytes(target)[499_999]);
    }

    // /dev/full answers every write as a full disk does, so the exception is the real one.
    @Test
    void fullDiskKeepsTheOldFileAndLeavesNothing() throws IOException {
        Path target = folder.resolve("checkpoint");
        AtomicFile.writeText(target, "old");
        UserError error = assertThrows(
                UserError.class,
                () -> AtomicFile.write(target, out -> {
                    out.write("half of it".getBytes(StandardCharsets.UTF_8));
                    out.flush();
                    try (OutputStream full = new FileOutputStream("/dev/full")) {
                        full.write(1);
                    }
                }));
        assertEquals(
                "cannot write " + target
                        + ": no space left on device; free some space there or choose a folder on another disk",
                error.getMessage());
        assertEquals("old", Files.readString(target));
        assertEquals(List.of("checkpoint"), names(folder));
    }

    @Test
    void anyFailureOfTheWriterLeavesNothing() throws IOException {
        assertThrows(
                IllegalStateException.class,
                () -> AtomicFile.write(folder.resolve("x"), out -> {
                    out.write(1);
                    throw new IllegalStateException("bug");
                }));
        assertEquals(List.of(), names(folder));
    }

    // The user who runs the tests may be root, for whom no permission is missing; /proc refuses root as well.
    @Test
    void folderThatCannotBeWrittenIsNamed() {
        Path target = Path.of("/proc/hornbeam/config.yaml");
        UserError error = assertThrows(UserError.class, () -> AtomicFile.writeText(target, "x"));
        assertTrue(error.getMessage().startsWith("cannot write /proc/hornbeam/config.yaml: "), error.getMessage());
        assertEquals(1, error.getMessage().lines().count());
    }

    @Test
    void fileInPlaceOfAFolderIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "x");
        UserError error = assertThrows(UserError.class, () -> AtomicFile.writeText(file.resolve("y"), "x"));
        assertTrue(error.getMessage().startsWith("cannot write " + file.resolve("y") + ": "), error.getMessage());
        assertEquals("x", Files.readString(file));
    }

    @Test
    void folderInPlaceOfAFileIsNamed() throws IOException {
        UserError error = assertThrows(UserError.class, () -> AtomicFile.writeText(folder, "x"));
        assertEquals("cannot write " + folder + ": it is a folder; choose another path", error.getMessage());
        assertFalse(names(folder).contains("x"));
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }
}
