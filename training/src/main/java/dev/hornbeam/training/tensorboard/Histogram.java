package dev.hornbeam.training.tensorboard;

import java.util.ArrayList;
import java.util.List;

/**
 * How many numbers lie between which limits, as TensorBoard's histograms count them: the limits grow by 10 % from 1e-12 to 1e20
 * on both sides of zero. Numbers that are not finite are left out.
 *
 * @param min smallest number, 0 where there is none
 * @param max largest number, 0 where there is none
 * @param count how many numbers
 * @param sum of them
 * @param sumOfSquares of them
 * @param limits upper limit of each bucket, rising; buckets without numbers are left out at both ends and are one elsewhere
 * @param counts how many numbers lie in each bucket: above the limit before, and not above its own
 */
public record Histogram(
        double min, double max, long count, double sum, double sumOfSquares, List<Double> limits, List<Double> counts) {
    private static final double[] LIMITS = limitsOfBothSides();

    /** Keeps its own copies. */
    public Histogram {
        limits = List.copyOf(limits);
        counts = List.copyOf(counts);
    }

    /** Counts {@code values}. */
    public static Histogram of(float[] values) {
        long[] buckets = new long[LIMITS.length];
        double min = Double.POSITIVE_INFINITY;
        double max = Double.NEGATIVE_INFINITY;
        double sum = 0;
        double squares = 0;
        long count = 0;
        for (float value : values) {
            if (!Float.isFinite(value)) {
                continue;
            }
            min = Math.min(min, value);
            max = Math.max(max, value);
            sum += value;
            squares += (double) value * value;
            count++;
            buckets[bucketOf(value)]++;
        }
        if (count == 0) {
            return new Histogram(0, 0, 0, 0, 0, List.of(LIMITS[LIMITS.length - 1]), List.of(0.0));
        }
        int first = 0;
        while (buckets[first] == 0) {
            first++;
        }
        int last = buckets.length - 1;
        while (buckets[last] == 0) {
            last--;
        }
        // One empty bucket before the first says where that begins.
        List<Double> limits = new ArrayList<>();
        List<Double> counts = new ArrayList<>();
        for (int b = Math.max(0, first - 1); b <= last; b++) {
            // Neighbouring empty buckets count as one.
            if (buckets[b] == 0 && b < last && buckets[b + 1] == 0) {
                continue;
            }
            limits.add(LIMITS[b]);
            counts.add((double) buckets[b]);
        }
        return new Histogram(min, max, count, sum, squares, limits, counts);
    }

    // The first bucket whose limit is not below the value.
    private static int bucketOf(double value) {
        int low = 0;
        int high = LIMITS.length - 1;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (LIMITS[middle] >= value) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    private static double[] limitsOfBothSides() {
        List<Double> positive = new ArrayList<>();
        for (double limit = 1e-12; limit < 1e20; limit *= 1.1) {
            positive.add(limit);
        }
        positive.add(Double.MAX_VALUE);
        int n = positive.size();
        double[] limits = new double[2 * n + 1];
        for (int i = 0; i < n; i++) {
            limits[n + 1 + i] = positive.get(i);
            limits[n - 1 - i] = -positive.get(i);
        }
        return limits;
    }
}
