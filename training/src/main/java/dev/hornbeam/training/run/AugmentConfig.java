package dev.hornbeam.training.run;

import dev.hornbeam.training.augmentation.RandomErasing;

/** Random changes to training images; test images are never changed. {@code docs/augmentation.md} defines each. */
public record AugmentConfig(
        @Setting(doc = "pad by this many pixels and crop back at random", def = "0", range = "[0, 1024]")
        int pad,

        @Setting(doc = "mirror left and right with probability 1/2", def = "false")
        boolean flip,

        @Setting(doc = "crop a random part and scale it, instead of pad", def = "none")
        CropConfig crop,

        @Setting(doc = "RandAugment", def = "{}") RandAugmentConfig randAugment,

        @Setting(doc = "AugMix", def = "{}") AugMixConfig augMix,

        @Setting(doc = "random colours", def = "{}") ColourJitterConfig colourJitter,

        @Setting(doc = "random erasing", def = "{}") ErasingConfig erasing,

        @Setting(doc = "MixUp", def = "{}") MixUpConfig mixUp,

        @Setting(doc = "CutMix", def = "{}") CutMixConfig cutMix,

        @Setting(doc = "share of the batches that MixUp or CutMix mixes", def = "1", range = "[0, 1]")
        double mixProbability) {

    /** Checks what no single key can tell. */
    public AugmentConfig {
        if (pad > 0 && !(crop instanceof CropConfig.None)) {
            throw new InvalidSetting(
                    "pad", "is " + pad + " beside a random crop of another kind; choose one of pad and crop");
        }
    }

    /** Padded crop and mirror image alone. */
    public AugmentConfig(int pad, boolean flip) {
        this(
                pad,
                flip,
                new CropConfig.None(),
                new RandAugmentConfig(0, 9),
                new AugMixConfig(0, 3, 0, 1),
                new ColourJitterConfig(0, 0, 0, 0),
                new ErasingConfig(0, 0.02, 0.33, RandomErasing.Fill.MEAN),
                new MixUpConfig(0),
                new CutMixConfig(0),
                1);
    }

    /** Whether there is nothing but {@link #pad} and {@link #flip}. */
    boolean isPlain() {
        return crop instanceof CropConfig.None
                && randAugment.operations() == 0
                && augMix.severity() == 0
                && colourJitter.equals(new ColourJitterConfig(0, 0, 0, 0))
                && erasing.probability() == 0;
    }

    /** Operations drawn at random, all of one strength (Cubuk et al. 2020). */
    public record RandAugmentConfig(
            @Setting(doc = "how many operations; 0 is none", def = "0", range = "[0, 100]")
            int operations,

            @Setting(doc = "their strength", def = "9", range = "[0, 30]")
            int level) {}

    /** A mixture of chains of operations (Hendrycks et al. 2020). */
    public record AugMixConfig(
            @Setting(doc = "bound of the strength of operations; 0 is no AugMix", def = "0", range = "[0, 10]")
            int severity,

            @Setting(doc = "chains that are mixed", def = "3", range = "[1, 100]")
            int width,

            @Setting(doc = "operations of a chain; 0 draws 1 to 3", def = "0", range = "[0, 100]")
            int depth,

            @Setting(doc = "parameter of the distributions of the shares", def = "1", range = "(0, inf)")
            double alpha) {}

    /** Random brightness, contrast, saturation and hue. */
    public record ColourJitterConfig(
            @Setting(doc = "largest change of the brightness, as a share", def = "0", range = "[0, inf)")
            double brightness,

            @Setting(doc = "largest change of the contrast, as a share", def = "0", range = "[0, inf)")
            double contrast,

            @Setting(doc = "largest change of the saturation, as a share", def = "0", range = "[0, inf)")
            double saturation,

            @Setting(doc = "largest turn of the hue, as a share of the circle", def = "0", range = "[0, 0.5]")
            double hue) {}

    /** A rectangle that is painted over (Zhong et al. 2020). */
    public record ErasingConfig(
            @Setting(doc = "probability that an image loses a rectangle; 0 is never", def = "0", range = "[0, 1]")
            double probability,

            @Setting(doc = "least share of the area", def = "0.02", range = "(0, 1]")
            double minArea,

            @Setting(doc = "largest share of the area", def = "0.33", range = "(0, 1]")
            double maxArea,

            @Setting(doc = "what is put there: the mean colour, or noise", def = "mean")
            RandomErasing.Fill fill) {

        /** Checks what no single key can tell. */
        public ErasingConfig {
            if (minArea > maxArea) {
                throw new InvalidSetting("min_area", "is " + minArea + ", above max_area " + maxArea);
            }
        }
    }

    /** Weighted means of two images and of their classes (Zhang et al. 2018). */
    public record MixUpConfig(
            @Setting(
                    doc = "parameter of the Beta distribution of the share; 0 is no MixUp",
                    def = "0",
                    range = "[0, inf)")
            double alpha) {}

    /** Images with a rectangle of another one (Yun et al. 2019). */
    public record CutMixConfig(
            @Setting(
                    doc = "parameter of the Beta distribution of the area; 0 is no CutMix",
                    def = "0",
                    range = "[0, inf)")
            double alpha) {}
}
