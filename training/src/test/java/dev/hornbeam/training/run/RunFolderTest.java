package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunFolderTest {
    @TempDir
    Path path;

    @Test
    void createsTheFolderAndNothingElse() throws IOException {
        RunFolder folder = RunFolder.create(path.resolve("a/run"));
        try (Stream<Path> files = Files.list(folder.path())) {
            assertEquals(List.of(folder.checkpoints()), files.toList());
        }
    }

    @Test
    void doesNotTouchAnEarlierRun() {
        RunFolder folder = RunFolder.create(path);
        Recipes.load("quickstart/sgd").save(folder.config());
        UserError error = assertThrows(UserError.class, () -> RunFolder.create(path));
        assertEquals(
                path + " already holds a run; continue it with --resume, or choose another --out folder",
                error.getMessage());
        assertEquals(folder, RunFolder.open(path));
    }

    @Test
    void opensOnlyARun() {
        UserError error = assertThrows(UserError.class, () -> RunFolder.open(path));
        assertEquals(
                "no run in " + path + ": " + path.resolve("config.yaml")
                        + " is missing; give the folder that an earlier run named with --out",
                error.getMessage());
    }

    @Test
    void folderThatCannotBeMadeIsNamed() throws IOException {
        Path file = Files.writeString(path.resolve("file"), "x");
        UserError error = assertThrows(UserError.class, () -> RunFolder.create(file.resolve("run")));
        assertTrue(error.getMessage().startsWith("cannot write " + file.resolve("run") + ": "), error.getMessage());
        assertThrows(UserError.class, () -> RunFolder.create(Path.of("/proc/run")));
    }
}
