package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.models.inspect.NetworkInspection;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.Throughput;
import dev.hornbeam.training.run.Version;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class BenchCommandTest {
    private static final String TINY = "bench train --model smallcnn28 --batch 4 --side 8 --threads 1 --seconds ";

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
    void clear() {
        Engine.setThreads(threads);
        System.clearProperty(BenchOpsCommand.PROPERTY);
        System.clearProperty(BenchOpsCommand.HOME);
    }

    @ParameterizedTest
    @CsvSource({"sgd,1", "damp,3", "daap,4", "sam,1", "asam,1"})
    void jsonHasWhatThePeerHasAndMore(String method, int subBatches) throws IOException {
        long live = Engine.memory().liveTensors();
        assertEquals(
                0,
                hornbeam(TINY + "0.05 --json --method " + method
                        + (method.startsWith("da") ? " --sub-batches " + subBatches : "")),
                err.toString());
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertEquals(
                Set.of(
                        "engine",
                        "model",
                        "parameters",
                        "dtype",
                        "method",
                        "sub_batches",
                        "threads",
                        "tier",
                        "device",
                        "batch",
                        "side",
                        "channels",
                        "classes",
                        "activation_checkpointing",
                        "exact",
                        "steps",
                        "step_ms",
                        "images_per_second",
                        "loss",
                        "memory_peak_bytes",
                        "system_calls"),
                names(json));
        assertEquals("hornbeam " + Version.CURRENT, json.path("engine").asText());
        assertEquals("smallcnn28", json.path("model").asText());
        assertEquals(131_178, json.path("parameters").asLong());
        assertEquals("f32", json.path("dtype").asText());
        assertEquals(method, json.path("method").asText());
        assertEquals(subBatches, json.path("sub_batches").asInt());
        assertEquals(1, json.path("threads").asInt());
        assertEquals(4, json.path("batch").asInt());
        assertEquals(1, json.path("channels").asInt());
        assertTrue(json.path("steps").asInt() >= Throughput.LEAST_STEPS);
        double median = json.at("/step_ms/median").asDouble();
        assertTrue(0 < json.at("/step_ms/min").asDouble()
                && json.at("/step_ms/min").asDouble() <= median);
        assertTrue(median <= json.at("/step_ms/max").asDouble());
        assertEquals(4000 / median, json.path("images_per_second").asDouble(), 1e-6 * 4000 / median);
        // Parameters alone are 131,178 floats, and each has a momentum.
        assertTrue(json.path("memory_peak_bytes").asLong() > 2 * 4 * 131_178, out.toString());
        assertEquals(live, Engine.memory().liveTensors());
    }

    @Test
    void stepsTrainAndAskForNoMemory() throws IOException {
        assertEquals(0, hornbeam(TINY + "0.3 --json"));
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertTrue(json.at("/loss/last").asDouble() < json.at("/loss/first").asDouble(), out.toString());
        assertEquals(0, json.path("system_calls").asInt());
    }

    @Test
    void textIsForPeople() {
        assertEquals(0, hornbeam(TINY + "0"));
        assertTrue(
                out.toString().startsWith("smallcnn28, sgd, f32, batches of 4 images of 8x8x1, 10 classes"),
                out.toString());
        assertTrue(out.toString().contains("images/s    "), out.toString());
        assertTrue(out.toString().contains("tier " + Engine.tier() + ", 1 threads"), out.toString());
    }

    @Test
    void inferenceIsMeasured() throws IOException {
        long live = Engine.memory().liveTensors();
        assertEquals(0, hornbeam(TINY.replace("bench train", "bench infer") + "0.05 --json"), err.toString());
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertEquals("smallcnn28", json.path("model").asText());
        assertEquals(131_178, json.path("parameters").asLong());
        assertEquals(4, json.path("batch").asInt());
        double median = json.at("/step_ms/median").asDouble();
        assertEquals(4000 / median, json.path("images_per_second").asDouble(), 1e-6 * 4000 / median);
        // Parameters, without gradients and momenta.
        long peak = json.path("memory_peak_bytes").asLong();
        assertTrue(peak > 4 * 131_178 && peak < 2 * 4 * 131_178, out.toString());
        assertEquals(0, json.path("system_calls").asInt());
        assertEquals(live, Engine.memory().liveTensors());
        out.getBuffer().setLength(0);
        assertEquals(0, hornbeam(TINY.replace("bench train", "bench infer") + "0"));
        assertTrue(
                out.toString().startsWith("smallcnn28, inference, f32, batches of 4 images of 8x8x1, 10 classes"),
                out.toString());
    }

    @Test
    void rooflineAddsUp() throws IOException {
        Path file = folder.resolve("roofline.json");
        assertEquals(0, hornbeam(TINY.replace("bench train", "bench roofline") + "0 --json " + file), err.toString());
        JsonNode json = new JsonMapper().readTree(file.toFile());
        double gigaflops = 0;
        double millis = 0;
        for (JsonNode row : json.path("rows")) {
            gigaflops += row.path("gflop").asDouble();
            millis += row.path("ms").asDouble();
        }
        assertEquals(
                json.path("step_ms").asDouble(),
                millis + json.path("outside_ms").asDouble(),
                1e-6);
        // Every multiply-add of the forward pass is two operations, and there are as many for either gradient but the
        // image's.
        double forward = 2e-9
                * 4
                * NetworkInspection.of(
                                () -> ModelCatalog.create(
                                        "smallcnn28", ModelSpec.of(1, 10).withSide(8), 0),
                                List.of(8L, 8L, 1L),
                                4)
                        .multiplyAdds();
        assertTrue(gigaflops > 2 * forward && gigaflops <= 3 * forward, gigaflops + " of " + forward);
        assertTrue(out.toString().contains("| **step** |"), out.toString());
    }

    @Test
    void aGpuIsPredictedWithoutOne() throws IOException {
        long live = Engine.memory().liveTensors();
        Path file = folder.resolve("predicted.json");
        assertEquals(0, hornbeam("bench predict --model resnet20 --batch 128 --layers --json " + file), err.toString());
        JsonNode json = new JsonMapper().readTree(file.toFile());
        assertTrue(json.path("predicted").asBoolean());
        assertEquals("tf32x3", json.path("arithmetic").asText());
        double bound = 0;
        double predicted = 0;
        double gigaflops = 0;
        for (JsonNode row : json.path("rows")) {
            bound += row.path("bound_us").asDouble() * 1e-3;
            predicted += row.path("predicted_us").asDouble() * 1e-3;
            gigaflops += row.path("gflop").asDouble();
            assertTrue(
                    row.path("predicted_us").asDouble() > row.path("bound_us").asDouble(), row.toString());
        }
        assertEquals(json.path("bound_ms").asDouble(), bound, 1e-9);
        assertEquals(json.path("predicted_ms").asDouble(), predicted, 1e-9);
        double forward = 2e-9
                * 128
                * NetworkInspection.of(
                                () -> ModelCatalog.create("resnet20", ModelSpec.of(3, 10), 0), List.of(32L, 32L, 3L), 4)
                        .multiplyAdds();
        assertTrue(gigaflops > 2 * forward && gigaflops <= 3 * forward, gigaflops + " of " + forward);
        assertTrue(out.toString().contains("**predicted, not measured**"), out.toString());
        // All that a step does after the first one: no optimizer's state is made.
        assertEquals(
                1,
                json.path("rows")
                        .valueStream()
                        .filter(row -> row.path("op").asText().equals("sgd_step"))
                        .count());
        assertEquals(live, Engine.memory().liveTensors());
    }

    @Test
    void bf16IsPredictedToBeFaster() throws IOException {
        Path file = folder.resolve("predicted.json");
        double[] millis = new double[2];
        for (String dtype : List.of("f32", "bf16")) {
            assertEquals(
                    0,
                    hornbeam("bench predict --model smallcnn28 --dtype " + dtype + " --json " + file),
                    err.toString());
            millis[dtype.equals("bf16") ? 1 : 0] = new JsonMapper()
                    .readTree(file.toFile())
                    .path("predicted_ms")
                    .asDouble();
        }
        assertTrue(millis[1] < millis[0], millis[1] + " against " + millis[0]);
    }

    @Test
    void comparisonRunsBoth() throws IOException {
        Files.createDirectories(folder.resolve("bench/peer"));
        Files.createFile(folder.resolve("bench/peer/inference.py"));
        Path peer = Files.createFile(folder.resolve("peer.py"));
        System.setProperty(BenchOpsCommand.HOME, folder.toString());
        Path python = script("python", """
                case "$*" in
                *--describe*) echo '{"smallcnn28": {"parameters": 131178, "batch": 4, "side": 8, "classes": 10}}';;
                *--compile*) exit 5;;
                *) echo '{"peer": "fake 1", "batch": 4, "step_ms": {"median": 1000}}';;
                esac
                """);
        Path file = folder.resolve("comparison.json");
        assertEquals(
                0,
                hornbeam(
                        "bench compare --model smallcnn28 --rounds 1 --seconds 0 --threads 1 --method sam --plain-malloc"
                                + " --peer " + peer + " --python " + python + " --json " + file),
                err.toString());
        JsonNode model = new JsonMapper().readTree(file.toFile()).at("/models/0");
        double ours = model.at("/hornbeam/step_ms/median").asDouble();
        assertTrue(ours > 0, model.toString());
        assertEquals(1000 / ours, model.at("/ratio/median").asDouble(), 1e-6 * 1000 / ours);
        assertEquals("--layout nhwc --fused", model.path("fastest").asText());
        assertTrue(model.at("/peer/1/failure").asText().endsWith("ended with exit code 5"), model.toString());
        assertTrue(model.at("/hornbeam/resident_peak_bytes").asLong() > 0, model.toString());
        assertTrue(model.at("/methods/0/cost/median").asDouble() > 0, model.toString());
        assertTrue(out.toString().contains("| smallcnn28 | 4 | 131,178 | "), out.toString());
        assertTrue(out.toString().contains("| smallcnn28 | 4 | sam | "), out.toString());
    }

    @Test
    void aPeerWithoutTheNetworkIsRefused() throws IOException {
        Files.createDirectories(folder.resolve("bench/peer"));
        Files.createFile(folder.resolve("bench/peer/inference.py"));
        Path peer = Files.createFile(folder.resolve("peer.py"));
        System.setProperty(BenchOpsCommand.HOME, folder.toString());
        Path python = script("python", "echo '{}'");
        assertEquals(1, hornbeam("bench compare --model smallcnn28 --peer " + peer + " --python " + python));
        assertTrue(err.toString().contains("has no such network"), err.toString());
        err.getBuffer().setLength(0);
        assertEquals(1, hornbeam("bench compare --model smallcnn28 --peer " + folder.resolve("none.py")));
        assertTrue(err.toString().contains("there is no such file"), err.toString());
    }

    @Test
    void unknownModel() {
        assertEquals(1, hornbeam("bench train --model smalcnn28 --seconds 0"));
        assertTrue(
                err.toString().startsWith("hornbeam: error: there is no model \"smalcnn28\"; did you mean smallcnn28"),
                err.toString());
    }

    @Test
    void imagesTooSmallForTheNetwork() {
        assertEquals(2, hornbeam("bench train --model smallcnn28 --side 3"));
        assertTrue(err.toString().startsWith("hornbeam: error: --side is 3; expected 4 to 4096"), err.toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bench",
                "bench trian",
                "bench train",
                "bench train --model smallcnn28 --batch 0",
                "bench train --model smallcnn28 --batch x",
                "bench train --model smallcnn28 --seconds -1",
                "bench train --model smallcnn28 --seconds NaN",
                "bench train --model smallcnn28 --threads 2000",
                "bench train --model smallcnn28 --dtype f31",
                "bench train --model smallcnn28 --method adam",
                "bench train --model smallcnn28 --batch 4 --method damp --sub-batches 5",
                "bench ops --tier sse",
                "bench infer",
                "bench infer --model smallcnn28 --batch 0",
                "bench roofline --model smallcnn28 --threads -1",
                "bench predict",
                "bench predict --model smallcnn28 --batch 0",
                "bench predict --model smallcnn28 --side 2",
                "bench predict --model smallcnn28 --gpu abacus",
                "bench predict --model smallcnn28 --f32 half",
                "bench compare --peer x.py",
                "bench compare --model smallcnn28",
                "bench compare --model smallcnn28 --method sgd",
                "bench compare --model smallcnn28 --method sam --work infer",
                "bench compare --model smallcnn28 --method sam --rounds 0",
                "bench compare --model smallcnn28 --method sam --batch 0",
                "bench compare --model smallcnn28 --method sam --seconds -1",
                "bench compare --model smallcnn28 --method sam --limit 0",
                "bench compare --model smallcnn28 --method sam --batch 4 --peer x.py",
                "bench compare --suite nets --method sam"
            })
    void wrongCommandLines(String line) {
        assertEquals(2, hornbeam(line));
        assertTrue(err.toString().startsWith("hornbeam: error: "), err.toString());
        assertEquals("", out.toString());
    }

    @Test
    void opTableIsRun() throws IOException {
        useProgram("echo \"$@\"; echo trouble >&2; echo \"tier ${HORNBEAM_TIER:-auto}\"; exit 3");
        assertEquals(3, hornbeam("bench ops --op conv2d --network resnet18 --dtype bf16 --tier scalar --json"));
        assertEquals("perf --op conv2d --network resnet18 --type bf16 --json\ntier scalar\n", out.toString());
        assertEquals("trouble\n", err.toString());
    }

    @Test
    void opTableHasTheBestTierUnlessToldOtherwise() throws IOException {
        useProgram("echo \"$# ${HORNBEAM_TIER:-auto}\"");
        assertEquals(0, hornbeam("bench ops"));
        String tier = System.getenv().getOrDefault("HORNBEAM_TIER", "auto");
        assertEquals("1 " + tier + "\n", out.toString());
    }

    @Test
    void unknownOp() throws IOException {
        useProgram("echo never");
        assertEquals(1, hornbeam("bench ops --op conv2"));
        assertEquals("hornbeam: error: --op conv2: the engine has no such op; did you mean conv2d?\n", err.toString());
        assertEquals("", out.toString());
    }

    @Test
    void missingOpTableTellsHowToBuildIt() throws IOException {
        System.setProperty(BenchOpsCommand.HOME, folder.toString());
        assertEquals(1, hornbeam("bench ops"));
        assertTrue(err.toString().contains("use ./hornbeam of a checkout"), err.toString());
        err.getBuffer().setLength(0);
        Files.createDirectory(folder.resolve("native"));
        Files.createFile(folder.resolve("native/CMakeLists.txt"));
        assertEquals(1, hornbeam("bench ops"));
        assertTrue(
                err.toString()
                        .contains("cmake --build " + folder.resolve("native/target/cmake") + " --target op_table"),
                err.toString());
    }

    @Test
    void wrongPathOfTheOpTable() {
        System.setProperty(BenchOpsCommand.PROPERTY, folder.resolve("none").toString());
        assertEquals(1, hornbeam("bench ops"));
        assertTrue(err.toString().contains(BenchOpsCommand.PROPERTY + " is " + folder.resolve("none")), err.toString());
    }

    private void useProgram(String script) throws IOException {
        System.setProperty(BenchOpsCommand.PROPERTY, script("table", script).toString());
    }

    private Path script(String name, String script) throws IOException {
        Path program = Files.createFile(
                folder.resolve(name),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        return Files.writeString(program, "#!/bin/sh\n" + script + "\n");
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new HashSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private int hornbeam(String line) {
        return Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), line.split(" "));
    }
}
