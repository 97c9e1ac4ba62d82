package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.Recipes;
import dev.hornbeam.training.run.RunConfig;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

final class RecipeOptionsTest {

    @Test
    void optionsAreShortForSettings() {
        RunConfig config =
                parse("--set", "epochs=3", "--seed", "-5", "--threads", "2", "--device", "null", "--set=log.every=1");
        assertEquals(
                Recipes.load(
                        "quickstart/sgd",
                        Map.of("epochs", "3", "seed", "-5", "threads", "2", "device", "'null'", "log.every", "1")),
                config);
        assertEquals("null", config.device());
    }

    @Test
    void pathsMayHoldAnything() {
        RunConfig config = parse("--data", "/a: b/#c's", "--init", "[w].safetensors");
        assertEquals(Optional.of("/a: b/#c's"), config.data().folder());
        assertEquals(Optional.of("[w].safetensors"), config.model().init());
    }

    @Test
    void valuesMayHoldEqualsSignsAndBeChecked() {
        UserError error = assertThrows(UserError.class, () -> parse("--set", "epochs=a=b"));
        assertEquals(
                "--set epochs=a=b: epochs is 'a=b'; expected a whole number from 1 to 1000000", error.getMessage());
        assertThrows(UserError.class, () -> parse("--threads", "-1"));
    }

    private static RunConfig parse(String... args) {
        return CommandLine.populateCommand(new RecipeOptions(), args).load("quickstart/sgd");
    }
}
