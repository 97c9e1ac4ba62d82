package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.Safetensors;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs whose batches are shared by two replicas: on two CUDA devices where that is the standard device, else on the CPU. */
class SeveralDevicesTrainingTest {
    private static final int BATCH = 16;
    private static final boolean CPU = Device.standard().equals(Device.cpu());
    private static final String ONE = CPU ? "cpu" : "cuda:0";
    private static final String TWO = CPU ? "cpu,cpu" : "cuda:0,cuda:1";

    @TempDir
    private Path folder;

    private Path data;
    private boolean exact;
    private long tensorsBefore;

    @BeforeEach
    void makeData() throws IOException {
        exact = Engine.isExact();
        tensorsBefore = Engine.memory().liveTensors();
        data = SyntheticImages.write(folder.resolve("squares.npz"), 3 * BATCH, BATCH);
    }

    @AfterEach
    void nothingIsLeft() {
        Engine.setExact(exact);
        Engine.setThreads(0);
        assertEquals(tensorsBefore, Engine.memory().liveTensors());
    }

    private TrainingRun start(String recipe, String name, String devices, Map<String, String> more) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "data.name", "'" + data + "'",
                "data.batch", "" + BATCH,
                "data.augment.flip", "false",
                "data.augment.pad", "1",
                "model.width", "4",
                "epochs", "1",
                "evaluation.corruptions", "none",
                "device", devices));
        // Algorithms that differ with the batch's size differ in rounding.
        settings.put("exact", "true");
        settings.putAll(more);
        return TrainingRun.create(Recipes.load(recipe, settings), folder.resolve(name), Progress.silent(), List.of());
    }

    private static List<Double> losses(TrainingRun run) {
        List<Double> losses = new ArrayList<>();
        run.listen(new TrainingListener() {
            @Override
            public void stepDone(StepRow row, int images) {
                losses.add(row.loss());
            }
        });
        assertTrue(run.run().isPresent());
        return losses;
    }

    private Map<String, float[]> tensors(String name) throws IOException {
        Path file = new CheckpointFolder(new RunFolder(folder.resolve(name)).checkpoints())
                .latest()
                .orElseThrow();
        Map<String, float[]> tensors = new HashMap<>();
        try (Safetensors source = Safetensors.open(file);
                TensorScope _ = TensorScope.open()) {
            for (String tensor : source.entries().keySet()) {
                Tensor value = source.read(tensor);
                if (value.dtype().isFloating()) {
                    tensors.put(tensor, value.toFloats());
                }
            }
        }
        return tensors;
    }

    /**
     * Where batch norms normalise sub-batches alone, and where there are none, a replica's numbers are those that its samples
     * have on one device: with the same noise, the same batches, up to rounding. (One step where ascents on a small network
     * amplify that several thousandfold in the next.)
     */
    @ParameterizedTest
    @CsvSource({
        "quickstart/sgd, resnet20, 4, 3",
        "quickstart/damp, resnet20, 4, 3",
        "quickstart/damp, resnet18_gn, 1, 1",
        "quickstart/sam, resnet20, 2, 3",
        "quickstart/sam, resnet18_gn, 1, 1",
        "quickstart/asam, resnet20, 4, 1",
    })
    void twoDevicesTrainAsOne(String recipe, String model, String subBatches, int steps) throws IOException {
        SyntheticImages.write(data, BATCH * steps, BATCH);
        Map<String, String> settings = Map.of(
                "model.name",
                model,
                "method.sub_batches",
                subBatches,
                "method.sync_bn",
                "false",
                "optimizer.lr",
                "0.001");
        List<Double> one = losses(start(recipe, "one", ONE, settings));
        List<Double> two = losses(start(recipe, "two", TWO, settings));
        assertEquals(steps, one.size());
        for (int i = 0; i < one.size(); i++) {
            assertEquals(one.get(i), two.get(i), 1e-5, "loss of step " + i);
        }
        Map<String, float[]> expected = tensors("one");
        Map<String, float[]> got = tensors("two");
        assertEquals(expected.keySet(), got.keySet());
        expected.forEach((name, values) -> {
            if (name.startsWith("model.")) {
                assertArrayEquals(values, got.get(name), 1e-5f, name);
            }
        });
    }

    @Test
    void aRunOnTwoDevicesGoesOnToTheSameBits() throws IOException {
        Map<String, String> settings = Map.of("epochs", "3", "method.sub_batches", "2");
        assertTrue(start("quickstart/damp", "whole", TWO, settings).run().isPresent());
        TrainingRun stopped = start("quickstart/damp", "stopped", TWO, settings);
        stopped.listen(new TrainingListener() {
            @Override
            public void stepDone(StepRow row, int images) {
                if (row.step() == 4) {
                    stopped.requestStop();
                }
            }
        });
        assertTrue(stopped.run().isEmpty());
        assertTrue(TrainingRun.resume(folder.resolve("stopped"), Progress.silent(), List.of())
                .run()
                .isPresent());
        Map<String, float[]> whole = tensors("whole");
        Map<String, float[]> again = tensors("stopped");
        assertEquals(whole.keySet(), again.keySet());
        whole.forEach((name, values) -> assertArrayEquals(values, again.get(name), name));
    }

    @Test
    void whatCannotBeSharedIsRefused() {
        assertRefused(
                Map.of("method.sub_batches", "1", "data.batch", "47", "data.drop_last", "false"),
                "the last batch of an epoch has 1 image, too few for 2 devices");
        assertRefused(
                Map.of("method.sub_batches", "3", "data.batch", "15"),
                "method.sub_batches is 3, which 2 devices cannot share evenly; choose a multiple of 2, or 1");
        assertRefused(Map.of("device", ONE + ",null"), "of one kind");
    }

    private void assertRefused(Map<String, String> settings, String expected) {
        TrainingRun run = start("quickstart/damp", "refused", TWO, settings);
        String message = assertThrows(UserError.class, run::run).getMessage();
        assertTrue(message.contains(expected), message);
    }

    @Test
    void aFailureOfOneReplicaEndsTheRun() {
        TrainingRun run = start("quickstart/sgd", "diverging", TWO, Map.of("optimizer.lr", "1e30", "epochs", "2"));
        assertTrue(assertThrows(UserError.class, run::run).getMessage().contains("training diverged"));
    }
}
