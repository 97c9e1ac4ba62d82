package dev.hornbeam.training.run;

import java.util.Optional;

/** The network that noise of labels is made with: trained on the clean labels, or from a checkpoint. */
public record NoiseNetworkConfig(
        @Setting(doc = "checkpoint of a trained network; null trains one", def = "null")
        Optional<String> checkpoint,

        @Setting(doc = "network to train; null is the run's", def = "null")
        Optional<String> model,

        @Setting(doc = "passes over the clean training images", def = "5", range = "[1, 1000000]")
        int epochs,

        @Setting(doc = "learning rate at the start; it falls to 0 by a cosine", def = "0.05", range = "(0, inf)")
        double lr,

        @Setting(doc = "images per step", def = "128", range = "[1, 1048576]")
        int batch) {}
