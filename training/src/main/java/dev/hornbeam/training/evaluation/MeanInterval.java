package dev.hornbeam.training.evaluation;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.commons.statistics.distribution.TDistribution;

/**
 * The mean of measurements and how well they determine it: the 95 % confidence interval of Student's t distribution, which
 * takes the measurements as independent draws of one normal distribution.
 *
 * @param mean the mean
 * @param halfWidth half the width of the interval, which lies around the mean; NaN for a single measurement, which says nothing
 *     of it
 * @param count how many measurements there are
 */
public record MeanInterval(double mean, double halfWidth, int count) {
    private static final double TAIL = 0.025;

    /**
     * Of so many measurements.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static MeanInterval of(double... values) {
        int n = values.length;
        if (n == 0) {
            throw new IllegalArgumentException("values are none; expected at least one");
        }
        double mean = Arrays.stream(values).sum() / n;
        if (n == 1) {
            return new MeanInterval(mean, Double.NaN, 1);
        }
        double squares = 0;
        for (double value : values) {
            squares += (value - mean) * (value - mean);
        }
        double standardError = Math.sqrt(squares / (n - 1) / n);
        double quantile = TDistribution.of(n - 1).inverseSurvivalProbability(TAIL);
        return new MeanInterval(mean, quantile * standardError, n);
    }

    /** Of the measurements in a list. */
    public static MeanInterval of(List<Double> values) {
        return of(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    /** Lower end of the interval, NaN for a single measurement. */
    public double low() {
        return mean - halfWidth;
    }

    /** Upper end of the interval, NaN for a single measurement. */
    public double high() {
        return mean + halfWidth;
    }

    /** Whether the interval leaves out zero: for a difference, that its sign is beyond doubt at this level. */
    public boolean excludesZero() {
        return low() > 0 || high() < 0;
    }

    /** As in tables: {@code 24.64 ± 0.31}, or the mean alone. */
    @Override
    public String toString() {
        return Double.isNaN(halfWidth)
                ? String.format(Locale.ROOT, "%.2f", mean)
                : String.format(Locale.ROOT, "%.2f ± %.2f", mean, halfWidth);
    }
}
