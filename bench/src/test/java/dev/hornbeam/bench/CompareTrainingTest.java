package dev.hornbeam.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.bench.CompareTraining.Comparison;
import dev.hornbeam.bench.CompareTraining.Contestant;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CompareTrainingTest {
    private static final PrintStream NOWHERE = new PrintStream(OutputStream.nullOutputStream());

    @TempDir
    Path folder;

    @Test
    void figuresAreMediansOverRounds() throws IOException {
        Contestant ours = program("ours", 10, "20 10 40 25 10");
        Contestant theirs = program("theirs", 10, "30 40 20 50 10");
        Comparison result = CompareTraining.compare(ours, theirs, 5, NOWHERE);
        assertEquals(20, result.ours().median());
        assertEquals(10, result.ours().min());
        assertEquals(40, result.ours().max());
        assertEquals(30, result.theirs().median());
        // By round: 1.5, 4, 0.5, 2, 1.
        assertEquals(1.5, result.ratio().median());
        assertEquals(0.5, result.ratio().min());
        assertEquals(4, result.ratio().max());
        assertEquals(
                "| net | 10 | 2 | 20.00 (10.00–40.00) | 500 | 30.00 (10.00–50.00) | 333 | 1.50 (0.50–4.00) |",
                CompareTraining.row("net", 2, result));
    }

    @Test
    void bothAreFirstInTurn() throws IOException {
        CompareTraining.compare(program("a", 8, "1 1 1"), program("b", 8, "1 1 1"), 3, NOWHERE);
        assertEquals(List.of("a", "b", "b", "a", "a", "b"), Files.readAllLines(folder.resolve("order")));
    }

    @Test
    void evenNumbersOfRoundsHaveTheMeanOfTheMiddleTwo() throws IOException {
        Comparison result = CompareTraining.compare(program("a", 8, "1 2 4 8"), program("b", 8, "8 8 8 8"), 4, NOWHERE);
        assertEquals(3, result.ours().median());
    }

    @Test
    void otherWorkIsRefused() {
        IllegalStateException e = assertThrows(
                IllegalStateException.class,
                () -> CompareTraining.compare(program("a", 8, "1"), program("b", 16, "1"), 1, NOWHERE));
        assertTrue(e.getMessage().contains("batches of 8, the other of 16"), e.getMessage());
    }

    @Test
    void failuresAreNamed() throws IOException {
        Contestant good = program("a", 8, "1 1 1");
        Contestant failing = new Contestant("failing", List.of("sh", "-c", "exit 7"));
        Contestant chatty = new Contestant("chatty", List.of("sh", "-c", "echo hello"));
        Contestant missing =
                new Contestant("missing", List.of(folder.resolve("none").toString()));
        assertTrue(failure(good, failing).contains("failing ended with exit code 7"));
        assertTrue(failure(good, chatty).contains("chatty printed no JSON"));
        assertTrue(failure(missing, good).contains("missing cannot be run"));
    }

    private static String failure(Contestant a, Contestant b) {
        return assertThrows(IllegalStateException.class, () -> CompareTraining.compare(a, b, 1, NOWHERE))
                .getMessage();
    }

    // A program that takes the next of the given times whenever it is run, and leaves its name.
    private Contestant program(String name, int batch, String times) throws IOException {
        Path rest = Files.writeString(folder.resolve(name), times.replace(' ', '\n') + "\n");
        String script = "head -n 1 '" + rest + "' | { read t; echo \"{\\\"batch\\\": " + batch
                + ", \\\"step_ms\\\": {\\\"median\\\": $t}}\"; }; sed -i 1d '" + rest + "'; echo " + name + " >>'"
                + folder.resolve("order") + "'";
        return new Contestant(name, List.of("sh", "-c", script));
    }
}
