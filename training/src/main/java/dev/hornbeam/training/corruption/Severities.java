package dev.hornbeam.training.corruption;

/** One number for each of the five severities in each of the three constant sets. */
record Severities(double[] cifar, double[] tiny, double[] imagenet) {
    static double[] of(double... fromMildToStrong) {
        return fromMildToStrong;
    }

    /** Returns the number for a severity from 1 to 5. */
    double at(ConstantSet constants, int severity) {
        double[] row =
                switch (constants) {
                    case CIFAR -> cifar;
                    case TINY -> tiny;
                    case IMAGENET -> imagenet;
                };
        return row[severity - 1];
    }
}
