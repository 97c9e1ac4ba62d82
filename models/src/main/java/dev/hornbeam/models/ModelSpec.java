package dev.hornbeam.models;

import java.util.OptionalInt;

/**
 * What a network is to be made for.
 *
 * @param channels of the input images, at least 1
 * @param classes outputs, at least 1
 * @param width base width; empty for the network's own
 * @param zeroInitResidual start every residual branch at zero, through the scale of its last norm (Goyal et al. 2017)
 */
public record ModelSpec(int channels, int classes, OptionalInt width, boolean zeroInitResidual) {

    /** Checks the ranges. */
    public ModelSpec {
        if (channels < 1) {
            throw new IllegalArgumentException("channels is " + channels + "; expected at least 1");
        }
        if (classes < 1) {
            throw new IllegalArgumentException("classes is " + classes + "; expected at least 1");
        }
        if (width.isPresent() && width.getAsInt() < 1) {
            throw new IllegalArgumentException("width is " + width.getAsInt() + "; expected at least 1");
        }
    }

    /** A network of its own width. */
    public static ModelSpec of(int channels, int classes) {
        return new ModelSpec(channels, classes, OptionalInt.empty(), false);
    }

    /** The same with another base width. */
    public ModelSpec withWidth(int newWidth) {
        return new ModelSpec(channels, classes, OptionalInt.of(newWidth), zeroInitResidual);
    }
}
