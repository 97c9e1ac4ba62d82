package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npz;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainingRunTest {
    private static final String SGD = "quickstart/sgd";
    private static final String DAMP = "quickstart/damp";
    private static final int STEPS_PER_EPOCH = 6;
    private static final int EPOCHS = 3;

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
    void writesEverythingAndLearns() throws IOException {
        ReportData.Run result = start(SGD, "run", Map.of("epochs", "6", "evaluation.corruptions", "[contrast]"))
                .run()
                .orElseThrow();
        assertTrue(
                result.results().testAccuracy() > 0.9,
                "test accuracy " + result.results().testAccuracy());
        assertEquals(6, result.epochs().size());
        RunFolder run = new RunFolder(folder.resolve("run"));
        for (Path file : List.of(
                run.config(), run.metricsJsonl(), run.metricsCsv(), run.summary(), run.report(), run.corruptions())) {
            assertTrue(Files.size(file) > 0, file.toString());
        }
        // Two are kept.
        try (var checkpoints = Files.list(run.checkpoints())) {
            assertEquals(2, checkpoints.count());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {SGD, DAMP, "quickstart/sam", "quickstart/asam"})
    void aRunKilledWithinAnEpochGoesOnToTheSameBits(String recipe) throws IOException {
        assertTrue(start(recipe, "whole", Map.of()).run().isPresent());

        // Dies in the second epoch: what follows its first epoch's checkpoint is lost, and done again.
        TrainingRun dying = start(recipe, "killed", Map.of()).listen(new TrainingListener() {
            @Override
            public void stepDone(StepRow row, int images) {
                if (row.step() == STEPS_PER_EPOCH + 2) {
                    throw new IllegalStateException("power cut");
                }
            }
        });
        assertThrows(IllegalStateException.class, dying::run);
        assertTrue(resume("killed").run().isPresent());

        assertSameBits("whole", "killed");
    }

    // The paper's settings for vision transformers: DAMP, AdamW, clipped gradients, warm-up, cosine.
    @Test
    void visionTransformerLearnsUnderNoise() throws IOException {
        int count = 48;
        int side = 32;
        byte[] pixels = new byte[count * side * side];
        byte[] labels = new byte[count];
        for (int i = 0; i < pixels.length; i++) {
            int image = i / (side * side);
            labels[image] = (byte) (image % 2);
            // The left or the right half is bright.
            pixels[i] = (byte) ((i % side < side / 2) == (image % 2 == 0) ? 200 + i % 7 : 40 + i % 5);
        }
        HostArray images = HostArray.of(pixels, count, side, side, 1);
        HostArray classes = HostArray.of(labels, count);
        Npz.write(
                data,
                Map.of("train_images", images, "train_labels", classes, "test_images", images, "test_labels", classes),
                false);
        ReportData.Run run = start(
                        DAMP,
                        "vit",
                        Map.of(
                                "model.name", "vit-s-16_simple",
                                "model.width", "24",
                                "epochs", "30",
                                "method.perturbation", "{kind: damp, sigma: 0.25}",
                                "optimizer", "{kind: adamw, lr: 3e-3, weight_decay: 0.1, clip: 1.0}",
                                "schedule", "{kind: cosine, warmup: {steps: 4, from: 1e-6}}"))
                .run()
                .orElseThrow();
        assertTrue(
                run.results().testAccuracy() > 0.9, "accuracy " + run.results().testAccuracy());
    }

    @Test
    void corruptedHalvesOfBatchesAreTheSameAfterAStop() throws IOException {
        Map<String, String> noise =
                Map.of("method.input", "{kind: corruption_augmentation, corruption: gaussian_noise}");
        assertTrue(start(SGD, "whole", noise).run().isPresent());
        TrainingRun stopped = start(SGD, "stopped", noise);
        stopped.listen(new TrainingListener() {
            @Override
            public void stepDone(StepRow row, int images) {
                if (row.step() == STEPS_PER_EPOCH + 1) {
                    stopped.requestStop();
                }
            }
        });
        assertTrue(stopped.run().isEmpty());
        assertTrue(resume("stopped").run().isPresent());
        assertSameBits("whole", "stopped");
        UserError e = assertThrows(
                UserError.class,
                () -> start(SGD, "none", Map.of("method.input", "{kind: corruption_augmentation, corruption: fogg}"))
                        .run());
        assertTrue(e.getMessage().contains("fogg"), e.getMessage());
        assertFalse(Files.exists(folder.resolve("none")), "a refused run leaves no folder");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, STEPS_PER_EPOCH - 1, STEPS_PER_EPOCH, STEPS_PER_EPOCH + 3})
    void aRunStoppedAtAnyStepGoesOnToTheSameBits(int step) throws IOException {
        assertTrue(start(DAMP, "whole", Map.of()).run().isPresent());

        TrainingRun stopped = start(DAMP, "stopped", Map.of());
        stopped.listen(new TrainingListener() {
            @Override
            public void stepDone(StepRow row, int images) {
                if (row.step() == step) {
                    stopped.requestStop();
                }
            }
        });
        assertTrue(stopped.run().isEmpty());
        assertTrue(resume("stopped").run().isPresent());

        assertSameBits("whole", "stopped");
    }

    @ParameterizedTest
    @ValueSource(strings = {SGD, DAMP, "quickstart/sam", "quickstart/asam"})
    void theNumberOfThreadsAndWorkersChangesNoBit(String recipe) throws IOException {
        assertTrue(start(recipe, "t1", Map.of("threads", "1", "data.workers", "1"))
                .run()
                .isPresent());
        assertTrue(start(recipe, "t2", Map.of("threads", "2", "data.workers", "2"))
                .run()
                .isPresent());
        assertTrue(start(recipe, "t3", Map.of("threads", "3", "data.workers", "3"))
                .run()
                .isPresent());
        assertSameTensors("t1", "t2");
        assertSameTensors("t1", "t3");
    }

    @Test
    void anotherSeedGivesAnotherRun() throws IOException {
        assertTrue(start(SGD, "a", Map.of("seed", "1")).run().isPresent());
        assertTrue(start(SGD, "b", Map.of("seed", "2")).run().isPresent());
        assertFalse(java.util.Arrays.equals(
                tensors("a").get("model.conv1.weight"), tensors("b").get("model.conv1.weight")));
    }

    @Test
    void aCheckpointOfAnotherNetworkIsRefused() {
        assertTrue(start(SGD, "small", Map.of("epochs", "1")).run().isPresent());
        Path checkpoint = new CheckpointFolder(folder.resolve("small/checkpoints"))
                .latest()
                .orElseThrow();
        UserError e = assertThrows(
                UserError.class,
                () -> start(SGD, "other", Map.of("model.name", "resnet20", "model.init", checkpoint.toString()))
                        .run());
        assertTrue(e.getMessage().contains(checkpoint.toString()), e.getMessage());
        assertFalse(Files.exists(folder.resolve("other")), "a refused run leaves no folder");
    }

    @Test
    void weightsOfACheckpointStartAnotherRun() {
        assertTrue(start(SGD, "first", Map.of("epochs", "6")).run().isPresent());
        Path checkpoint = new CheckpointFolder(folder.resolve("first/checkpoints"))
                .latest()
                .orElseThrow();
        ReportData.Run tuned = start(
                        SGD,
                        "tuned",
                        Map.of("epochs", "1", "optimizer.lr", "1e-4", "model.init", checkpoint.toString()))
                .run()
                .orElseThrow();
        assertTrue(
                tuned.results().testAccuracy() > 0.9,
                "accuracy " + tuned.results().testAccuracy());
    }

    @Test
    void divergenceIsAnErrorThatSaysWhatToDo() {
        UserError e = assertThrows(
                UserError.class,
                () -> start(SGD, "wild", Map.of("optimizer.lr", "1e30")).run());
        assertTrue(e.getMessage().contains("diverged") && e.getMessage().contains("optimizer.lr"), e.getMessage());
    }

    @Test
    void samWithSubBatchesKeepsBatchNormsApart() {
        Map<String, String> four = Map.of("method.sub_batches", "4", "epochs", "1");
        UserError e = assertThrows(
                UserError.class, () -> start("quickstart/sam", "sam", four).run());
        assertTrue(e.getMessage().startsWith("method.sync_bn is true, but with 4 sub-batches"), e.getMessage());
        assertFalse(Files.exists(folder.resolve("sam")), "a refused run leaves no folder");
        Map<String, String> apart = new LinkedHashMap<>(four);
        apart.put("method.sync_bn", "false");
        assertTrue(start("quickstart/asam", "apart", apart).run().isPresent());
        // Group norm has no statistics to share.
        Map<String, String> groupNorm = new LinkedHashMap<>(four);
        groupNorm.putAll(Map.of("model.name", "resnet20_gn", "model.width", "16"));
        assertTrue(start("quickstart/sam", "group-norm", groupNorm).run().isPresent());
    }

    @Test
    void otherDataThanTheRunsIsRefusedOnResume() throws IOException {
        assertTrue(start(SGD, "run", Map.of("epochs", "1")).run().isPresent());
        SyntheticImages.write(data, 104, 40);
        UserError e = assertThrows(UserError.class, () -> resume("run").run());
        assertTrue(e.getMessage().contains("checksum"), e.getMessage());
    }

    private TrainingRun start(String recipe, String name, Map<String, String> changes) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("data.name", "'" + data + "'");
        settings.put("data.batch", "16");
        settings.put("model.width", "4");
        settings.put("epochs", Integer.toString(EPOCHS));
        settings.put("evaluation.corruptions", "none");
        settings.put("log.every", "1");
        // A mirrored square would be another class.
        settings.put("data.augment.flip", "false");
        settings.put("data.augment.pad", "1");
        settings.putAll(changes);
        return TrainingRun.create(Recipes.load(recipe, settings), folder.resolve(name), Progress.silent(), List.of());
    }

    private TrainingRun resume(String name) {
        return TrainingRun.resume(folder.resolve(name), Progress.silent(), List.of());
    }

    private void assertSameBits(String a, String b) throws IOException {
        assertSameTensors(a, b);
        assertEquals(losses(a), losses(b));
    }

    private void assertSameTensors(String a, String b) throws IOException {
        Map<String, float[]> first = tensors(a);
        Map<String, float[]> second = tensors(b);
        assertEquals(first.keySet(), second.keySet());
        assertTrue(first.keySet().stream().anyMatch(name -> name.startsWith("optimizer.momentum.")));
        first.forEach((name, bits) -> assertArrayEquals(bits, second.get(name), name));
    }

    private Map<String, float[]> tensors(String run) throws IOException {
        Path file = new CheckpointFolder(folder.resolve(run).resolve("checkpoints"))
                .latest()
                .orElseThrow();
        Map<String, float[]> tensors = new LinkedHashMap<>();
        try (Safetensors checkpoint = Safetensors.open(file);
                TensorScope _ = TensorScope.open()) {
            for (String name : checkpoint.entries().keySet()) {
                tensors.put(name, checkpoint.read(name).toFloats());
            }
        }
        return tensors;
    }

    // Every step's and epoch's loss, in order, without the times.
    private List<String> losses(String run) throws IOException {
        List<String> losses = new ArrayList<>();
        for (String line : Files.readAllLines(new RunFolder(folder.resolve(run)).metricsJsonl())) {
            losses.add(line.replaceAll("\"(seconds|images_per_second)\":[^,}]*", ""));
        }
        return losses;
    }
}
