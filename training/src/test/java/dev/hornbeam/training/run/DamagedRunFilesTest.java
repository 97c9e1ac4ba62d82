package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.io.WeightsFile;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.DamagedFiles;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.prediction.Predictor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The readers of recipes, runs, checkpoints and weights on {@link DamagedFiles}. */
final class DamagedRunFilesTest {
    // What a network of that checkpoint takes, and much more than it takes.
    private static final long MOST_NATIVE_MEMORY = 16L << 20;

    @TempDir
    private Path folder;

    private Map<String, byte[]> read(Path place, String... names) throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (String name : names) {
            files.put(name, Files.readAllBytes(place.resolve(name)));
        }
        return files;
    }

    private static byte[] text(String... lines) {
        return (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void recipes() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put(
                "mine.yaml",
                text(
                        "# A recipe of one's own.",
                        "extends: base.yaml",
                        "description: \"two words\"",
                        "epochs: 7",
                        "method:",
                        "  perturbation: {kind: damp, sigma: 0.25}",
                        "  sub_batches: 8",
                        "optimizer:",
                        "  kind: sgd",
                        "  lr: 5e-2",
                        "evaluation:",
                        "  sets: [clean_train, test_set]",
                        "noise:",
                        "  kind: class-rates",
                        "  rates: [0.1, 0.2, 0.3]"));
        files.put("base.yaml", text("extends: quickstart/sgd", "data: {batch: 32, train_subset: 1000}", "seed: 4"));
        new DamagedFiles("recipe", files, (place, _) -> {
                    RunConfig config = Recipes.load(place.resolve("mine.yaml"), Map.of());
                    assertTrue(config.epochs() >= 0);
                    return 1;
                })
                .check();
    }

    @Test
    void foldersOfRuns() throws IOException {
        Path run = WrittenRun.finished(folder.resolve("run"), "quickstart/sgd", 3, .1, WrittenRun.errors(.3));
        new DamagedFiles("folder of a run", read(run, "config.yaml", "metrics.jsonl", "summary.json"), (place, _) -> {
                    RunRecord record = RunRecord.read(place);
                    record.method();
                    ReportData.Run shown = record.forReport("it");
                    return (long) shown.epochs().size() + record.settings().size();
                })
                .check();
        new DamagedFiles("baseline", read(run, "summary.json"), (place, _) -> {
                    Baseline baseline = Baseline.read(place);
                    assertTrue(!Double.isNaN(baseline.clean()));
                    baseline.corruptions().mean();
                    return 1;
                })
                .check();
    }

    @ParameterizedTest
    @ValueSource(strings = {"npy", "txt"})
    void ratesOfImages(String ending) throws IOException {
        String name = "rates." + ending;
        if (ending.equals("npy")) {
            Npy.write(folder.resolve(name), HostArray.of(new float[] {0, .5f, 1, .25f}));
        } else {
            Files.write(folder.resolve(name), text("# rates", "0", ".5", "1", "", "0.25"));
        }
        new DamagedFiles(
                        "rates of images " + ending,
                        read(folder, name),
                        (place, _) -> NoiseParts.rates(place.resolve(name)).size())
                .check();
    }

    // A checkpoint of the smallest network there is.
    private byte[] checkpoint() throws IOException {
        Path file = folder.resolve("checkpoint.safetensors");
        String description = """
                {"format": 1, "version": "0.1", "model": {"name": "smallcnn28_gn", "classes": 2, "channels": 1, \
                "height": 28, "width": 28, "base_width": 1, "dtype": "f32", "class_names": ["a", "b"]}, \
                "normalization": {"mean": [0.5], "std": [0.25]}, "preprocessing": {"height": 28, "width": 28, \
                "channels": 1, "resize": "28", "interpolation": "bilinear", "background": "white"}, \
                "position": {"step": 5, "epoch": 1, "batch": 0, "loss_sum_bits": 4607182418800017408, "correct": 3, \
                "images": 4}, "optimizer_steps": 5, "data_checksum": "0123", "config": "epochs: 1"}""";
        try (TensorScope _ = TensorScope.open();
                Module network = ModelCatalog.create(
                        "smallcnn28_gn", new ModelSpec(1, 2, OptionalInt.of(1), false).withSide(28), 0)) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            WeightsFile.toFile(network).forEach((name, tensor) -> tensors.put("model." + name, tensor));
            Safetensors.write(file, tensors, Map.of("hornbeam", description));
        }
        return Files.readAllBytes(file);
    }

    private static void checkNativeMemory(long before) {
        long taken = Engine.memory().peak() - before;
        assertTrue(taken < MOST_NATIVE_MEMORY, "took " + taken + " bytes outside of the heap");
    }

    @Test
    void checkpoints() throws IOException {
        new DamagedFiles("checkpoint", Map.of("checkpoint.safetensors", checkpoint()), (place, _) -> {
                    Engine.resetPeak(Device.cpu());
                    long before = Engine.memory().inUse();
                    try (Predictor predictor = Predictor.open(place.resolve("checkpoint.safetensors"))) {
                        assertEquals(28, predictor.preprocessing().height());
                    } finally {
                        checkNativeMemory(before);
                    }
                    return 1;
                })
                .oneThread()
                .check();
    }

    private String refusal(String part, String by) throws IOException {
        byte[] content = checkpoint();
        String header = new String(content, StandardCharsets.ISO_8859_1);
        assertEquals(part.length(), by.length(), "the header keeps its length");
        assertTrue(header.contains(part), part);
        Path file = folder.resolve("damaged.safetensors");
        Files.write(
                file,
                header.replaceFirst(Pattern.quote(part), Matcher.quoteReplacement(by))
                        .getBytes(StandardCharsets.ISO_8859_1));
        return assertThrows(UserError.class, () -> Predictor.open(file))
                .getMessage()
                .replace(file.toString(), "FILE");
    }

    @Test
    void descriptionsOfImpossibleNetworksNameTheirFile() throws IOException {
        String damaged = "FILE is damaged: its description cannot be understood: ";
        assertEquals(damaged + "channels is 0; expected at least 1", refusal("channels\\\": 1,", "channels\\\": 0,"));
        // It would take gigabytes.
        assertEquals(
                damaged + "base_width is 999, but no tensor in the file is longer than 4",
                refusal("base_width\\\": 1, ", "base_width\\\":999,"));
        assertEquals(
                "FILE: means and standard deviations are given for 1 channels; the network reads 2",
                refusal("channels\\\": 1, \\\"resize", "channels\\\": 2, \\\"resize"));
        String unknown = refusal("smallcnn28_gn", "smallcnn29_gn");
        assertTrue(unknown.startsWith("FILE: there is no model \"smallcnn29_gn\""), unknown);
    }
}
