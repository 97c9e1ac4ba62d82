package dev.hornbeam.training.run;

import java.util.List;

/** What a training method does to the input of the network. */
public sealed interface InputConfig {

    /** Nothing. */
    @Kind("none")
    record None() implements InputConfig {}

    /** Half of each batch, chosen at random, corrupted in one way (Trinh et al. 2024, Algorithm 2). */
    @Kind("corruption_augmentation")
    record CorruptionAugmentation(
            @Setting(doc = "what is done to half of each batch, as in gaussian_noise")
            String corruption,

            @Setting(doc = "severities to draw from", def = "[1, 2, 3, 4, 5]", range = "[1, 5]")
            List<Integer> severities)
            implements InputConfig {

        /** Keeps its own copy. */
        public CorruptionAugmentation {
            severities = List.copyOf(severities);
            if (severities.isEmpty()) {
                throw new InvalidSetting("severities", "has no element; give at least one of 1 to 5");
            }
        }
    }
}
