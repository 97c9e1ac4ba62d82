package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.tensorboard.EventRecords;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tensorflow.proto.Event;
import org.tensorflow.proto.Summary;

/** What a run writes for TensorBoard, read with the official definitions. */
final class TensorBoardRunTest {
    @TempDir
    private Path folder;

    private RunConfig config(boolean wanted) throws IOException {
        Map<String, String> settings = new HashMap<>(Map.of(
                "data.name", "'" + SyntheticImages.write(folder.resolve("squares.npz"), 64, 24) + "'",
                "data.batch", "16",
                "model.width", "4",
                "epochs", "2",
                "evaluation.corruptions", "[contrast]",
                "data.augment.flip", "false",
                "data.augment.pad", "1",
                "log.every", "3"));
        settings.put("log.tensorboard", Boolean.toString(wanted));
        return Recipes.load("quickstart/sgd", settings);
    }

    private static List<Path> files(Path board) throws IOException {
        try (Stream<Path> files = Files.list(board)) {
            return files.sorted().toList();
        }
    }

    @Test
    void scalarsImagesAndHistograms() throws IOException {
        Path out = folder.resolve("run");
        assertTrue(TrainingRun.create(config(true), out, Progress.silent(), List.of())
                .run()
                .isPresent());
        List<Path> files = files(out.resolve("tensorboard"));
        assertEquals(1, files.size());
        List<Event> events = EventRecords.read(files.getFirst());
        Map<String, Map<Long, Summary.Value>> values = new HashMap<>();
        for (Event event : events) {
            event.getSummary()
                    .getValueList()
                    .forEach(value -> values.computeIfAbsent(value.getTag(), _ -> new HashMap<>())
                            .put(event.getStep(), value));
        }
        for (EpochRow row : MetricsLog.readEpochs(new RunFolder(out).metricsJsonl())) {
            assertEquals(
                    (float) row.trainLoss(),
                    values.get("train/loss").get(row.step()).getSimpleValue());
            assertEquals(
                    (float) row.testLoss(),
                    values.get("test/loss").get(row.step()).getSimpleValue());
            assertEquals(
                    (float) row.testAccuracy(),
                    values.get("test/accuracy").get(row.step()).getSimpleValue());
            assertEquals(
                    (float) row.lr(),
                    values.get("train/learning_rate").get(row.step()).getSimpleValue());
            double norm = values.get("norm/gradient").get(row.step()).getSimpleValue();
            double squares = values.entrySet().stream()
                    .filter(entry -> entry.getKey().startsWith("gradients/"))
                    .mapToDouble(
                            entry -> entry.getValue().get(row.step()).getHisto().getSumSquares())
                    .sum();
            assertEquals(Math.sqrt(squares), norm, 1e-5 * norm);
            assertTrue(norm > 0);
        }
        assertEquals(java.util.Set.of(3L, 6L), values.get("train/step_loss").keySet());
        assertEquals(
                4 * 9, values.get("weights/conv1.weight").get(4L).getHisto().getNum());
        RunSummary summary = RunSummary.read(out.resolve("summary.json"));
        assertEquals(
                (float) summary.results().corruptions().orElseThrow().mean(),
                values.get("corruptions/mean_error").get(8L).getSimpleValue());
        Summary.Image sheet = values.get("train/images").get(0L).getImage();
        // Eight images of 12 pixels across, four down, with 2 pixels around each.
        assertEquals(8 * 14 + 2, sheet.getWidth());
        assertEquals(4 * 14 + 2, sheet.getHeight());
        var picture = ImageIO.read(
                new ByteArrayInputStream(sheet.getEncodedImageString().toByteArray()));
        assertEquals(0xff000000, picture.getRGB(0, 0));
        assertTrue(values.keySet().stream().anyMatch(tag -> tag.startsWith("corruptions/error (rows: contrast")));
    }

    @Test
    void aRunThatGoesOnSaysFromWhere() throws IOException {
        Path out = folder.resolve("run");
        TrainingRun first = TrainingRun.create(config(true), out, Progress.silent(), List.of());
        first.listen(new TrainingListener() {
            @Override
            public void epochDone(EpochRow row) {
                first.requestStop();
            }
        });
        assertTrue(first.run().isEmpty());
        assertTrue(TrainingRun.resume(out, Progress.silent(), List.of()).run().isPresent());
        List<Path> files = files(out.resolve("tensorboard"));
        assertEquals(2, files.size());
        Event second = EventRecords.read(files.get(1)).get(1);
        assertTrue(second.hasSessionLog());
        assertEquals(5, second.getStep());
    }

    @Test
    void nothingUnlessAskedFor() throws IOException {
        Path out = folder.resolve("run");
        assertTrue(TrainingRun.create(config(false), out, Progress.silent(), List.of())
                .run()
                .isPresent());
        assertFalse(Files.exists(out.resolve("tensorboard")));
    }
}
