package dev.hornbeam.training.study;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * A mean with its 95 % interval by Student's t distribution.
 *
 * @param mean of the values
 * @param halfWidth half of the interval's width; NaN where one value cannot tell
 */
public record Estimate(double mean, double halfWidth) {
    // 97.5 % quantiles of t for 1 to 30 degrees of freedom.
    private static final double[] QUANTILES = {
        12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448,
        2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484,
        2.0452, 2.0423
    };
    private static final double NORMAL = 1.95996;

    /**
     * Of independent values, such as one for each seed.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Estimate of(List<Double> values) {
        if (values.isEmpty()) {
            throw new IllegalArgumentException("an estimate of no values");
        }
        double[] numbers = values.stream().mapToDouble(Double::doubleValue).toArray();
        int n = numbers.length;
        double mean = Arrays.stream(numbers).average().orElseThrow();
        if (n == 1) {
            return new Estimate(mean, Double.NaN);
        }
        double variance =
                Arrays.stream(numbers).map(x -> (x - mean) * (x - mean)).sum() / (n - 1);
        double quantile = n - 1 <= QUANTILES.length ? QUANTILES[n - 2] : NORMAL;
        return new Estimate(mean, quantile * Math.sqrt(variance / n));
    }

    /** As in tables: {@code 24.36 ± 0.51}, with so many digits after the point. */
    public String text(int digits) {
        String number = "%." + digits + "f";
        return Double.isNaN(halfWidth)
                ? String.format(Locale.ROOT, number, mean)
                : String.format(Locale.ROOT, number + " ± " + number, mean, halfWidth);
    }

    /** The same with the mean's sign written out. */
    public String signedText(int digits) {
        return (mean >= 0 ? "+" : "") + text(digits);
    }
}
