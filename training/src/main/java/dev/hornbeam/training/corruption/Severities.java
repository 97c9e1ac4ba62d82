package dev.hornbeam.training.corruption;

/** The constants of a corruption: for each of the three constant sets and each of the five severities some numbers. */
final class Severities {
    private final double[][] cifar;
    private final double[][] tiny;
    private final double[][] imagenet;

    private Severities(double[][] cifar, double[][] tiny, double[][] imagenet) {
        this.cifar = cifar;
        this.tiny = tiny;
        this.imagenet = imagenet;
    }

    /** Keeps one number per severity, from the mildest to the strongest. */
    Severities(double[] cifar, double[] tiny, double[] imagenet) {
        this(columns(cifar), columns(tiny), columns(imagenet));
    }

    /** Keeps several numbers per severity, one row each, from the mildest to the strongest. */
    static Severities rows(double[][] cifar, double[][] tiny, double[][] imagenet) {
        return new Severities(cifar, tiny, imagenet);
    }

    static double[] of(double... numbers) {
        return numbers;
    }

    static double[][] table(double[]... fromMildToStrong) {
        return fromMildToStrong;
    }

    /** Returns the only number for a severity from 1 to 5. */
    double at(ConstantSet constants, int severity) {
        return row(constants, severity)[0];
    }

    /** Returns the numbers for a severity from 1 to 5. */
    double[] row(ConstantSet constants, int severity) {
        double[][] rows = switch (constants) {
            case CIFAR -> cifar;
            case TINY -> tiny;
            case IMAGENET -> imagenet;
        };
        return rows[severity - 1];
    }

    private static double[][] columns(double[] numbers) {
        double[][] rows = new double[numbers.length][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = new double[] {numbers[i]};
        }
        return rows;
    }
}
