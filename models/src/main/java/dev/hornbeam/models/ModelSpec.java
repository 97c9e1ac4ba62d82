package dev.hornbeam.models;

import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * What a network is to be made for.
 *
 * @param channels of the input images, at least 1
 * @param classes outputs, at least 1
 * @param width base width; empty for the network's own
 * @param zeroInitResidual start every residual branch at zero, through the scale of its last norm (Goyal et al. 2017)
 * @param dropRate rate of every dropout layer, in [0, 1); empty for the published rates
 * @param dropPath stochastic depth (Huang et al. 2016): the rate of the last residual branch, in [0, 1), to which the
 *     others' rise from 0
 * @param side height and width of the images in pixels, at least 1: the grid of learned positions and the inputs of dense
 *     layers behind images follow from it; empty for the published size. Other networks take images of any size
 */
public record ModelSpec(
        int channels,
        int classes,
        OptionalInt width,
        boolean zeroInitResidual,
        OptionalDouble dropRate,
        double dropPath,
        OptionalInt side) {

    /** Checks the ranges. */
    public ModelSpec {
        requireAtLeastOne("channels", channels);
        requireAtLeastOne("classes", classes);
        width.ifPresent(value -> requireAtLeastOne("width", value));
        dropRate.ifPresent(value -> requireRate("drop rate", value));
        requireRate("drop path", dropPath);
        side.ifPresent(value -> requireAtLeastOne("side", value));
    }

    /** With the published drop rates, without stochastic depth, for images of the published size. */
    public ModelSpec(int channels, int classes, OptionalInt width, boolean zeroInitResidual) {
        this(channels, classes, width, zeroInitResidual, OptionalDouble.empty(), 0, OptionalInt.empty());
    }

    /** A network of its own width. */
    public static ModelSpec of(int channels, int classes) {
        return new ModelSpec(channels, classes, OptionalInt.empty(), false);
    }

    /** The same with another base width. */
    public ModelSpec withWidth(int newWidth) {
        return new ModelSpec(channels, classes, OptionalInt.of(newWidth), zeroInitResidual, dropRate, dropPath, side);
    }

    /** The same with residual branches starting at zero, or not. */
    public ModelSpec withZeroInitResidual(boolean zero) {
        return new ModelSpec(channels, classes, width, zero, dropRate, dropPath, side);
    }

    /** The same with this rate in every dropout layer. */
    public ModelSpec withDropRate(double rate) {
        return new ModelSpec(channels, classes, width, zeroInitResidual, OptionalDouble.of(rate), dropPath, side);
    }

    /** The same with stochastic depth. */
    public ModelSpec withDropPath(double rate) {
        return new ModelSpec(channels, classes, width, zeroInitResidual, dropRate, rate, side);
    }

    /** The same for images of this height and width. */
    public ModelSpec withSide(int pixels) {
        return new ModelSpec(channels, classes, width, zeroInitResidual, dropRate, dropPath, OptionalInt.of(pixels));
    }

    private static void requireAtLeastOne(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " is " + value + "; expected at least 1");
        }
    }

    private static void requireRate(String name, double value) {
        if (!(value >= 0 && value < 1)) {
            throw new IllegalArgumentException(name + " is " + value + "; expected a number in [0, 1)");
        }
    }
}
