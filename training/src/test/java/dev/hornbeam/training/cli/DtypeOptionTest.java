package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.SyntheticImages;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --dtype} of every command that has it. */
final class DtypeOptionTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @AfterEach
    void allThreads() {
        Engine.setThreads(0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "train --recipe quickstart/sgd --out OUT",
                "evaluate --checkpoint C",
                "predict --checkpoint C --input I --output O",
                "bench train --model smallcnn28",
                "models show smallcnn28",
                "models list"
            })
    void otherTypesAreTheCommandLinesFault(String command) {
        assertEquals(
                2, hornbeam((command.replace("OUT", folder.resolve("run").toString()) + " --dtype bf61").split(" ")));
        assertTrue(
                err.toString().startsWith("hornbeam: error: Invalid value for option '--dtype': expected one of"),
                err.toString());
        assertTrue(err.toString().contains("bf61"), err.toString());
        assertEquals("", out.toString());
        assertFalse(Files.exists(folder.resolve("run")));
    }

    @Test
    void aRecipeSaysWhatItTakes() {
        assertEquals(
                1,
                hornbeam(
                        "train",
                        "--recipe",
                        "quickstart/sgd",
                        "--out",
                        folder.resolve("run").toString(),
                        "--set",
                        "dtype=bf61"));
        assertEquals(
                "hornbeam: error: --set dtype=bf61: dtype is 'bf61'; expected one of f32, bf16; did you mean bf16?"
                        + System.lineSeparator(),
                err.toString());
    }

    @Test
    void memoryIsShownByType() throws IOException {
        JsonNode f32 = json("models", "show", "resnet20", "--batch", "16", "--json");
        JsonNode bf16 = json("models", "show", "resnet20", "--batch", "16", "--dtype", "bf16", "--json");
        assertEquals("f32", f32.path("dtype").asText());
        assertEquals("bf16", bf16.path("dtype").asText());
        assertEquals(
                0.5,
                bf16.path("activation_bytes").asDouble()
                        / f32.path("activation_bytes").asDouble(),
                0.02);
    }

    @Test
    void benchmarksTrainInIt() throws IOException {
        JsonNode json =
                json("bench train --model smallcnn28 --batch 4 --side 8 --threads 1 --seconds 0.05 --json --dtype bf16"
                        .split(" "));
        assertEquals("bf16", json.path("dtype").asText());
        assertTrue(json.at("/loss/last").asDouble() < json.at("/loss/first").asDouble(), json.toString());
        assertEquals(
                0,
                hornbeam("bench train --model smallcnn28 --batch 4 --side 8 --threads 1 --seconds 0 --dtype BF16"
                        .split(" ")));
        assertTrue(out.toString().startsWith("smallcnn28, sgd, bf16, batches of 4"), out.toString());
    }

    @Test
    void infoSaysHowTheTierComputesInBf16() throws IOException {
        String how = json("info", "--json").path("bf16").asText();
        assertTrue(List.of("widened", "avx512_bf16", "amx").contains(how), how);
    }

    @Test
    void trainsAndUsesWhatItTrained() throws IOException {
        Path data = SyntheticImages.write(folder.resolve("squares.npz"), 100, 40);
        Path run = folder.resolve("run");
        String[] train = {
            "train",
            "--recipe",
            "quickstart/sgd",
            "--out",
            run.toString(),
            "--dtype",
            "bf16",
            "--json",
            "--threads",
            "1",
            "--set",
            "data.name='" + data + "'",
            "--set",
            "data.batch=16",
            "--set",
            "model.width=4",
            "--set",
            "epochs=4",
            "--set",
            "evaluation.corruptions=none",
            "--set",
            "data.augment.flip=false",
            "--set",
            "data.augment.pad=1"
        };
        JsonNode summary = json(train);
        Path checkpoint;
        try (Stream<Path> files = Files.list(run.resolve("checkpoints"))) {
            checkpoint = files.sorted().reduce((a, b) -> b).orElseThrow();
        }
        assertEquals(Precision.BF16, Checkpoint.read(checkpoint).dtype());

        // The checkpoint's own type by default: the run's numbers to the last digit.
        String[] evaluate = {"evaluate", "--checkpoint", checkpoint.toString(), "--json", "--threads", "1"};
        JsonNode own = json(evaluate);
        JsonNode bf16 = json(with(evaluate, "--dtype", "bf16"));
        JsonNode f32 = json(with(evaluate, "--dtype", "f32"));
        assertEquals("bf16", own.path("dtype").asText());
        assertEquals("f32", f32.path("dtype").asText());
        assertEquals(bf16.path("loss").asDouble(), own.path("loss").asDouble());
        assertEquals(
                summary.path("results").path("test_loss").asDouble(),
                own.path("loss").asDouble(),
                1e-12 * own.path("loss").asDouble(),
                summary.toString());
        assertNotEquals(own.path("loss").asDouble(), f32.path("loss").asDouble());
        assertEquals(own.path("loss").asDouble(), f32.path("loss").asDouble(), 0.03);

        // A run does not change its type on the way.
        assertEquals(1, hornbeam("train", "--resume", "--out", run.toString(), "--dtype", "f32"));
        assertTrue(err.toString().contains("--dtype"), err.toString());
    }

    private static String[] with(String[] args, String... more) {
        return Stream.concat(Arrays.stream(args), Arrays.stream(more)).toArray(String[]::new);
    }

    private JsonNode json(String... args) throws IOException {
        out.getBuffer().setLength(0);
        assertEquals(0, hornbeam(args), err.toString());
        JsonNode json = new JsonMapper().readTree(out.toString());
        out.getBuffer().setLength(0);
        return json;
    }

    private int hornbeam(String... args) {
        return Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }
}
