package dev.hornbeam.training.run;

import java.util.Optional;

/** A training set whose images are corrupted at Poisson-distributed severities. */
public record PhotonLimitedConfig(
        @Setting(doc = "corruption of the training images; none trains on all of them as they are", def = "none")
        String corruption,

        @Setting(doc = "images of each class to divide among the severities", def = "4000", range = "[1, 2147483647]")
        int n,

        @Setting(doc = "the strongest severity", def = "5", range = "[1, 5]")
        int severities,

        @Setting(doc = "mean of the Poisson distribution", def = "1", range = "(0, 100]")
        double lambda,

        @Setting(
                doc = "folder with lists of the images of each severity, to take instead of drawing; null draws",
                def = "null")
        Optional<String> lists,

        @Setting(doc = "seed of the division and of the corruption; null is the run's", def = "null")
        Optional<Long> seed) {

    private static final String NONE = "none";

    /** Whether the training images are divided at all. */
    public boolean isNone() {
        return corruption.equals(NONE);
    }
}
