package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class MetricsLogTest {
    private static final String HEADER =
            "epoch,step,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second\n";

    @TempDir
    Path path;

    RunFolder folder;

    @BeforeEach
    void createFolder() {
        folder = RunFolder.create(path.resolve("run"));
    }

    @Test
    void rowsAreThereAtOnce() throws IOException {
        try (MetricsLog log = MetricsLog.create(folder, List.of())) {
            assertEquals(HEADER, Files.readString(folder.metricsCsv()));
            log.step(new StepRow(1, 1, .1, 2.5, .125));
            log.epoch(epoch(1, Double.NaN));
            // Read while the log is open: a killed run keeps these lines.
            assertEquals("""
                    {"type":"step","epoch":1,"step":1,"lr":0.1,"loss":2.5,"accuracy":0.125}
                    {"type":"epoch","epoch":1,"step":10,"lr":0.05,"train_loss":0.75,"train_accuracy":0.5,\
                    "test_loss":null,"test_accuracy":null,"seconds":1.235,"images_per_second":1000.5}
                    """, Files.readString(folder.metricsJsonl()));
            assertEquals(HEADER + "1,10,0.05,0.75,0.5,,,1.235,1000.5\n", Files.readString(folder.metricsCsv()));
        }
    }

    @Test
    void resumeDropsWhatComesAgain() throws IOException {
        try (MetricsLog log = MetricsLog.create(folder, List.of())) {
            log.step(new StepRow(9, 1, .1, 2.5, .125));
            log.epoch(epoch(1, .8));
            log.step(new StepRow(15, 2, .1, 2.0, .25));
            log.epoch(epoch(2, .9));
            log.step(new StepRow(21, 3, .1, 1.5, .5));
        }
        String csv = Files.readString(folder.metricsCsv());
        List<String> all = Files.readAllLines(folder.metricsJsonl());
        try (MetricsLog log = MetricsLog.resume(folder, 10, List.of())) {
            assertEquals(all.subList(0, 2), Files.readAllLines(folder.metricsJsonl()));
            assertEquals(HEADER + csv.lines().toList().get(1) + "\n", Files.readString(folder.metricsCsv()));
            log.step(new StepRow(15, 2, .1, 2.0, .25));
            log.epoch(epoch(2, .9));
            log.step(new StepRow(21, 3, .1, 1.5, .5));
        }
        assertEquals(all, Files.readAllLines(folder.metricsJsonl()));
        assertEquals(csv, Files.readString(folder.metricsCsv()));
    }

    @Test
    void lineThatWasCutOffByAKillIsDropped() throws IOException {
        try (MetricsLog log = MetricsLog.create(folder, List.of())) {
            log.epoch(epoch(1, .8));
        }
        String whole = Files.readString(folder.metricsJsonl());
        Files.writeString(folder.metricsJsonl(), "{\"type\":\"ep", StandardOpenOption.APPEND);
        MetricsLog.resume(folder, 10, List.of()).close();
        assertEquals(whole, Files.readString(folder.metricsJsonl()));
    }

    @Test
    void brokenLineIsNamed() throws IOException {
        Files.writeString(folder.metricsJsonl(), "{\"step\":1}\nbroken\n{\"step\":3}\n");
        UserError error = assertThrows(UserError.class, () -> MetricsLog.resume(folder, 5, List.of()));
        assertEquals(
                folder.metricsJsonl() + ":2: not a row of metrics; repair or delete that line", error.getMessage());
    }

    @Test
    void epochsAreReadBack() {
        EpochRow first = new EpochRow(1, 10, .1, 1.0 / 3, .5, Double.NaN, Double.NaN, 1.5, 900, Map.of("kept", .875));
        EpochRow second = new EpochRow(2, 20, 1e-9, .25, .75, .5, .625, 1.5, 900, Map.of("kept", .75));
        try (MetricsLog log = MetricsLog.create(folder, List.of("kept"))) {
            log.epoch(first);
            log.step(new StepRow(11, 2, .1, 1, 1));
            log.epoch(second);
        }
        assertEquals(List.of(first, second), MetricsLog.readEpochs(folder.metricsJsonl()));
    }

    @Test
    void extraColumnsAreFixed() throws IOException {
        try (MetricsLog log = MetricsLog.create(folder, List.of("kept", "precision"))) {
            assertThrows(IllegalArgumentException.class, () -> log.epoch(epoch(1, .5)));
        }
        assertEquals(HEADER.strip() + ",kept,precision\n", Files.readString(folder.metricsCsv()));
    }

    @Test
    void infinityIsNullAndNotALie() throws IOException {
        try (MetricsLog log = MetricsLog.create(folder, List.of())) {
            log.step(new StepRow(1, 1, .1, Double.POSITIVE_INFINITY, 0));
        }
        assertTrue(Files.readString(folder.metricsJsonl()).contains("\"loss\":null"));
    }

    private static EpochRow epoch(int epoch, double testAccuracy) {
        double testLoss = Double.isNaN(testAccuracy) ? Double.NaN : .5;
        return new EpochRow(epoch, 10L * epoch, .05, .75, .5, testLoss, testAccuracy, 1.23456, 1000.5, Map.of());
    }
}
