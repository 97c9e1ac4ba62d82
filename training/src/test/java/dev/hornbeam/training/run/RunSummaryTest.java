package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunSummaryTest {
    private static final Instant STARTED = Instant.parse("2026-01-02T03:04:05.678Z");

    @TempDir
    Path folder;

    @Test
    void holdsResultsAndProvenance() throws IOException {
        Provenance provenance = Provenance.of(
                Recipes.load("quickstart/damp", Map.of("seed", "7")),
                List.of("train", "--seed", "7"),
                "cpu",
                "avx2",
                2,
                Map.of("images", "00ff"),
                STARTED,
                Duration.ofMillis(61_250));
        CorruptionErrors table = new CorruptionErrors(List.of(1, 2), Map.of("contrast", List.of(.25, .75)));
        RunResults results =
                new RunResults(.91, .25, Double.NaN, .125, 60, 1000, Optional.of(table), Map.of("label_precision", .5));
        Path file = folder.resolve("summary.json");
        new RunSummary("trial", results, provenance).write(file);

        JsonNode json = new JsonMapper().readTree(file.toFile());
        assertEquals("trial", json.at("/name").asText());
        assertEquals(.91, json.at("/results/test_accuracy").asDouble());
        assertTrue(json.at("/results/train_accuracy").isNull());
        assertEquals(.5, json.at("/results/mean_corruption_error").asDouble());
        assertEquals(.5, json.at("/results/label_precision").asDouble());
        assertEquals("[1,2]", json.at("/corruption_errors/severities").toString());
        assertEquals(
                "[0.25,0.75]", json.at("/corruption_errors/errors/contrast").toString());
        assertEquals(7, json.at("/provenance/seed").asLong());
        assertEquals("avx2", json.at("/provenance/tier").asText());
        assertEquals(2, json.at("/provenance/threads").asInt());
        assertEquals("00ff", json.at("/provenance/data_sha256/images").asText());
        assertEquals("2026-01-02T03:04:05Z", json.at("/provenance/started").asText());
        assertEquals(61.25, json.at("/provenance/seconds").asDouble());
        assertEquals(Version.CURRENT, json.at("/provenance/version").asText());
        assertFalse(json.at("/provenance/cpu").asText().isBlank());
        assertEquals(
                "[\"train\",\"--seed\",\"7\"]", json.at("/provenance/command").toString());
    }

    @Test
    void factsAreForReaders() {
        Provenance provenance = new Provenance(
                "1", Optional.of("abc"), List.of("train"), 3, "cpu", "scalar", 1, Map.of(), "C", "O", "J", STARTED, 2);
        assertEquals("abc", provenance.facts().get("Revision"));
        assertEquals("2.0 s", provenance.facts().get("Wall time"));
        assertEquals(
                List.of(
                        "Hornbeam",
                        "Revision",
                        "Command",
                        "Seed",
                        "Device",
                        "Instruction tier",
                        "Threads",
                        "Processor",
                        "System",
                        "Java",
                        "Started",
                        "Wall time"),
                List.copyOf(provenance.facts().keySet()));
    }
}
