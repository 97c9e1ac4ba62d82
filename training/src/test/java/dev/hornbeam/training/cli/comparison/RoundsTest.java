package dev.hornbeam.training.cli.comparison;

import static dev.hornbeam.training.cli.comparison.FakeProgram.shell;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RoundsTest {
    private static final Duration LIMIT = Duration.ofMinutes(1);

    @TempDir
    Path folder;

    @Test
    void eachRunsOnceARoundAndTheOrderRotates() throws IOException {
        List<String> log = new ArrayList<>();
        Rounds.run(
                List.of(program("us", "1 1 1")),
                List.of(program("a", "2 2 2"), program("b", "3 3 3"), program("c", "4 4 4")),
                3,
                LIMIT,
                log::add);
        assertEquals(
                List.of("a", "us", "b", "c", "b", "c", "us", "a", "c", "us", "a", "b"),
                Files.readAllLines(folder.resolve(FakeProgram.ORDER)));
        assertEquals("round 1: a 2.00 ms", log.getFirst());
        assertEquals(12, log.size());
    }

    @Test
    void twoProgramsAreFirstInTurn() {
        assertEquals(List.of("us", "peer"), Rounds.order(List.of("us"), List.of("peer"), 0));
        assertEquals(List.of("peer", "us"), Rounds.order(List.of("us"), List.of("peer"), 1));
        assertEquals(List.of("us", "peer"), Rounds.order(List.of("us"), List.of("peer"), 2));
    }

    @Test
    void oursAloneRotateToo() {
        assertEquals(List.of("sgd", "damp", "sam"), Rounds.order(List.of("sgd", "damp", "sam"), List.of(), 0));
        assertEquals(List.of("damp", "sam", "sgd"), Rounds.order(List.of("sgd", "damp", "sam"), List.of(), 1));
    }

    @Test
    void aPeerThatFailsIsLeftOut() throws IOException {
        List<String> log = new ArrayList<>();
        Contestant failing = shell("failing", "echo >&2 'no compiler here'; exit 7");
        Rounds.Result result =
                Rounds.run(List.of(program("us", "1 2")), List.of(failing, program("b", "3 4")), 2, LIMIT, log::add);
        Series failed = result.peers().getFirst();
        assertEquals(
                "failing ended with exit code 7: no compiler here",
                failed.failure().orElseThrow());
        assertTrue(failed.rounds().isEmpty());
        assertTrue(failed.millis().isEmpty());
        assertEquals(2, result.peers().getLast().rounds().size());
        assertEquals(
                1, log.stream().filter(line -> line.contains("it is left out")).count(), log.toString());
    }

    @Test
    void oursMustNotFail() throws IOException {
        Contestant peer = program("b", "3");
        assertTrue(failure(shell("us", "exit 3"), peer).contains("us ended with exit code 3"));
        assertTrue(failure(shell("us", "echo hello"), peer).contains("us printed no JSON"));
        assertTrue(failure(shell("us", "echo '{\"batch\": 4}'"), peer).contains("us printed no step_ms.median"));
        assertTrue(failure(shell("us", "echo '{\"step_ms\": {\"median\": 1}}'"), peer)
                .contains("us printed no batch"));
        Contestant missing = new Contestant("us", List.of(folder.resolve("none").toString()), Map.of());
        assertTrue(failure(missing, peer).contains("us cannot be run"));
    }

    @Test
    void otherWorkIsRefused() throws IOException {
        String message = failure(program("us", "1"), FakeProgram.of(folder, "b", 16, "1"));
        assertTrue(message.contains("us has batches of 8, b of 16"), message);
    }

    @Test
    void aRunThatTakesTooLongIsEnded() {
        Contestant slow = shell("slow", "sleep 60");
        ContestantFailedException e =
                assertThrows(ContestantFailedException.class, () -> slow.run(Duration.ofMillis(200)));
        assertTrue(e.getMessage().startsWith("slow took longer than"), e.getMessage());
    }

    @Test
    void whatIsNoJsonBeforeTheResultIsPassedOver() {
        Measurement measurement = shell(
                        "chatty", "echo compiling; echo '{\"batch\": 4, \"step_ms\": {\"median\": 2.5}}'")
                .run(LIMIT);
        assertEquals(2.5, measurement.millis());
        assertEquals(4, measurement.batch());
    }

    @Test
    void residentMemoryIsSeen() {
        // A shell that holds 40 million characters while it is looked at.
        Measurement measurement = shell(
                        "large",
                        "x=$(head -c 40000000 /dev/zero | tr '\\0' x); sleep 0.4;"
                                + " echo '{\"batch\": 1, \"step_ms\": {\"median\": 1}}'")
                .run(LIMIT);
        assertTrue(measurement.residentPeakBytes() > 40_000_000, "peak " + measurement.residentPeakBytes());
    }

    @Test
    void variablesReachTheProgram() {
        Contestant contestant = new Contestant(
                "env",
                List.of("sh", "-c", "echo \"{\\\"batch\\\": $SIZE, \\\"step_ms\\\": {\\\"median\\\": 1}}\""),
                Map.of("SIZE", "12"));
        assertEquals(12, contestant.run(LIMIT).batch());
    }

    @Test
    void theClassPathIsNotShown() {
        assertEquals(
                "java -cp ... Main --json",
                new Contestant("us", List.of("java", "-cp", "a.jar:b.jar", "Main", "--json"), Map.of()).shown());
    }

    private static String failure(Contestant ours, Contestant peer) {
        return assertThrows(
                        ContestantFailedException.class,
                        () -> Rounds.run(List.of(ours), List.of(peer), 1, LIMIT, _ -> {}))
                .getMessage();
    }

    private Contestant program(String name, String millis) throws IOException {
        return FakeProgram.of(folder, name, 8, millis);
    }
}
