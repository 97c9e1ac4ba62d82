package dev.hornbeam.training.sharpness;

import dev.hornbeam.tensor.Philox;

/**
 * The largest eigenvalue of the Hessian of a loss, by power iteration.
 *
 * <p>The product of the Hessian and a vector v of length 1 is the central difference of gradients
 * {@code (g(w + h v) - g(w - h v)) / 2h} with {@code h = width (1 + |w|)}. Power iteration finds the eigenvalue of the largest size; where that is
 * negative, it is repeated with the Hessian shifted by it, which gives the largest eigenvalue.
 *
 * @param eigenvalue the Rayleigh quotient of the last vector
 * @param residual {@code |Hv - eigenvalue v| / |eigenvalue|}: how far the last vector is from an eigenvector
 * @param iterations products taken
 * @param converged whether the residual fell to the tolerance
 */
public record LeadingCurvature(double eigenvalue, double residual, int iterations, boolean converged) {

    /**
     * Finds it.
     *
     * @param iterations products at most, at least 1
     * @param tolerance residual to stop at, above 0
     * @param width of the differences, relative to the weights, above 0: 1e-3 for f32, 1e-5 for f64
     * @param seed of the first vector, from Philox (seed, WEIGHT_NOISE, tensor 0, step 0, stream 2)
     */
    public static LeadingCurvature find(
            LossFunction function, int iterations, double tolerance, double width, long seed) {
        if (iterations < 1 || !(tolerance > 0) || !(width > 0)) {
            throw new IllegalArgumentException("power iteration with " + iterations + " iterations, tolerance "
                    + tolerance + " and width " + width + "; expected at least 1, and numbers above 0");
        }
        LeadingCurvature largest = iterate(function, iterations, tolerance, width, seed, 0);
        if (largest.eigenvalue() >= 0) {
            return largest;
        }
        LeadingCurvature shifted = iterate(function, iterations, tolerance, width, seed, largest.eigenvalue());
        return new LeadingCurvature(
                shifted.eigenvalue(),
                shifted.residual(),
                largest.iterations() + shifted.iterations(),
                shifted.converged());
    }

    private static LeadingCurvature iterate(
            LossFunction function, int iterations, double tolerance, double width, long seed, double shift) {
        double[] weights = function.weights();
        double h = width * (1 + LossFunction.norm(weights));
        Philox draws = new Philox(seed, Philox.Purpose.WEIGHT_NOISE, 0, 0, 2);
        double[] vector = new double[weights.length];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = draws.normal(i);
        }
        double quotient = 0;
        double residual = Double.POSITIVE_INFINITY;
        int done = 0;
        while (done < iterations && residual > tolerance) {
            double length = LossFunction.norm(vector);
            if (length == 0) {
                // A loss that is flat all around.
                return new LeadingCurvature(shift, 0, done, true);
            }
            double[] unit = LossFunction.plus(new double[vector.length], 1 / length, vector);
            double[] up = function.slope(LossFunction.plus(weights, h, unit)).gradient();
            double[] down = function.slope(LossFunction.plus(weights, -h, unit)).gradient();
            for (int i = 0; i < vector.length; i++) {
                vector[i] = (up[i] - down[i]) / (2 * h) - shift * unit[i];
            }
            quotient = LossFunction.dot(unit, vector);
            residual = LossFunction.norm(LossFunction.plus(vector, -quotient, unit)) / Math.abs(quotient + shift);
            done++;
        }
        return new LeadingCurvature(quotient + shift, residual, done, residual <= tolerance);
    }
}
