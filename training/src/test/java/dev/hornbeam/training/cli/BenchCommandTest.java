package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
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
    @CsvSource({"sgd,1", "damp,3", "daap,4"})
    void jsonHasWhatThePeerHasAndMore(String method, int subBatches) throws IOException {
        long live = Engine.memory().liveTensors();
        assertEquals(
                0, hornbeam(TINY + "0.05 --json --method " + method + " --sub-batches " + subBatches), err.toString());
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertEquals(
                Set.of(
                        "engine",
                        "model",
                        "dtype",
                        "method",
                        "sub_batches",
                        "threads",
                        "tier",
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
        // Parameters alone are 140,458 floats, and each has a momentum.
        assertTrue(json.path("memory_peak_bytes").asLong() > 2 * 4 * 140_458, out.toString());
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
    void unknownModel() {
        assertEquals(1, hornbeam("bench train --model smalcnn28 --seconds 0"));
        assertTrue(
                err.toString().startsWith("hornbeam: error: there is no model \"smalcnn28\"; did you mean smallcnn28"),
                err.toString());
    }

    @Test
    void bf16IsNotThereYet() {
        assertEquals(1, hornbeam("bench train --model smallcnn28 --dtype bf16"));
        assertTrue(err.toString().startsWith("hornbeam: error: --dtype bf16: "), err.toString());
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
                "bench ops --tier sse"
            })
    void wrongCommandLines(String line) {
        assertEquals(2, hornbeam(line));
        assertTrue(err.toString().startsWith("hornbeam: error: "), err.toString());
        assertEquals("", out.toString());
    }

    @Test
    void opTableIsRun() throws IOException {
        useProgram("echo \"$@\"; echo trouble >&2; echo \"tier ${HORNBEAM_TIER:-auto}\"; exit 3");
        assertEquals(3, hornbeam("bench ops --op conv2d --tier scalar --json"));
        assertEquals("perf --op conv2d --json\ntier scalar\n", out.toString());
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
        Path program = Files.createFile(
                folder.resolve("table"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        Files.writeString(program, "#!/bin/sh\n" + script + "\n");
        System.setProperty(BenchOpsCommand.PROPERTY, program.toString());
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
