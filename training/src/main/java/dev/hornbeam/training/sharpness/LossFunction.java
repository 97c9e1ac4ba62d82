package dev.hornbeam.training.sharpness;

/** A loss as a function of a vector of weights. */
public interface LossFunction {

    /** A loss with its gradient. */
    @SuppressWarnings("ArrayRecordComponent") // Read at once and dropped; never compared.
    record Slope(double loss, double[] gradient) {}

    /** Returns a copy of the weights that training found. */
    double[] weights();

    /** Returns the loss at {@code weights}. */
    double loss(double[] weights);

    /** Returns the loss at {@code weights} and its gradient. */
    Slope slope(double[] weights);

    /** Euclidean length of a vector. */
    static double norm(double[] vector) {
        return Math.sqrt(dot(vector, vector));
    }

    /** Scalar product. */
    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /** {@code a + factor * b}, in a new vector. */
    static double[] plus(double[] a, double factor, double[] b) {
        double[] sum = new double[a.length];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = a[i] + factor * b[i];
        }
        return sum;
    }
}
