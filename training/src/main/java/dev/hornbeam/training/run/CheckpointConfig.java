package dev.hornbeam.training.run;

/** When a checkpoint is written, and how many are kept. */
public record CheckpointConfig(
        @Setting(doc = "epochs between two checkpoints; 0 writes the last only", def = "1", range = "[0, 1000000]")
        int every,

        @Setting(doc = "how many of the latest are kept; 0 keeps all", def = "2", range = "[0, 1000000]")
        int keep) {}
