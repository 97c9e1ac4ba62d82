package dev.hornbeam.training.corruption;

/** One number for each of the five severities in each of the three constant sets. */
final class Severities {
    private final double[] cifar;
    private final double[] tiny;
    private final double[] imagenet;

    /** Keeps five numbers per constant set, from the mildest severity to the strongest. */
    Severities(double[] cifar, double[] tiny, double[] imagenet) {
        this.cifar = cifar;
        this.tiny = tiny;
        this.imagenet = imagenet;
    }

    static double[] of(double... fromMildToStrong) {
        return fromMildToStrong;
    }

    /** Returns the number for a severity from 1 to 5. */
    double at(ConstantSet constants, int severity) {
        double[] row = switch (constants) {
            case CIFAR -> cifar;
            case TINY -> tiny;
            case IMAGENET -> imagenet;
        };
        return row[severity - 1];
    }
}
