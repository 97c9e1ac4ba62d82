package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.Safetensors;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.evaluation.Evaluator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs in bf16: what they learn, save, and go on from. */
class Bf16RunTest {
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

    @Test
    void learnsAndSavesF32() throws IOException {
        ReportData.Run run = start("quickstart/damp", "run", Map.of("dtype", "bf16", "epochs", "8"))
                .run()
                .orElseThrow();
        assertTrue(
                run.results().testAccuracy() > 0.9, "accuracy " + run.results().testAccuracy());
        assertEquals(
                Precision.BF16,
                RunConfig.load(folder.resolve("run/config.yaml")).dtype());
        assertEquals(Precision.BF16, Checkpoint.read(latest("run")).dtype());
        try (Safetensors file = Safetensors.open(latest("run"));
                TensorScope _ = TensorScope.open()) {
            for (String name : file.entries().keySet()) {
                assertEquals(DType.F32, file.read(name).dtype(), name);
            }
        }
    }

    /** The same weights in both types: accuracies differ by images that lie on a border between classes, if at all. */
    @Test
    void checkpointsAreGoodForEitherType() {
        assertTrue(start("quickstart/sgd", "f32", Map.of("epochs", "6")).run().isPresent());
        assertTrue(start("quickstart/sgd", "bf16", Map.of("epochs", "6", "dtype", "bf16"))
                .run()
                .isPresent());
        ImageSet test = DataSetCatalog.of(null, Map.of()).load(data.toString()).test();
        for (String run : List.of("f32", "bf16")) {
            Path file = latest(run);
            Checkpoint checkpoint = Checkpoint.read(file);
            try (Module network = TrainingParts.model(checkpoint.modelName(), checkpoint.modelSpec(), 0)) {
                Checkpoint.loadWeights(file, network);
                Evaluator evaluator = new Evaluator(
                        network,
                        Augmentation.none(checkpoint.normalization()),
                        20,
                        0,
                        dev.hornbeam.tensor.Device.cpu());
                Evaluator.Result f32 = evaluator.evaluate(test);
                Precision.BF16.applyTo(network);
                Evaluator.Result bf16 = evaluator.evaluate(test);
                assertTrue(f32.accuracy() > 0.9, run + " in f32: " + f32);
                assertTrue(bf16.accuracy() > 0.9, run + " in bf16: " + bf16);
                assertEquals(f32.loss(), bf16.loss(), 0.03, run);
                assertNotEquals(f32.loss(), bf16.loss(), "both computed in the same type");
            }
        }

        // And a run in one type starts from the other's weights.
        for (String from : List.of("f32", "bf16")) {
            String to = from.equals("f32") ? "bf16" : "f32";
            ReportData.Run tuned = start(
                            "quickstart/sgd",
                            "from-" + from,
                            Map.of(
                                    "dtype",
                                    to,
                                    "epochs",
                                    "1",
                                    "optimizer.lr",
                                    "1e-4",
                                    "model.init",
                                    latest(from).toString()))
                    .run()
                    .orElseThrow();
            assertTrue(tuned.results().testAccuracy() > 0.9, from + " to " + to);
        }
    }

    @Test
    void aStoppedRunGoesOnInItsTypeToTheSameBits() throws IOException {
        Map<String, String> bf16 = Map.of("dtype", "bf16");
        assertTrue(start("quickstart/damp", "whole", bf16).run().isPresent());
        TrainingRun stopped = start("quickstart/damp", "stopped", bf16);
        stopped.listen(new TrainingListener() {
            @Override
            public void stepDone(StepRow row, int images) {
                if (row.step() == 8) {
                    stopped.requestStop();
                }
            }
        });
        assertTrue(stopped.run().isEmpty());
        TrainingRun resumed = TrainingRun.resume(folder.resolve("stopped"), Progress.silent(), List.of());
        assertEquals(Precision.BF16, resumed.config().dtype());
        assertTrue(resumed.run().isPresent());
        assertSameWeights("whole", "stopped");
    }

    @Test
    void threadsAndWorkersChangeNoBit() throws IOException {
        assertTrue(start("quickstart/damp", "t1", Map.of("dtype", "bf16", "threads", "1", "data.workers", "1"))
                .run()
                .isPresent());
        assertTrue(start("quickstart/damp", "t2", Map.of("dtype", "bf16", "threads", "2", "data.workers", "2"))
                .run()
                .isPresent());
        assertSameWeights("t1", "t2");
        assertTrue(start("quickstart/damp", "f32", Map.of("threads", "1")).run().isPresent());
        assertFalse(Arrays.equals(
                tensors("t1").get("model.conv1.weight"), tensors("f32").get("model.conv1.weight")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bf61", "fp16", "BF16", "", "16"})
    void otherTypesAreRefused(String dtype) {
        UserError error =
                assertThrows(UserError.class, () -> start("quickstart/sgd", "run", Map.of("dtype", "'" + dtype + "'")));
        assertTrue(
                error.getMessage().contains("dtype is '" + dtype + "'; expected one of f32, bf16"), error.getMessage());
        // Names near neither suggest nothing.
        assertEquals(dtype.length() >= 4, error.getMessage().contains("did you mean bf16?"), error.getMessage());
    }

    private TrainingRun start(String recipe, String name, Map<String, String> changes) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("data.name", "'" + data + "'");
        settings.put("data.batch", "16");
        settings.put("model.width", "4");
        settings.put("epochs", "3");
        settings.put("evaluation.corruptions", "none");
        settings.put("threads", "1");
        // A mirrored square would be another class.
        settings.put("data.augment.flip", "false");
        settings.put("data.augment.pad", "1");
        settings.putAll(changes);
        return TrainingRun.create(Recipes.load(recipe, settings), folder.resolve(name), Progress.silent(), List.of());
    }

    private Path latest(String run) {
        return new CheckpointFolder(folder.resolve(run).resolve("checkpoints"))
                .latest()
                .orElseThrow();
    }

    private void assertSameWeights(String a, String b) throws IOException {
        Map<String, float[]> first = tensors(a);
        Map<String, float[]> second = tensors(b);
        assertEquals(first.keySet(), second.keySet());
        first.forEach((name, bits) -> assertArrayEquals(bits, second.get(name), name));
    }

    private Map<String, float[]> tensors(String run) throws IOException {
        Map<String, float[]> tensors = new LinkedHashMap<>();
        try (Safetensors checkpoint = Safetensors.open(latest(run));
                TensorScope _ = TensorScope.open()) {
            for (String name : checkpoint.entries().keySet()) {
                tensors.put(name, checkpoint.read(name).toFloats());
            }
        }
        return tensors;
    }
}
