package dev.hornbeam.training.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.DamagedFiles;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The reader of a study's runs on {@link DamagedFiles}. */
final class DamagedStudyRunTest {
    @Test
    void summaries() {
        String summary = """
                {"name": "damp", "results": {"test_accuracy": 0.875, "train_seconds": 12.5},
                 "corruption_errors": {"severities": [1, 2], "errors": {"fog": [0.25, 0.5], "contrast": [0.5, 1]}}}
                """;
        new DamagedFiles(
                        "run of a study",
                        Map.of("summary.json", summary.getBytes(StandardCharsets.UTF_8)),
                        (folder, _) -> {
                            StudyRun run = StudyRun.read(StudyMethod.DAMP, .1, 1, folder.resolve("summary.json"));
                            assertTrue(run.error() >= 0 && run.error() <= 1);
                            assertTrue(Double.isFinite(run.seconds()));
                            run.corruptions().ifPresent(table -> assertTrue(table.mean() >= 0 && table.mean() <= 1));
                            return 1;
                        })
                .check();
    }

    @Test
    void rowsOfAnotherLengthNameTheirFile(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(
                folder.resolve("summary.json"),
                "{\"results\": {\"test_accuracy\": 1}, \"corruption_errors\":"
                        + " {\"severities\": [1, 2], \"errors\": {\"fog\": [0.5]}}}");
        assertEquals(
                file + ": the errors on corrupted images are damaged: fog has 1 errors for 2 severities;"
                        + " delete the run's folder to train it again",
                assertThrows(UserError.class, () -> StudyRun.read(StudyMethod.SGD, 0, 1, file))
                        .getMessage());
    }
}
