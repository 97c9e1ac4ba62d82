package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.SyntheticImages;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code train} with every section of {@code data.augment}. */
final class AugmentedTrainingTest {
    @TempDir
    private Path folder;

    private final StringWriter err = new StringWriter();
    private Path data;

    @BeforeEach
    void makeData() throws IOException {
        data = SyntheticImages.write(folder.resolve("squares.npz"), 100, 40);
    }

    @AfterEach
    void allThreads() {
        Engine.setThreads(0);
    }

    private int train(String out, List<String> settings) {
        List<String> arguments = new ArrayList<>(List.of(
                "train",
                "--recipe",
                "quickstart/sgd",
                "--out",
                folder.resolve(out).toString()));
        for (String setting : Stream.concat(
                        Stream.of(
                                "data.name='" + data + "'",
                                "data.batch=16",
                                "model.width=4",
                                "threads=1",
                                "epochs=2",
                                "evaluation.corruptions=none"),
                        settings.stream())
                .toList()) {
            arguments.add("--set");
            arguments.add(setting);
        }
        return Hornbeam.run(
                new PrintWriter(new StringWriter()), new PrintWriter(err), arguments.toArray(String[]::new));
    }

    private JsonNode summary(String out) throws IOException {
        return new JsonMapper()
                .readTree(folder.resolve(out).resolve("summary.json").toFile());
    }

    private byte[] weights(String out) throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve(out).resolve("checkpoints"))) {
            return Files.readAllBytes(files.sorted().reduce((a, b) -> b).orElseThrow());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "crop=inception",
                "crop={kind: inception, min_area: 0.5, interpolation: bicubic}",
                "rand_augment={operations: 2, level: 10}",
                "aug_mix={severity: 3}",
                "colour_jitter={brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1}",
                "erasing={probability: 0.5}",
                "erasing={probability: 1, fill: noise}",
                "mix_up.alpha=0.2",
                "cut_mix.alpha=1"
            })
    void everySettingTrains(String setting) throws IOException {
        assertEquals(0, train("run", List.of("data.augment." + setting)), err.toString());
        JsonNode results = summary("run").path("results");
        assertTrue(Double.isFinite(results.path("train_loss").asDouble(Double.NaN)), results.toString());
        // Hard labels are counted, mixed or not.
        double accuracy = results.path("train_accuracy").asDouble(Double.NaN);
        assertTrue(accuracy >= 0 && accuracy <= 1, results.toString());
    }

    @Test
    void aNetworkLearnsFromMixedImages() throws IOException {
        assertEquals(
                0,
                train(
                        "run",
                        List.of(
                                "epochs=10",
                                "data.augment.mix_up.alpha=0.2",
                                "data.augment.cut_mix.alpha=0.2",
                                "method.objective.label_smoothing=0.1")),
                err.toString());
        double accuracy = summary("run").path("results").path("test_accuracy").asDouble(0);
        assertTrue(accuracy > 0.9, "test accuracy " + accuracy);
    }

    @Test
    void workersAndAResumeChangeNoBit() throws IOException {
        List<String> all = List.of(
                "data.augment.crop=inception",
                "data.augment.rand_augment.operations=2",
                "data.augment.aug_mix.severity=2",
                "data.augment.erasing.probability=0.5",
                "data.augment.mix_up.alpha=0.3",
                "data.augment.cut_mix.alpha=1",
                "data.augment.mix_probability=0.8");
        assertEquals(
                0,
                train(
                        "one",
                        Stream.concat(all.stream(), Stream.of("checkpoint.keep=0"))
                                .toList()),
                err.toString());
        assertEquals(
                0,
                train(
                        "three",
                        Stream.concat(all.stream(), Stream.of("data.workers=3")).toList()),
                err.toString());
        byte[] whole = weights("one");
        // As if it had died in the second epoch.
        try (Stream<Path> files = Files.list(folder.resolve("one/checkpoints"))) {
            Files.delete(files.sorted().reduce((a, b) -> b).orElseThrow());
        }
        assertFalse(java.util.Arrays.equals(whole, weights("one")));
        assertEquals(
                0,
                Hornbeam.run(
                        new PrintWriter(new StringWriter()),
                        new PrintWriter(err),
                        "train",
                        "--resume",
                        "--out",
                        folder.resolve("one").toString()),
                err.toString());
        assertArrayEquals(whole, weights("one"));
    }

    @Test
    void contradictionsNameTheirKeys() {
        assertEquals(1, train("run", List.of("data.augment.crop=inception", "data.augment.pad=2")));
        assertTrue(
                err.toString().contains("data.augment.pad is 2 beside a random crop of another kind"), err.toString());
        assertEquals(1, train("run", List.of("data.augment.rand_augment.level=31")));
        assertTrue(err.toString().contains("data.augment.rand_augment.level"), err.toString());
        assertEquals(1, train("run", List.of("data.augment.erasing={min_area: 0.5, max_area: 0.2}")));
        assertTrue(err.toString().contains("data.augment.erasing.min_area is 0.5, above max_area 0.2"), err.toString());
    }
}
