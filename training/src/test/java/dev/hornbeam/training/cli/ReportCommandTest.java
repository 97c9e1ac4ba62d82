package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.training.run.WrittenRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code hornbeam report}, {@code report compare} and {@code runs}. */
final class ReportCommandTest {
    @TempDir
    private Path folder;

    private record Result(int exitCode, String out, String err) {}

    private static Result run(Object... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] words = java.util.Arrays.stream(args).map(Object::toString).toArray(String[]::new);
        int exitCode = Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), words);
        return new Result(exitCode, out.toString(), err.toString());
    }

    @BeforeEach
    void write() {
        for (int seed = 1; seed <= 2; seed++) {
            WrittenRun.finished(folder.resolve("s/sgd" + seed), "quickstart/sgd", seed, .1, WrittenRun.errors(.3));
            WrittenRun.finished(
                    folder.resolve("s/damp" + seed), "quickstart/damp", seed, .1 + .01 * seed, WrittenRun.errors(.2));
        }
        WrittenRun.unfinished(folder.resolve("half"), "quickstart/damp", 7, 2);
    }

    @Test
    void writesAReportAnew() throws IOException {
        Path one = folder.resolve("s/sgd1");
        Result result = run("report", one);
        assertEquals(0, result.exitCode, result.err);
        String html = Files.readString(one.resolve("report.html"));
        assertTrue(html.contains("<h1>quickstart/sgd</h1>") && html.contains("Learning curves"));
        assertTrue(html.contains("Accuracy by confidence") && html.contains("9 Ankle boot"));

        Path both = folder.resolve("both.html");
        assertEquals(0, run("report", one, folder.resolve("s/damp1"), "--out", both).exitCode);
        assertTrue(Files.readString(both).contains("quickstart/damp − quickstart/sgd, points"));

        assertEquals(2, run("report").exitCode);
        assertEquals(2, run("report", one, folder.resolve("s/damp1")).exitCode);
        Result half = run("report", folder.resolve("half"));
        assertEquals(1, half.exitCode);
        assertTrue(half.err.contains("not finished"), half.err);
    }

    @Test
    void comparesAllThatLieInAFolder() throws IOException {
        Path page = folder.resolve("c.html");
        Result result = run("report", "compare", folder.resolve("s"), "--baseline", "quickstart/sgd", "--html", page);
        assertEquals(0, result.exitCode, result.err);
        assertTrue(result.out.startsWith("| | quickstart/sgd, 2 seeds | quickstart/damp, 2 seeds |"), result.out);
        assertTrue(Files.readString(page).contains("seed 2: " + folder.resolve("s/sgd2")));
        JsonNode json = new JsonMapper().readTree(run("report", "compare", folder.resolve("s"), "--json").out);
        assertEquals(2, json.path("groups").size());
        Result none = run("report", "compare", Files.createDirectories(folder.resolve("empty")));
        assertEquals(1, none.exitCode);
        assertTrue(none.err.contains("there is no run in"), none.err);
    }

    @Test
    void listsRuns() throws IOException {
        Result result = run("runs", folder);
        assertEquals(0, result.exitCode, result.err);
        List<String> lines = result.out.lines().toList();
        assertEquals(6, lines.size());
        assertTrue(lines.get(0).startsWith("run "), lines.get(0));
        assertTrue(lines.get(1).contains("/half") && lines.get(1).contains("2/3"), lines.get(1));
        assertTrue(lines.get(1).endsWith("stopped"), lines.get(1));
        assertTrue(lines.get(2).contains("89.00") && lines.get(2).contains("22.50"), lines.get(2));
        assertTrue(lines.get(2).endsWith("finished"), lines.get(2));

        JsonNode json = new JsonMapper()
                .readTree(run("runs", folder, "--sort=-accuracy", "--filter", "method=sgd", "--json").out);
        assertEquals(2, json.size());
        assertEquals("sgd", json.at("/0/method").asText());
        assertEquals(.325, json.at("/0/mean_corruption_error").asDouble(), 1e-12);
        assertEquals("finished", json.at("/0/state").asText());
        assertTrue(run("runs", folder, "--filter", "seed=99").out.contains("no runs"));

        Result sort = run("runs", folder, "--sort", "acuracy");
        assertEquals(1, sort.exitCode);
        assertTrue(sort.err.contains("accuracy"), sort.err);
        assertEquals(1, run("runs", folder, "--filter", "colour=red").exitCode);
        assertEquals(1, run("runs", folder.resolve("none")).exitCode);
    }

    @Test
    void aRunThatIsLockedIsRunning() throws IOException {
        Path half = folder.resolve("half");
        try (FileChannel channel = FileChannel.open(
                        half.resolve("run.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            assertTrue(lock.isValid());
            assertTrue(run("runs", half).out.contains("running"));
        }
        assertTrue(run("runs", half).out.contains("stopped"));
    }

    @Test
    void aDamagedRunDoesNotHideTheOthers() throws IOException {
        Files.writeString(folder.resolve("s/sgd1/summary.json"), "{");
        Result result = run("runs", folder);
        assertEquals(0, result.exitCode);
        assertEquals(5, result.out.lines().count());
        assertTrue(
                result.err.contains("sgd1/summary.json") && result.err.lines().count() == 1, result.err);
        Files.writeString(folder.resolve("s/sgd1/summary.json"), "{}");
        Result compare = run("report", folder.resolve("s/sgd1"));
        assertEquals(1, compare.exitCode);
        assertFalse(compare.err.contains("internal"), compare.err);
    }
}
