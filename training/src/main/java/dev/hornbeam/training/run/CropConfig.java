package dev.hornbeam.training.run;

import dev.hornbeam.training.image.Interpolation;

/** The random crop of training images, apart from that of padded ones. */
public sealed interface CropConfig {

    /** The image as it is. */
    @Kind("none")
    record None() implements CropConfig {}

    /** A window of random area and proportions, scaled to the network's size (Szegedy et al. 2015). */
    @Kind("inception")
    record Inception(
            @Setting(doc = "least share of the area", def = "0.08", range = "(0, 1]")
            double minArea,

            @Setting(doc = "largest share of the area", def = "1", range = "(0, 1]")
            double maxArea,

            @Setting(doc = "least width divided by height", def = "0.75", range = "(0, inf)")
            double minRatio,

            @Setting(doc = "largest width divided by height", def = "1.3333333333333333", range = "(0, inf)")
            double maxRatio,

            @Setting(doc = "filter of the scaling", def = "bilinear")
            Interpolation interpolation)
            implements CropConfig {

        /** Checks what no single key can tell. */
        public Inception {
            if (minArea > maxArea) {
                throw new InvalidSetting("min_area", "is " + minArea + ", above max_area " + maxArea);
            }
            if (minRatio > maxRatio) {
                throw new InvalidSetting("min_ratio", "is " + minRatio + ", above max_ratio " + maxRatio);
            }
        }
    }
}
