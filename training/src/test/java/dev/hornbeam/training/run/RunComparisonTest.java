package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.evaluation.MeanInterval;
import dev.hornbeam.training.run.RunComparison.Measure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunComparisonTest {
    private static final double EXACT = 1e-9;

    @TempDir
    private Path folder;

    private final List<RunRecord> runs = new ArrayList<>();

    // SGD with seeds 1, 2, 3 and DAMP with 1, 2, 4.
    @BeforeEach
    void write() {
        double[] sgd = {.10, .12, .11};
        double[] damp = {.09, .10, .08};
        for (int i = 0; i < 3; i++) {
            add("sgd" + i, "quickstart/sgd", i + 1, sgd[i], .30 + .01 * i);
            add("damp" + i, "quickstart/damp", i < 2 ? i + 1 : 4, damp[i], .20 + .02 * i);
        }
    }

    private void add(String name, String recipe, long seed, double clean, double middle) {
        runs.add(RunRecord.read(
                WrittenRun.finished(folder.resolve(name), recipe, seed, clean, WrittenRun.errors(middle))));
    }

    private static Measure measure(RunComparison comparison, String name) {
        return comparison.measures().stream()
                .filter(measure -> measure.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void groupsBySettingsAndTakesMeansOverSeeds() {
        RunComparison comparison = RunComparison.of(runs, null);
        assertEquals(
                List.of("quickstart/sgd", "quickstart/damp"),
                comparison.groups().stream().map(RunComparison.Group::label).toList());
        assertEquals(List.of(1L, 2L, 4L), comparison.groups().get(1).seeds());
        Measure clean = measure(comparison, "clean error, %");
        assertEquals(11, clean.of(0).orElseThrow().mean(), EXACT);
        assertEquals(
                MeanInterval.of(9, 10, 8).halfWidth(), clean.of(1).orElseThrow().halfWidth(), EXACT);
        // Seeds 1 and 2 are common: 9 - 10 and 10 - 12.
        MeanInterval difference = clean.difference(1).orElseThrow();
        assertEquals(2, difference.count());
        assertEquals(-1.5, difference.mean(), EXACT);
        assertEquals(MeanInterval.of(-1, -2).halfWidth(), difference.halfWidth(), EXACT);
        // (middle + middle + .05) / 2
        assertEquals(
                31 + 2.5,
                measure(comparison, "mean corruption error, %")
                        .of(0)
                        .orElseThrow()
                        .mean(),
                EXACT);
        assertEquals(
                .26 * 100,
                measure(comparison, "mean at severity 1").of(0).orElseThrow().mean() - 2.5,
                EXACT);
    }

    @Test
    void relativeErrorsAreBesideTheSameSeedOrTheMean() {
        Measure mce = measure(RunComparison.of(runs, null), "mCE, %");
        assertEquals(100, mce.of(0).orElseThrow().mean(), EXACT);
        double seed1 = (.20 / .30 + .25 / .35) / 2;
        double seed4 = (.24 / .31 + .29 / .36) / 2;
        assertEquals(100 * seed1, 100 * mce.values().get(1).get(1L), EXACT);
        assertEquals(100 * seed4, 100 * mce.values().get(1).get(4L), EXACT);
    }

    @Test
    void anotherBaseline() {
        RunComparison comparison = RunComparison.of(runs, "quickstart/damp");
        assertEquals("quickstart/damp", comparison.groups().getFirst().label());
        assertEquals(
                1.5,
                measure(comparison, "clean error, %")
                        .difference(1)
                        .orElseThrow()
                        .mean(),
                EXACT);
        assertTrue(assertThrows(UserError.class, () -> RunComparison.of(runs, "sam"))
                .getMessage()
                .contains("quickstart/sgd, quickstart/damp"));
    }

    @Test
    void whatCannotBeCompared() {
        add("again", "quickstart/sgd", 2, .1, .3);
        assertTrue(assertThrows(UserError.class, () -> RunComparison.of(runs, null))
                .getMessage()
                .contains("seed 2"));
        WrittenRun.unfinished(folder.resolve("half"), "quickstart/sgd", 9, 1);
        List<RunRecord> half = List.of(RunRecord.read(folder.resolve("half")));
        assertTrue(assertThrows(UserError.class, () -> RunComparison.of(half, null))
                .getMessage()
                .contains("not finished"));
    }

    @Test
    void tables() throws IOException {
        ComparisonReport report = new ComparisonReport("A & B", RunComparison.of(runs, null));
        String markdown = report.toMarkdown();
        assertEquals("""
                | | quickstart/sgd, 3 seeds | quickstart/damp, 3 seeds | quickstart/damp − quickstart/sgd |
                |---|---:|---:|---:|
                | clean error, % | 11.00 ± 2.48 | 9.00 ± 2.48 | −1.50 ± 6.35 |
                """, markdown.lines().limit(3).map(line -> line + "\n").collect(Collectors.joining()));
        assertTrue(markdown.contains("2 corruptions (gaussian_noise, contrast), severities 1, 2"), markdown);
        JsonNode json = new JsonMapper().readTree(report.toJson());
        assertEquals(11, json.at("/groups/0/measures/clean error, %/mean").asDouble(), EXACT);
        assertEquals(10, json.at("/groups/0/measures/clean error, %/by_seed/1").asDouble(), EXACT);
        assertEquals(
                -1.5, json.at("/differences/0/measures/clean error, %/mean").asDouble(), EXACT);
        assertEquals("[1,2,4]", json.at("/groups/1/seeds").toString());
        String html = report.toHtml();
        assertTrue(html.contains("<h1>A &amp; B</h1>") && html.contains("11.00 ± 2.48"));
        assertFalse(html.contains("NaN") || html.contains("<script"));
    }

    @Test
    void summariesReadBackAsTheyWere() {
        for (RunRecord run : runs) {
            RunSummary summary = run.summary().orElseThrow();
            Path copy = folder.resolve("copy.json");
            summary.write(copy);
            assertEquals(summary, RunSummary.read(copy));
        }
    }
}
