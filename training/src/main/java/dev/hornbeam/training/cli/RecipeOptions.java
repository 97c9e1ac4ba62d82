package dev.hornbeam.training.cli;

import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.Recipes;
import dev.hornbeam.training.run.RunConfig;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** The options of every command that trains: changes to the settings of a recipe. */
final class RecipeOptions {
    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Change a setting, as in --set optimizer.lr=0.05; may be repeated.")
    private Map<String, String> overrides = new LinkedHashMap<>();

    @Option(names = "--seed", paramLabel = "S", description = "Seed of every random draw; short for --set seed=S.")
    private Long seed;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads of the engine, 0 for all cores; short for --set threads=N.")
    private Integer threads;

    @Option(
            names = "--exact",
            description =
                    "Direct sums in all convolutions: slower, smaller rounding errors; short for --set exact=true.")
    private boolean exact;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description =
                    "Type of activations and their gradients: ${COMPLETION-CANDIDATES}; short for --set dtype=TYPE.")
    private Precision dtype;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            description =
                    "Where to compute, as in cpu or cuda; several share every batch, as in cuda:0,cuda:1; short for"
                            + " --set device=DEVICE.")
    private String device;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Folder the data set lies in; short for --set data.folder=DIR.")
    private Path data;

    @Option(
            names = "--init",
            paramLabel = "FILE",
            description =
                    "Start from these weights: safetensors, .pth, .npz and others; short for --set model.init=FILE.")
    private Path init;

    @Option(
            names = "--init-partial",
            description = "Take of --init what fits; short for --set model.init_partial=true.")
    private boolean initPartial;

    /** The configuration of {@code recipe} with the changes of the command line. */
    RunConfig load(String recipe) {
        Map<String, String> all = new LinkedHashMap<>(overrides);
        putIfGiven(all, "seed", seed);
        putIfGiven(all, "threads", threads);
        putIfGiven(all, "exact", exact ? true : null);
        putIfGiven(all, "dtype", dtype);
        putIfGiven(all, "device", quoted(device));
        putIfGiven(all, "data.folder", quoted(data));
        putIfGiven(all, "model.init", quoted(init));
        putIfGiven(all, "model.init_partial", initPartial ? true : null);
        return Recipes.load(recipe, all);
    }

    /** Whether any of these options was given. */
    boolean changesAnything() {
        return !overrides.isEmpty()
                || seed != null
                || threads != null
                || exact
                || dtype != null
                || device != null
                || data != null
                || init != null
                || initPartial;
    }

    // A path may hold what YAML takes for its own signs.
    private static String quoted(Object value) {
        return value == null ? null : "'" + value.toString().replace("'", "''") + "'";
    }

    private static void putIfGiven(Map<String, String> overrides, String key, Object value) {
        if (value != null) {
            overrides.put(key, value.toString());
        }
    }
}
