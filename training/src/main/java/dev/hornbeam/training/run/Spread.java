package dev.hornbeam.training.run;

import java.util.Arrays;
import java.util.Locale;

/**
 * The median of measurements of one thing, with the smallest and the largest.
 *
 * @param median the middle one, or the mean of the middle two
 * @param min smallest
 * @param max largest
 */
public record Spread(double median, double min, double max) {
    /**
     * Of so many measurements.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Spread of(double... values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("values are none; expected at least one");
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return new Spread((sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[0], sorted[n - 1]);
    }

    /** As in tables: {@code 2.00 (1.95–2.11)}. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.2f (%.2f–%.2f)", median, min, max);
    }
}
