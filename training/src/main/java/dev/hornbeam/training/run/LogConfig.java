package dev.hornbeam.training.run;

/** How much is written besides one object per epoch to {@code metrics.jsonl}. */
public record LogConfig(
        @Setting(doc = "steps between two objects; 0 writes none for steps", def = "0", range = "[0, 2147483647]")
        int every,

        @Setting(doc = "write event files for TensorBoard to the folder tensorboard of the run", def = "false")
        boolean tensorboard) {}
