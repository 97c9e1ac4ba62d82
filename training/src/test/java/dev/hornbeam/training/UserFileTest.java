package dev.hornbeam.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class UserFileTest {
    @TempDir
    Path folder;

    @Test
    void writesAndReplaces() throws IOException {
        Path target = folder.resolve("a/b/file.txt");
        UserFile.writeText(target, "first");
        UserFile.writeText(target, "zweite, größer");
        assertEquals("zweite, größer", Files.readString(target));
        assertEquals(List.of("file.txt"), names(target.getParent()));
    }

    // /dev/full answers every write as a full disk does; a file beside it cannot be made to.
    @Test
    void whatTheFileSystemSaysIsToldWithAdvice() {
        IOException full = assertThrows(IOException.class, () -> Files.writeString(Path.of("/dev/full"), "x"));
        assertEquals(
                "cannot write out.csv: no space left on device; free some space there or choose a folder on another disk",
                UserError.cannotWrite(Path.of("out.csv"), full).getMessage());
    }

    // The user who runs the tests may be root, for whom no permission is missing; /proc refuses root as well.
    @Test
    void folderThatCannotBeWrittenIsNamed() {
        Path target = Path.of("/proc/hornbeam/config.yaml");
        UserError error = assertThrows(UserError.class, () -> UserFile.writeText(target, "x"));
        assertTrue(error.getMessage().startsWith("cannot write /proc/hornbeam/config.yaml: "), error.getMessage());
        assertEquals(1, error.getMessage().lines().count());
    }

    @Test
    void fileInPlaceOfAFolderIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "x");
        UserError error = assertThrows(UserError.class, () -> UserFile.writeText(file.resolve("y"), "x"));
        assertTrue(error.getMessage().startsWith("cannot write " + file.resolve("y") + ": "), error.getMessage());
        assertEquals("x", Files.readString(file));
    }

    @Test
    void folderInPlaceOfAFileIsNamed() throws IOException {
        UserError error = assertThrows(UserError.class, () -> UserFile.writeText(folder, "x"));
        assertEquals("cannot write " + folder + ": it is a folder; choose another path", error.getMessage());
        assertEquals(List.of(), names(folder));
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }
}
