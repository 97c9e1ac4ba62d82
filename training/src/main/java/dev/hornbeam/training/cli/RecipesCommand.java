package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.hornbeam.training.run.Recipes;
import dev.hornbeam.training.run.RunConfig;
import dev.hornbeam.training.run.SettingKey;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hornbeam recipes}: what can be trained, and with which settings. */
@Command(name = "recipes", description = "Lists and shows recipes: settings of published methods, ready to train.")
final class RecipesCommand implements Runnable {
    private static final String JSON_HELP = "Print JSON.";

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say what to do with the recipes");
    }

    @Command(name = "list", description = "Lists the recipes that come with Hornbeam.")
    void list(@Option(names = "--json", description = JSON_HELP) boolean json) {
        PrintWriter out = spec.commandLine().getOut();
        List<Recipes.Entry> recipes = Recipes.list();
        if (json) {
            ArrayNode array = new JsonMapper().createArrayNode();
            recipes.forEach(r -> array.addObject().put("name", r.name()).put("description", r.description()));
            out.println(array.toPrettyString());
            return;
        }
        int width = recipes.stream().mapToInt(r -> r.name().length()).max().orElse(0);
        recipes.forEach(r -> out.println(r.name() + " ".repeat(width - r.name().length() + 2) + r.description()));
    }

    @Command(name = "show", description = "Prints the complete settings of a recipe or file, every default included.")
    void show(
            @Parameters(index = "0", paramLabel = "NAME|FILE", description = "Recipe or YAML file.") String recipe,
            @Option(names = "--set", paramLabel = "KEY=VALUE", description = "Change a setting; may be repeated.")
                    Map<String, String> overrides) {
        RunConfig config = Recipes.load(recipe, overrides == null ? Map.of() : overrides);
        spec.commandLine().getOut().print(config.toYaml());
        spec.commandLine().getOut().flush();
    }

    @Command(name = "keys", description = "Lists the keys that a recipe or --set may give, with what they take.")
    void keys(@Option(names = "--json", description = JSON_HELP) boolean json) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            ArrayNode array = new JsonMapper().createArrayNode();
            for (SettingKey key : Recipes.keys()) {
                array.addObject()
                        .put("path", key.path())
                        .put("kind", key.kind().isEmpty() ? null : key.kind())
                        .put("expected", key.expected())
                        .put("default", key.defaultValue().isEmpty() ? null : key.defaultValue())
                        .put("meaning", key.meaning());
            }
            out.println(array.toPrettyString());
            return;
        }
        for (SettingKey key : Recipes.keys()) {
            out.println(key.path() + (key.kind().isEmpty() ? "" : "  (kind " + key.kind() + ")"));
            out.println("    " + key.meaning());
            out.println("    " + key.expected()
                    + (key.defaultValue().isEmpty() ? "; must be given" : "; default " + key.defaultValue()));
        }
    }
}
