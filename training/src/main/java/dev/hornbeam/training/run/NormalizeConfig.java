package dev.hornbeam.training.run;

import java.util.List;

/** How pixels in [0, 1] are scaled before they enter the network. */
public sealed interface NormalizeConfig {

    /** Per channel to mean 0 and deviation 1, with the figures of the data set. */
    @Kind("dataset")
    record Dataset() implements NormalizeConfig {}

    /** Left in [0, 1]. */
    @Kind("none")
    record None() implements NormalizeConfig {}

    /** Per channel {@code (x - mean) / std} with figures given here. */
    @Kind("values")
    record Values(
            @Setting(doc = "mean of each channel, in [0, 1]", range = "[0, 1]")
            List<Double> mean,

            @Setting(doc = "standard deviation of each channel", range = "(0, inf)")
            List<Double> std)
            implements NormalizeConfig {

        /** Checks that there are as many means as deviations. */
        public Values {
            mean = List.copyOf(mean);
            std = List.copyOf(std);
            if (mean.isEmpty() || mean.size() != std.size()) {
                throw new InvalidSetting(
                        "std",
                        "has " + std.size() + " values beside " + mean.size() + " of mean; give one per channel");
            }
        }
    }
}
