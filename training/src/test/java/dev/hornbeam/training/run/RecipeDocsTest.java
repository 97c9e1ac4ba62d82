package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/recipes.md against the code. */
final class RecipeDocsTest {
    private static final Path PAGE = Path.of("../docs/recipes.md");

    @Test
    void tableOfKeysIsComplete() throws IOException {
        String page = Files.readString(PAGE);
        List<String> rows = Pattern.compile("^\\| `.*", Pattern.MULTILINE)
                .matcher(page.substring(page.indexOf("## Keys")))
                .results()
                .map(MatchResult::group)
                .toList();
        List<String> expected = Recipes.keys().stream().map(RecipeDocsTest::row).toList();
        assertEquals(String.join("\n", expected), String.join("\n", rows));
    }

    @Test
    void everyRecipeIsNamed() throws IOException {
        String page = Files.readString(PAGE);
        for (Recipes.Entry recipe : Recipes.list()) {
            assertTrue(page.contains("`" + recipe.name() + "`"), recipe.name());
        }
    }

    /** The row of the page for one key. */
    static String row(SettingKey key) {
        String kind = key.kind().isEmpty() ? "" : " (" + key.kind() + ")";
        String given = key.defaultValue().isEmpty() ? "must be given" : "`" + key.defaultValue() + "`";
        return "| `%s`%s | %s | %s | %s |".formatted(key.path(), kind, key.meaning(), key.expected(), given);
    }
}
