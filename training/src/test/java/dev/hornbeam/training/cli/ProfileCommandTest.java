package dev.hornbeam.training.cli;

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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code --profile} and {@code info --verbose} print and write. */
final class ProfileCommandTest {
    private static final String BENCH = "bench train --model smallcnn28 --batch 4 --side 8 --threads 1 --seconds 0 ";

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private int threads;

    @BeforeEach
    void rememberThreads() {
        threads = Engine.threads();
    }

    @AfterEach
    void threadsAsBefore() {
        Engine.setThreads(threads);
    }

    @Test
    void benchPrintsTheTableAfterItsResult() {
        assertEquals(0, hornbeam(BENCH + "--profile --profile-steps 2"), err.toString());
        String text = out.toString();
        assertTrue(text.startsWith("smallcnn28, sgd, f32"), text);
        assertTrue(text.contains("profile of 2 steps: smallcnn28, sgd, f32, batches of 4 images of 8x8x1"), text);
        for (String row : List.of("convolution ", "outside the engine ", "forward ", "backward ", "optimizer ")) {
            assertTrue(text.lines().anyMatch(line -> line.startsWith(row)), row + "in " + text);
        }
        assertFalse(text.contains("of peak"), text);
        assertFalse(text.contains("timeline"), text);
        // One call of each pass of a layer, its multiplications from the shape: 4 images of 8x8.
        assertTrue(text.lines().anyMatch(line -> line.matches("conv2d +4x8x8x1 to \\d+, 3x3 .*")), text);
    }

    @Test
    void benchJsonHasTheProfile() throws IOException {
        Path file = folder.resolve("trace.json");
        assertEquals(0, hornbeam(BENCH + "--json --profile-steps 2 --peaks --profile=" + file), err.toString());
        JsonNode profile = new JsonMapper().readTree(out.toString()).path("profile");
        assertEquals(2, profile.path("steps").asInt());
        assertEquals(0, profile.path("lost").asInt());
        double step = profile.path("step_ms").asDouble();
        double engine = 0;
        for (JsonNode family : profile.path("families")) {
            engine += family.path("ms").asDouble();
        }
        assertEquals(step, engine + profile.path("outside_engine_ms").asDouble(), 1e-6 * step);
        double ops = 0;
        for (JsonNode op : profile.path("ops")) {
            ops += op.path("ms").asDouble();
        }
        assertEquals(engine, ops, 1e-6 * step);
        assertTrue(profile.at("/peaks/gigabytes").asDouble() > 0, profile.toString());
        assertTrue(new JsonMapper().readTree(file.toFile()).path("traceEvents").size() > 20);
    }

    @Test
    void trainProfilesWhileItTrains() throws IOException {
        Path data = SyntheticImages.write(folder.resolve("squares.npz"), 100, 40);
        Path run = folder.resolve("run");
        // 7 steps an epoch: the profiled ones are of two epochs, and the test between them is in none.
        assertEquals(
                0,
                run(
                        "train",
                        "--recipe",
                        "quickstart/sgd",
                        "--out",
                        run.toString(),
                        "--profile",
                        "--profile-steps",
                        "6",
                        "--set",
                        "data.name='" + data + "'",
                        "--set",
                        "data.batch=16",
                        "--set",
                        "model.width=4",
                        "--set",
                        "epochs=2",
                        "--set",
                        "evaluation.corruptions=none"),
                err.toString());
        String text = out.toString();
        assertTrue(text.contains("profile of 6 steps: "), text);
        assertTrue(text.lines().anyMatch(line -> line.startsWith("data ")), text);
        assertTrue(text.contains("timeline: " + run.resolve("trace.json")), text);
        assertTrue(text.contains("report: "), text);
        JsonNode trace = new JsonMapper().readTree(run.resolve("trace.json").toFile());
        List<String> steps = new ArrayList<>();
        List<String> phases = new ArrayList<>();
        trace.path("traceEvents").forEach(event -> {
            if (event.path("cat").asText().equals("step")) {
                steps.add(event.path("name").asText());
            } else if (event.path("cat").asText().equals("phase")) {
                phases.add(event.path("name").asText());
            }
        });
        assertEquals(List.of("step 4", "step 5", "step 6", "step 7", "step 8", "step 9"), steps);
        assertEquals(24, phases.size());
        assertEquals(List.of("data", "forward", "backward", "optimizer"), phases.subList(20, 24));
    }

