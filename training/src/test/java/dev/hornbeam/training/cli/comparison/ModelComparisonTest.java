package dev.hornbeam.training.cli.comparison;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.hornbeam.training.run.Spread;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ModelComparisonTest {
    @TempDir
    Path folder;

    @Test
    void theRatioIsToTheFastestOfEachRound() throws IOException {
        ModelComparison comparison = compare(
                NetworkPair.of("resnet20"), 7, 7, List.of("10 20 40"), List.of("30 40 60", "40 30 80", "35 50 20"));
        // The fastest of the rounds: 30, 30, 20; over ours: 3, 1.5, 0.5.
        assertEquals(new Spread(1.5, 0.5, 3), comparison.ratio().orElseThrow());
        // By medians over the rounds 40, 40, 35 the third variant is the fastest.
        assertEquals(
                "peer 2", comparison.fastestPeer().orElseThrow().contestant().name());
        assertEquals(20, comparison.ours().millis().orElseThrow().median());
        assertEquals("", comparison.difference());
    }

    @Test
    void costsAreTakenWithinRounds() throws IOException {
        ModelComparison comparison =
                compare(NetworkPair.of("resnet20"), 7, 0, List.of("10 20 40", "11 30 40"), List.of());
        assertEquals(
                new Spread(1.1, 1, 1.5), comparison.cost(comparison.methods().getFirst()));
        assertTrue(comparison.ratio().isEmpty());
        assertTrue(comparison.fastestPeer().isEmpty());
    }

    @Test
    void geometricMeanIsOfMedians() throws IOException {
        ModelComparison twice = compare(NetworkPair.of("a"), 1, 1, List.of("10 10 10"), List.of("20 10 30"));
        ModelComparison eight = compare(NetworkPair.of("b"), 1, 1, List.of("1 1 1"), List.of("8 8 8"));
        ModelComparison without = compare(NetworkPair.of("c"), 1, 0, List.of("1 1 1"), List.of());
        assertEquals(
                4, ModelComparison.geometricMean(List.of(twice, eight, without)).orElseThrow(), 1e-12);
        assertTrue(ModelComparison.geometricMean(List.of(without)).isEmpty());
    }

    @Test
    void differencesAreSaid() throws IOException {
        ModelComparison form = compare(NetworkPair.of("preactresnet18"), 5, 5, List.of("1 1 1"), List.of("1 1 1"));
        assertEquals("preactresnet18_damp", form.pair().ours());
        assertTrue(form.difference().contains("shortcut"), form.difference());
        ModelComparison counts = compare(NetworkPair.of("net"), 5, 6, List.of("1 1 1"), List.of("1 1 1"));
        assertEquals("the peer's has 6 parameters, ours 5", counts.difference());
    }

    @Test
    void tablesHaveARowANetwork() throws IOException {
        List<ModelComparison> comparisons = List.of(compare(
                NetworkPair.of("net"), 1234, 1234, List.of("10 10 10", "11 12 10"), List.of("20 25 30", "40 40 40")));
        List<String> speed = ComparisonTables.speed(comparisons).lines().toList();
        assertEquals(
                speed.get(0).chars().filter(c -> c == '|').count(),
                speed.get(2).chars().filter(c -> c == '|').count(),
                speed.toString());
        assertTrue(
                speed.get(2)
                        .startsWith("| net | 8 | 1,234 | 10.00 (10.00–10.00) | 800 | 25.00 (20.00–30.00) | 320 |"
                                + " `peer 0` | 2.50 (2.00–3.00) | "),
                speed.get(2));
        assertTrue(speed.contains("Geometric mean of the medians of the ratios: **2.50**"), speed.toString());
        List<String> variants = ComparisonTables.variants(comparisons).lines().toList();
        assertTrue(variants.get(0).contains("`peer 1` ms"), variants.toString());
        assertTrue(variants.get(2).contains("40.00 (40.00–40.00)"), variants.toString());
        List<String> methods = ComparisonTables.methods(comparisons).lines().toList();
        assertTrue(
                methods.get(3).startsWith("| net | 8 | ours 1 | 11.00 (10.00–12.00) | 727 | 1.100 (1.000–1.200) | "),
                methods.toString());
        assertTrue(ComparisonTables.peer(comparisons).startsWith("Peer: fake 1.0, with the allocator of the system"));
    }

    @Test
    void aVariantThatFailedIsNamed() throws IOException {
        Rounds.Result measured = Rounds.run(
                List.of(FakeProgram.of(folder, "us", 8, "1 1")),
                List.of(FakeProgram.shell("--compile", "exit 9"), FakeProgram.of(folder, "eager", 8, "3 3")),
                2,
                Duration.ofMinutes(1),
                _ -> {});
        List<ModelComparison> comparisons = List.of(new ModelComparison(NetworkPair.of("net"), 1, 1, measured));
        String speed = ComparisonTables.speed(comparisons);
        assertTrue(
                speed.contains("- net, `--compile`: --compile ended with exit code 9; not counted after 0 rounds"),
                speed);
        assertTrue(speed.contains("`eager` | 3.00 (3.00–3.00)"), speed);
        assertTrue(ComparisonTables.variants(comparisons).contains("failed"));
        assertEquals(
                "--compile ended with exit code 9",
                comparisons.getFirst().toJson().at("/peer/0/failure").asText());
    }

    @Test
    void jsonHasEveryRound() throws IOException {
        JsonNode json = compare(NetworkPair.of("net"), 5, 6, List.of("10 20 30"), List.of("20 30 40"))
                .toJson();
        assertEquals(5, json.at("/parameters/ours").asLong());
        assertEquals(6, json.at("/parameters/peer").asLong());
        assertEquals(1.5, json.at("/ratio/median").asDouble());
        assertEquals(3, json.at("/hornbeam/rounds").size());
        assertEquals(30, json.at("/peer/0/rounds/1/result/step_ms/median").asDouble());
        assertEquals("peer 0", json.path("fastest").asText());
    }

    private ModelComparison compare(
            NetworkPair pair, long parameters, long theirs, List<String> ours, List<String> peers) throws IOException {
        List<Contestant> our = new ArrayList<>();
        for (int i = 0; i < ours.size(); i++) {
            our.add(FakeProgram.of(folder, "ours " + i, 8, ours.get(i)));
        }
        List<Contestant> their = new ArrayList<>();
        for (int i = 0; i < peers.size(); i++) {
            their.add(FakeProgram.of(folder, "peer " + i, 8, peers.get(i)));
        }
        return new ModelComparison(pair, parameters, theirs, Rounds.run(our, their, 3, Duration.ofMinutes(1), _ -> {}));
    }
}
