package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.io.Npy;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.noise.NoisySet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs whose training images have noise. */
final class NoisyRunTest {
    @TempDir
    private Path folder;

    private Path data;
    private long tensorsBefore;

    @BeforeEach
    void makeData() throws IOException {
        tensorsBefore = Engine.memory().liveTensors();
        data = SyntheticImages.write(folder.resolve("squares.npz"), 100, 40);
    }

    @AfterEach
    void nothingIsLeft() {
        Engine.setThreads(0);
        assertEquals(tensorsBefore, Engine.memory().liveTensors());
    }

    private RunConfig config(Map<String, String> changes) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("data.name", "'" + data + "'");
        settings.put("data.batch", "16");
        settings.put("model.width", "4");
        settings.put("epochs", "2");
        settings.put("evaluation.corruptions", "none");
        settings.put("data.augment.flip", "false");
        settings.put("data.augment.pad", "0");
        settings.putAll(changes);
        return Recipes.load("quickstart/sgd", settings);
    }

    private TrainingRun start(String name, Map<String, String> changes) {
        return TrainingRun.create(config(changes), folder.resolve(name), Progress.silent(), List.of());
    }

    private TrainingRun resume(String name) {
        return TrainingRun.resume(folder.resolve(name), Progress.silent(), List.of());
    }

    private byte[] lastCheckpoint(String run) throws IOException {
        return Files.readAllBytes(new CheckpointFolder(folder.resolve(run).resolve("checkpoints"))
                .latest()
                .orElseThrow());
    }

    private static final String LEAST_SURE = "{kind: least-sure, rate: 0.3, network: {epochs: 1, batch: 16}}";

    @ParameterizedTest
    @ValueSource(
            strings = {"{kind: symmetric-inclusive, rate: 0.4, seed: 5}", "{kind: random-pixels, rate: 0.5}", LEAST_SURE
            })
    void aStoppedRunGoesOnWithTheSameNoise(String noise) throws IOException {
        Map<String, String> settings = Map.of("noise", noise, "evaluation.sets", "clean_train, noisy_train");
        assertTrue(start("whole", settings).run().isPresent());
        TrainingRun stopped = start("stopped", settings);
        stopped.listen(new TrainingListener() {
            @Override
            public void stepDone(StepRow row, int images) {
                if (row.step() == 7) {
                    stopped.requestStop();
                }
            }
        });
        assertTrue(stopped.run().isEmpty());
        assertTrue(resume("stopped").run().isPresent());
        assertArrayEquals(lastCheckpoint("whole"), lastCheckpoint("stopped"));
        assertEquals(noiseOf("whole"), noiseOf("stopped"));
    }

    private JsonNode noiseOf(String run) throws IOException {
        return new JsonMapper()
                .readTree(Files.readString(new RunFolder(folder.resolve(run)).summary()))
                .get("noise");
    }

    @Test
    void labelsOfTheRunAreThoseOfItsFiles() throws IOException {
        ReportData.Run run = start(
                        "run",
                        Map.of(
                                "noise",
                                "{kind: symmetric-exclusive, rate: 0.5, choice: exact-count}",
                                "evaluation.sets",
                                "clean_set, noisy_set, test_set",
                                "epochs",
                                "8"))
                .run()
                .orElseThrow();
        JsonNode noise = noiseOf("run");
        assertEquals(50, noise.get("wrong_labels").asInt());
        assertEquals(.5, noise.get("error_rate").asDouble());
        assertEquals(.5, run.results().extra().get("label_error_rate"));
        RunSummary read = RunSummary.read(new RunFolder(folder.resolve("run")).summary());
        assertEquals(run.noise(), read.noise());
        assertEquals(noise, new JsonMapper().readTree(read.noise().orElseThrow().toJson()));
        // The network learns the squares, which half of the labels deny.
        double clean = run.results().extra().get("clean_set_accuracy");
        double noisy = run.results().extra().get("noisy_set_accuracy");
        assertTrue(clean > noisy, clean + " with right labels, " + noisy + " with those given");
        assertEquals(run.results().testAccuracy(), run.results().extra().get("test_set_accuracy"));
        assertEquals(run.results().testLoss(), run.results().extra().get("test_set_loss"));
        String csv = Files.readString(new RunFolder(folder.resolve("run")).metricsCsv());
        assertTrue(
                csv.startsWith(
                        "epoch,step,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second,"
                                + "clean_set_loss,clean_set_accuracy,noisy_set_loss,noisy_set_accuracy,test_set_loss,"
                                + "test_set_accuracy\n"),
                csv);
        Path files = folder.resolve("run/noise");
        long[] pairs = Npy.read(files.resolve("noisy_idx_labels.npy")).toLongs();
        assertEquals(100, pairs.length);
        String report = Files.readString(new RunFolder(folder.resolve("run")).report());
        assertTrue(report.contains("Noise in the training images") && report.contains("50 of 100: 50.00 %"));

        // The files of one run are the noise of another: the same labels, so the same weights.
        ReportData.Run again = start("again", Map.of("noise", "{kind: file, path: '" + files + "'}", "epochs", "8"))
                .run()
                .orElseThrow();
        assertEquals(run.results().trainLoss(), again.results().trainLoss());
        assertEquals(noise.get("labels"), noiseOf("again").get("labels"));
        assertEquals("symmetric-exclusive", noiseOf("again").get("kind").asText());
    }

    @Test
    void otherNoiseThanTheRunsIsRefusedOnResume() throws IOException {
        Map<String, String> settings = Map.of("noise", "{kind: pairflip, rate: 0.4}");
        assertTrue(start("run", settings).run().isPresent());
        assertTrue(start("other", Map.of("noise", "{kind: pairflip, rate: 0.4, seed: 9}"))
                .run()
                .isPresent());
        for (String file : List.of("noise.json", "noisy_idx_labels.npy")) {
            Files.copy(
                    folder.resolve("other/noise").resolve(file),
                    folder.resolve("run/noise").resolve(file),
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
        UserError e = assertThrows(UserError.class, () -> resume("run").run());
        assertTrue(e.getMessage().contains("checksum"), e.getMessage());
    }

    @Test
    void networkThatNoiseIsMadeWithMayBeACheckpoint() {
        ImageSet clean = DataSetCatalog.of(null, Map.of()).load(data.toString()).train();
        assertTrue(start("teacher", Map.of("epochs", "8")).run().isPresent());
        Path checkpoint = new CheckpointFolder(folder.resolve("teacher/checkpoints"))
                .latest()
                .orElseThrow();
        NoisySet predicted = noise(clean, "{kind: predicted, network: {checkpoint: '" + checkpoint + "'}}");
        // It knows nearly all, and what it does not is wrong now.
        assertTrue(predicted.summary().errorRate() < .2, predicted.summary().line());
        NoisySet likely = noise(
                clean,
                "{kind: most-likely-wrong, rate: 0.3, choice: exact-count, network: {checkpoint: '" + checkpoint
                        + "'}}");
        assertEquals(30, likely.summary().wrongLabels());
        NoisySet trained = noise(clean, LEAST_SURE);
        assertEquals(30, trained.summary().wrongLabels());
        UserError e = assertThrows(
                UserError.class, () -> noise(clean, "{kind: predicted, network: {checkpoint: '" + data + "'}}"));
        assertTrue(
                e.getMessage().contains("checkpoint of a run") || e.getMessage().contains("read"), e.getMessage());
    }

    private NoisySet noise(ImageSet clean, String noise) {
        return NoiseParts.noise(config(Map.of("noise", noise)), clean, TrainingParts.device("cpu"), Progress.silent())
                .orElseThrow();
    }

    @Test
    void photonLimitedRunReportsEverySeverity() throws IOException {
        Map<String, String> settings = Map.of(
                "data.photon_limited",
                "{corruption: contrast, n: 20, severities: 3, seed: 4}",
                "noise",
                "{kind: symmetric-exclusive, rate: 0.2}",
                "evaluation.sets",
                "clean_val, noisy_val, noisy_set, noisy_train");
        ReportData.Run run = start("run", settings).run().orElseThrow();
        List<String> lines = Files.readAllLines(folder.resolve("run/severities.csv"));
        // 20 P(s) = 7.36, 7.36, 3.68, 1.23 images of each of four classes; 19 of each 25 are left over.
        assertEquals(
                List.of("train,0,28", "train,1,28", "train,2,12", "train,3,4", "validation,0,28", "validation,1,28"),
                lines.subList(1, 7).stream()
                        .map(line -> line.substring(0, line.indexOf(',', line.indexOf(',', line.indexOf(',') + 1) + 1)))
                        .toList());
        assertEquals(1 + 3 * 4, lines.size());
        // The test images without corruption are those of the run's own test.
        String clean = lines.stream()
                .filter(l -> l.startsWith("test,0,40,"))
                .findFirst()
                .orElseThrow();
        assertEquals(run.results().testAccuracy(), Double.parseDouble(clean.split(",", -1)[3]), 1e-6);
        // So are the images left over; 72 were trained on and 28 are left.
        Map<String, Double> extra = run.results().extra();
        String left = lines.stream()
                .filter(l -> l.startsWith("validation,0,"))
                .findFirst()
                .orElseThrow();
        assertEquals(extra.get("clean_val_accuracy"), Double.parseDouble(left.split(",", -1)[3]), 1e-6);
        double together = .72 * extra.get("noisy_train_accuracy") + .28 * extra.get("noisy_val_accuracy");
        assertEquals(together, extra.get("noisy_set_accuracy"), 1e-12);
        double worst = lines.stream()
                .filter(l -> l.startsWith("validation,"))
                .mapToDouble(l -> Double.parseDouble(l.split(",", -1)[3]))
                .min()
                .orElseThrow();
        assertEquals(worst, run.results().extra().get("validation_accuracy_worst_severity"), 1e-6);

        // The lists of the run give the same division.
        ReportData.Run again = start(
                        "again",
                        Map.of(
                                "data.photon_limited",
                                "{corruption: contrast, severities: 3, seed: 4, lists: '"
                                        + folder.resolve("run/mixture") + "'}",
                                "noise",
                                "{kind: symmetric-exclusive, rate: 0.2}"))
                .run()
                .orElseThrow();
        assertEquals(run.results().trainLoss(), again.results().trainLoss());
    }

    @Test
    void setsThatThereAreNotAreNamed() {
        UserError e = assertThrows(UserError.class, () -> config(Map.of("evaluation.sets", "noisy_vall")));
        assertTrue(e.getMessage().contains("did you mean noisy_val?"), e.getMessage());
        UserError group = assertThrows(
                UserError.class,
                () -> start("x", Map.of("data.photon_limited", "{corruption: quick, n: 25}"))
                        .run());
        assertEquals(
                "data.photon_limited.corruption is quick, which stands for 6 corruptions; name one",
                group.getMessage());
    }
}
