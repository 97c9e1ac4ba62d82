package dev.hornbeam.training.run;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import java.nio.file.Path;
import java.util.Map;

/**
 * The complete configuration of one training run.
 *
 * <p>It is read from a recipe or a file ({@link Recipes#load}), changed with {@link #with}, and written to
 * {@code config.yaml} so that reading that file gives an equal configuration. Every component is one YAML key in
 * snake_case; {@code docs/recipes.md} lists them all.
 */
public record RunConfig(
        @Setting(doc = "name of the run, shown in the report", def = "the recipe's name")
        String name,

        @Setting(doc = "one line about the recipe", def = "\"\"")
        String description,

        @Setting(doc = "seed of every random draw of the run", def = "1")
        long seed,

        @Setting(doc = "threads of the engine; 0 takes all cores", def = "0", range = "[0, 4096]")
        int threads,

        @Setting(doc = "direct sums, and no tensor cores for f32: slower, with smaller rounding errors", def = "false")
        boolean exact,

        @Setting(doc = "type of activations and their gradients; weights, statistics and losses are f32", def = "f32")
        Precision dtype,

        @Setting(doc = "where to compute, as in cpu, cuda or, sharing every batch, cuda:0,cuda:1", def = "cpu")
        String device,

        @Setting(doc = "passes over the training data", range = "[1, 1000000]")
        int epochs,

        @Setting(doc = "the images", def = Setting.REQUIRED) DataConfig data,

        @Setting(doc = "what is wrong on purpose with the training images or their labels", def = "none")
        NoiseConfig noise,

        @Setting(doc = "the network", def = Setting.REQUIRED)
        ModelConfig model,

        @Setting(doc = "the training method", def = "{}") MethodConfig method,

        @Setting(doc = "the optimizer", def = Setting.REQUIRED)
        OptimizerConfig optimizer,

        @Setting(doc = "the learning rate over time", def = "constant")
        ScheduleConfig schedule,

        @Setting(doc = "what is measured, and when", def = "{}")
        EvaluationConfig evaluation,

        @Setting(doc = "what is kept to resume from", def = "{}")
        CheckpointConfig checkpoint,

        @Setting(doc = "how much is written to metrics.jsonl", def = "{}")
        LogConfig log) {

    /** Checks what no single key can tell. */
    public RunConfig {
        if (data.batch() % method.subBatches() != 0) {
            throw new InvalidSetting(
                    "method.sub_batches",
                    "is " + method.subBatches() + ", which does not divide the batch of " + data.batch()
                            + "; choose a divisor of data.batch");
        }
    }

    /**
     * Reads a configuration file, following its {@code extends}.
     *
     * @throws UserError if the file cannot be read or says something that is not understood; the message names the key,
     *     the file and the line
     */
    public static RunConfig load(Path file) {
        return Recipes.load(file, Map.of());
    }

    /**
     * Reads a complete configuration, as {@link #toYaml} wrote it.
     *
     * @param origin where the text is from, for messages
     * @throws UserError if it says something that is not understood
     */
    public static RunConfig parse(String yaml, String origin) {
        return ConfigBinder.bind(ConfigTree.parse(yaml, origin));
    }

    /**
     * This configuration with some keys changed.
     *
     * @param overrides dotted keys with their values as they would stand in YAML, as in {@code optimizer.lr} and
     *     {@code 0.05}
     * @throws UserError if a key is unknown or a value is not what the key takes
     */
    public RunConfig with(Map<String, String> overrides) {
        ConfigTree.Mapping tree = ConfigTree.parse(toYaml(), "configuration of " + name);
        return ConfigBinder.bind(tree.overlay(ConfigTree.overrides(overrides)));
    }

    /** The complete configuration as YAML, every default written out. */
    public String toYaml() {
        return ConfigWriter.toYaml(this);
    }

    /**
     * Writes the complete configuration to {@code file}.
     *
     * @throws UserError if the file cannot be written
     */
    public void save(Path file) {
        UserFile.writeText(file, toYaml());
    }
}
