package dev.hornbeam.training.run;

/** Random changes to training images; test images are never changed. */
public record AugmentConfig(
        @Setting(doc = "pad by this many pixels and crop back at random", def = "0", range = "[0, 1024]")
        int pad,

        @Setting(doc = "mirror left and right with probability 1/2", def = "false")
        boolean flip) {}
