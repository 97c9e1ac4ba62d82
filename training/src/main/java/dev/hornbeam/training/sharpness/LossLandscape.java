package dev.hornbeam.training.sharpness;

import java.util.Locale;
import java.util.function.IntConsumer;

/**
 * The loss along one direction, or over the plane of two: {@code loss(w + a d1 + b d2)} on a grid.
 *
 * @param offsets a, and b, from -radius to radius; an odd number of them, so that the weights themselves are the middle
 * @param losses {@code losses[j][i]} at a = offsets[i] and b = offsets[j]; one row for a line
 */
@SuppressWarnings("ArrayRecordComponent") // Read and drawn; never compared.
public record LossLandscape(double[] offsets, double[][] losses) {

    /**
     * Computes it.
     *
     * @param first direction of a
     * @param second direction of b; null for a line
     * @param radius largest offset, above 0
     * @param points offsets on a side, odd, at least 3
     * @param progress is told the losses computed since the last call
     */
    public static LossLandscape of(
            LossFunction function, double[] first, double[] second, double radius, int points, IntConsumer progress) {
        if (!(radius > 0) || points < 3 || points % 2 == 0) {
            throw new IllegalArgumentException("a landscape of radius " + radius + " with " + points
                    + " points; expected a radius above 0 and an odd number of at least 3 points");
        }
        double[] weights = function.weights();
        double[] offsets = new double[points];
        for (int i = 0; i < points; i++) {
            offsets[i] = radius * (2 * i - points + 1) / (points - 1);
        }
        double[][] losses = new double[second == null ? 1 : points][points];
        for (int j = 0; j < losses.length; j++) {
            double[] row = second == null ? weights : LossFunction.plus(weights, offsets[j], second);
            for (int i = 0; i < points; i++) {
                losses[j][i] = function.loss(LossFunction.plus(row, offsets[i], first));
                progress.accept(1);
            }
        }
        return new LossLandscape(offsets, losses);
    }

    /** Whether it is a plane and not a line. */
    public boolean isPlane() {
        return losses.length > 1;
    }

    /** As CSV: a line for every point, {@code a,loss} or {@code a,b,loss}. */
    public String toCsv() {
        StringBuilder csv = new StringBuilder(isPlane() ? "a,b,loss\n" : "a,loss\n");
        for (int j = 0; j < losses.length; j++) {
            for (int i = 0; i < offsets.length; i++) {
                csv.append(String.format(Locale.ROOT, "%.6g,", offsets[i]));
                csv.append(isPlane() ? String.format(Locale.ROOT, "%.6g,", offsets[j]) : "");
                csv.append(String.format(Locale.ROOT, "%.6g%n", losses[j][i]));
            }
        }
        return csv.toString();
    }
}
