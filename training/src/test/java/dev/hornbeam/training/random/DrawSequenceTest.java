package dev.hornbeam.training.random;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DrawSequenceTest {
    private static final int DRAWS = 40_000;

    private static DrawSequence draws(int stream) {
        return new DrawSequence(5, Purpose.TEST, 2, 3, stream);
    }

    /** Kolmogorov and Smirnov: the largest distance of two distribution functions; 1.95 / sqrt(n) once in a thousand seeds. */
    private static void assertDistributed(double[] sample, DoubleUnaryOperator distribution) {
        Arrays.sort(sample);
        double distance = 0;
        for (int i = 0; i < sample.length; i++) {
            double expected = distribution.applyAsDouble(sample[i]);
            distance = Math.max(distance, Math.abs(expected - (double) i / sample.length));
            distance = Math.max(distance, Math.abs(expected - (i + 1.0) / sample.length));
        }
        assertTrue(distance < 1.95 / Math.sqrt(sample.length), "distance " + distance);
    }

    private static double[] sample(DoubleUnaryOperator draw) {
        double[] sample = new double[DRAWS];
        Arrays.setAll(sample, i -> draw.applyAsDouble(i));
        return sample;
    }

    @Test
    void takesTheElementsOfTheStreamInOrder() {
        DrawSequence draws = draws(4);
        Philox stream = new Philox(5, Purpose.TEST, 2, 3, 4);
        assertEquals(stream.uniform(0), draws.uniform());
        assertEquals(stream.below(1, 1000), draws.below(1000));
        // A normal number takes both words of its pair.
        assertEquals(stream.normal(2), draws.normal());
        assertEquals(3 + 2 * (double) stream.uniform(4), draws.between(3, 5));
        assertEquals(stream.normal(6), draws.normal());
        double high = stream.below(8, 1 << 24);
        assertEquals((high * 0x1p24 + stream.below(9, 1 << 24) + 0.5) * 0x1p-48, draws.open());
        assertEquals(stream.below(10, 2) == 1, draws.coin());
        assertEquals(stream.uniform(11) < 0.25, draws.chance(0.25));
        draws.begin(6, Purpose.DATA, 1, 2, 3);
        assertEquals(new Philox(6, Purpose.DATA, 1, 2, 3).uniform(0), draws.uniform());
    }

    @Test
    void gammaOfShapeOneIsExponential() {
        DrawSequence draws = draws(0);
        assertDistributed(sample(i -> draws.gamma(1)), x -> 1 - Math.exp(-x));
    }

    @Test
    void gammaOfShapeTwoAndAHalfIsHalfAChiSquare() {
        // With 5 degrees of freedom: erf(sqrt x) - 2 sqrt(x / pi) exp(-x) (1 + 2x / 3).
        DrawSequence draws = draws(1);
        assertDistributed(
                sample(i -> draws.gamma(2.5)),
                x -> erf(Math.sqrt(x)) - 2 * Math.sqrt(x / Math.PI) * Math.exp(-x) * (1 + 2 * x / 3));
    }

    @Test
    void gammaOfShapeOneHalfIsHalfASquaredNormal() {
        DrawSequence draws = draws(2);
        assertDistributed(sample(i -> draws.gamma(0.5)), x -> erf(Math.sqrt(x)));
    }

    // The series 2/sqrt(pi) exp(-x²) sum 2^n x^(2n+1) / (2n+1)!!, which has no cancellation.
    private static double erf(double x) {
        double term = x;
        double sum = x;
        for (int n = 1; n < 400; n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }

    @Test
    void betaIsDistributedAsItShould() {
        DrawSequence one = draws(3);
        assertDistributed(sample(i -> one.beta(1, 1)), x -> x);
        DrawSequence arcsine = draws(5);
        assertDistributed(sample(i -> arcsine.beta(0.5, 0.5)), x -> 2 / Math.PI * Math.asin(Math.sqrt(x)));
        DrawSequence skew = draws(6);
        assertDistributed(sample(i -> skew.beta(2, 3)), x -> x * x * (6 - 8 * x + 3 * x * x));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.001, 0.1, 0.2, 1, 8})
    void betaHasItsMoments(double alpha) {
        DrawSequence draws = draws(7);
        double[] sample = sample(i -> draws.beta(alpha, alpha));
        double mean = Arrays.stream(sample).average().orElseThrow();
        double variance =
                Arrays.stream(sample).map(x -> (x - mean) * (x - mean)).sum() / (DRAWS - 1);
        double expected = 1 / (4 * (2 * alpha + 1));
        assertTrue(Arrays.stream(sample).allMatch(x -> x >= 0 && x <= 1));
        assertEquals(0.5, mean, 4 * Math.sqrt(expected / DRAWS));
        // A variance of n values in [0, 1] is as sure as that.
        assertEquals(expected, variance, 4 * 0.25 / Math.sqrt(DRAWS));
    }

    @Test
    void dirichletSumsToOneWithEvenMeans() {
        DrawSequence draws = draws(8);
        double[] weights = new double[3];
        double[] means = new double[3];
        double squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            draws.dirichlet(1, weights);
            assertEquals(1, weights[0] + weights[1] + weights[2], 1e-12);
            squares += weights[0] * weights[0] / DRAWS;
            for (int k = 0; k < 3; k++) {
                means[k] += weights[k] / DRAWS;
            }
        }
        for (double mean : means) {
            assertEquals(1.0 / 3, mean, 5 * Math.sqrt(1.0 / 18 / DRAWS));
        }
        assertEquals(1.0 / 6, squares, 0.005);
    }

    @Test
    void shapesAreChecked() {
        assertThrows(IllegalArgumentException.class, () -> draws(0).gamma(0));
        assertThrows(IllegalArgumentException.class, () -> draws(0).beta(1, Double.NaN));
    }
}
