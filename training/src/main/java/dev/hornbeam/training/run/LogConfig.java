package dev.hornbeam.training.run;

/** How much is written to {@code metrics.jsonl} besides one object per epoch. */
public record LogConfig(
        @Setting(doc = "steps between two objects; 0 writes none for steps", def = "0", range = "[0, 2147483647]")
        int every) {}
