package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.training.run.Recipes;
import dev.hornbeam.training.run.RunConfig;
import dev.hornbeam.training.run.Version;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class HornbeamTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void version() {
        assertEquals(0, hornbeam("--version"));
        assertTrue(out.toString().startsWith("hornbeam " + Version.CURRENT + System.lineSeparator()), out.toString());
    }

    @Test
    void helpGoesToStandardOutput() {
        assertEquals(0, hornbeam("recipes", "show", "--help"));
        assertTrue(out.toString().contains("--set=KEY=VALUE"), out.toString());
        assertEquals("", err.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "recipes", "recipse", "recipes list --jsn", "recipes show", "recipes show a --set x"})
    void wrongCommandLinesExitWithTwo(String line) {
        assertEquals(2, hornbeam(line.isEmpty() ? new String[0] : line.split(" ")));
        assertTrue(err.toString().startsWith("hornbeam: error: "), err.toString());
        assertFalse(err.toString().contains("\tat "), err.toString());
        assertEquals("", out.toString());
    }

    @Test
    void errorOfTheUserIsOneLine() {
        assertEquals(1, hornbeam("recipes", "show", "quickstart/sgd", "--set", "optimizer.lrr=1"));
        assertEquals(
                "hornbeam: error: --set optimizer.lrr=1: unknown key optimizer.lrr; did you mean optimizer.lr?"
                        + System.lineSeparator(),
                err.toString());
    }

    @Test
    void debugAddsTheStackTrace() {
        assertEquals(1, hornbeam("recipes", "show", "none", "--debug"));
        assertTrue(err.toString().contains("\tat dev.hornbeam"), err.toString());
    }

    @Test
    void listHasEveryRecipe() throws IOException {
        assertEquals(0, hornbeam("recipes", "list"));
        assertEquals(Recipes.list().size(), out.toString().lines().count());
        out.getBuffer().setLength(0);
        assertEquals(0, hornbeam("recipes", "list", "--json"));
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertEquals(Recipes.list().size(), json.size());
        assertEquals(Recipes.list().getFirst().name(), json.at("/0/name").asText());
    }

    @Test
    void shownSettingsAreAConfiguration() throws IOException {
        assertEquals(0, hornbeam("recipes", "show", "quickstart/damp", "--set", "seed=5", "--set", "epochs=2"));
        Path file = Files.writeString(folder.resolve("c.yaml"), out.toString());
        RunConfig expected = Recipes.load("quickstart/damp", Map.of("seed", "5", "epochs", "2"));
        assertEquals(expected, RunConfig.load(file));
    }

    @Test
    void keysAreListed() throws IOException {
        assertEquals(0, hornbeam("recipes", "keys", "--json"));
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertEquals(Recipes.keys().size(), json.size());
        assertEquals("name", json.at("/0/path").asText());
        out.getBuffer().setLength(0);
        assertEquals(0, hornbeam("recipes", "keys"));
        assertTrue(out.toString().contains("optimizer.lr  (kind sgd)"), out.toString());
    }

    private int hornbeam(String... args) {
        return Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }
}