    @Test
    void tooFewStepsAreSaidSo() throws IOException {
        Path data = SyntheticImages.write(folder.resolve("squares.npz"), 32, 40);
        assertEquals(
                0,
                run(
                        "train",
                        "--recipe",
                        "quickstart/sgd",
                        "--out",
                        folder.resolve("run").toString(),
                        "--json",
                        "--profile",
                        "--set",
                        "data.name='" + data + "'",
                        "--set",
                        "data.batch=16",
                        "--set",
                        "model.width=4",
                        "--set",
                        "epochs=1",
                        "--set",
                        "evaluation.corruptions=none"),
                err.toString());
        assertTrue(err.toString().contains("no profile: fewer than 4 steps"), err.toString());
        assertFalse(Files.exists(folder.resolve("run/trace.json")));
        // Standard output is JSON alone.
        assertTrue(new JsonMapper().readTree(out.toString()).isObject(), out.toString());
    }

    @Test
    void infoShowsTheAlgorithmsOfANetwork() throws IOException {
        Engine.setThreads(1);
        assertEquals(0, hornbeam("info --verbose --model resnet20 --batch 2 --json"), err.toString());
        JsonNode algorithms = new JsonMapper().readTree(out.toString()).path("algorithms");
        assertEquals("resnet20", algorithms.path("model").asText());
        assertEquals(2, algorithms.path("batch").asInt());
        JsonNode stem = algorithms.at("/layers/0");
        assertEquals("2x32x32x3 to 16, 3x3", stem.path("layer").asText());
        assertEquals(1, stem.path("times").asInt());
        assertEquals(2.0 * 2 * 1024 * 16 * 27, stem.path("operations").asDouble());
        assertTrue(stem.has("forward") && stem.has("weight") && !stem.has("data"), stem.toString());
        JsonNode first = algorithms.at("/layers/1");
        assertEquals("2x32x32x16 to 16, 3x3", first.path("layer").asText());
        assertEquals(6, first.path("times").asInt());
        boolean scalar = Engine.tier().equals("scalar");
        for (String pass : List.of("forward", "data", "weight")) {
            // The choice follows from the estimate.
            double estimate = first.path(pass).path("estimate").asDouble();
            assertEquals(
                    estimate > 1 ? "winograd f(4x4,3x3)" : "direct",
                    first.path(pass).path("algorithm").asText());
            assertEquals(!scalar, estimate > 0, first.toString());
        }
        JsonNode last = algorithms.path("layers").get(algorithms.path("layers").size() - 1);
        assertEquals("2x64 to 10", last.path("layer").asText());
        assertEquals("direct", last.at("/forward/algorithm").asText());
    }

    @Test
    void infoIsATableForPeople() {
        Engine.setThreads(1);
        assertEquals(0, hornbeam("info --verbose --model resnet20 --batch 1 --dtype bf16"), err.toString());
        assertTrue(out.toString().contains("resnet20, bf16, batches of 1 images of 32x32x3"), out.toString());
        assertTrue(
                out.toString()
                        .lines()
                        .anyMatch(line -> line.matches("1x32x32x16 to 32, 3x3 stride 2 +1 +direct +direct +direct")),
                out.toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                BENCH + "--profile-steps 3",
                BENCH + "--peaks",
                BENCH + "--profile --profile-steps 0",
                BENCH + "--profile --profile-steps x",
                "train --recipe quickstart/sgd --out none --peaks",
                "info --model resnet20",
                "info --batch 3",
                "info --dtype bf16",
                "info --verbose --dtype f31",
                "info --verbose --batch 0"
            })
    void wrongCommandLines(String line) {
        assertEquals(2, hornbeam(line));
        assertTrue(err.toString().startsWith("hornbeam: error: "), err.toString());
        assertEquals("", out.toString());
    }

    @Test
    void infoNamesNearNetworks() {
        assertEquals(1, hornbeam("info --verbose --model resnet21"));
        assertTrue(err.toString().contains("did you mean"), err.toString());
    }

    private int hornbeam(String line) {
        return run(line.strip().split(" "));
    }

    private int run(String... arguments) {
        return Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
    }
}
