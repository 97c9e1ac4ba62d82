package dev.hornbeam.training.random;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import java.util.Arrays;

/**
 * Random numbers one after the other: a cursor over the elements of a {@link Philox} stream, from element 0 on.
 *
 * <p>For draws of which the next depends on the last, as in samplers by rejection. Every call says how many elements it takes.
 * Logarithms and exponentials are {@link StrictMath}'s, so that the numbers are the same on every machine.
 *
 * <p>An object can be used again for another stream with {@link #begin}; one thread uses it at a time.
 */
public final class DrawSequence {
    private static final int UNIFORM_VALUES = 1 << 24;

    private long seed;
    private Purpose purpose;
    private int tensor;
    private int step;
    private int stream;
    private long next;

    /** Begins at element 0 of the stream with these components, as {@link Philox} has them. */
    public DrawSequence(long seed, Purpose purpose, int tensor, int step, int stream) {
        begin(seed, purpose, tensor, step, stream);
    }

    /** Goes to element 0 of another stream. */
    public DrawSequence begin(long newSeed, Purpose newPurpose, int newTensor, int newStep, int newStream) {
        seed = newSeed;
        purpose = newPurpose;
        tensor = newTensor;
        step = newStep;
        stream = newStream;
        next = 0;
        return this;
    }

    /** A whole number from 0 to {@code bound - 1}. Takes one element. */
    public int below(int bound) {
        return Philox.below(seed, purpose, tensor, step, stream, next++, bound);
    }

    /** True with probability 1/2. Takes one element. */
    public boolean coin() {
        return below(2) == 1;
    }

    /** True with that probability. Takes one element. */
    public boolean chance(double probability) {
        return uniform() < probability;
    }

    /** A number in [0, 1), a multiple of 2<sup>-24</sup>: {@link Philox#uniform}. Takes one element. */
    public float uniform() {
        return below(UNIFORM_VALUES) * 0x1p-24f;
    }

    /** A number from {@code low} to {@code high}, {@code low + (high - low) * uniform()}. Takes one element. */
    public double between(double low, double high) {
        return low + (high - low) * uniform();
    }

    /** A number in the open interval (0, 1), an odd multiple of 2<sup>-49</sup>. Takes two elements. */
    public double open() {
        long high = below(UNIFORM_VALUES);
        return ((high << 24 | below(UNIFORM_VALUES)) + 0.5) * 0x1p-48;
    }

    /**
     * A number from the standard normal distribution: {@link Philox#normal} of the next element with an even number. Takes that
     * and the one after it, because both words are in it: nothing else may be made of them.
     */
    public float normal() {
        long even = (next + 1) & ~1L;
        next = even + 2;
        return new Philox(seed, purpose, tensor, step, stream).normal(even);
    }

    /**
     * A number from the gamma distribution with that shape and scale 1.
     *
     * @param shape above 0
     */
    public double gamma(double shape) {
        return StrictMath.exp(logGamma(shape));
    }

    /**
     * The logarithm of a number from the gamma distribution with that shape and scale 1; of small shapes the number itself is
     * often too small for a double.
     *
     * <p>The rejection method of Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000: d
     * = shape - 1/3, c = 1/sqrt(9d); {@link #normal} x until v = (1 + cx)³ is above 0; {@link #open} u; dv is accepted if ln u
     * &lt; x²/2 + d - dv + d ln v. A shape s below 1 takes first u from {@link #open} and then a number of shape s + 1 times
     * u<sup>1/s</sup>. No approximation is in it but that of the normal draws.
     *
     * @param shape above 0
     */
    public double logGamma(double shape) {
        if (!(shape > 0 && shape < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("shape of a gamma distribution is " + shape + "; expected above 0");
        }
        double boost = 0;
        double s = shape;
        if (shape < 1) {
            boost = StrictMath.log(open()) / shape;
            s = shape + 1;
        }
        double d = s - 1.0 / 3;
        double c = 1 / Math.sqrt(9 * d);
        while (true) {
            double x;
            double v;
            do {
                x = normal();
                v = 1 + c * x;
            } while (v <= 0);
            v = v * v * v;
            double logV = StrictMath.log(v);
            if (StrictMath.log(open()) < 0.5 * x * x + d - d * v + d * logV) {
                return StrictMath.log(d) + logV + boost;
            }
        }
    }

    /**
     * A number from the beta distribution: X / (X + Y) with X of {@link #logGamma} of {@code a}, then Y of {@code b}.
     *
     * @param a above 0
     * @param b above 0
     */
    public double beta(double a, double b) {
        double x = logGamma(a);
        double y = logGamma(b);
        return 1 / (1 + StrictMath.exp(y - x));
    }

    /**
     * Fills {@code out} with numbers that sum to 1, from the Dirichlet distribution with all parameters equal: gamma draws
     * divided by their sum.
     *
     * @param alpha above 0
     */
    public void dirichlet(double alpha, double[] out) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < out.length; i++) {
            out[i] = logGamma(alpha);
            largest = Math.max(largest, out[i]);
        }
        for (int i = 0; i < out.length; i++) {
            out[i] = StrictMath.exp(out[i] - largest);
        }
        double sum = Arrays.stream(out).sum();
        for (int i = 0; i < out.length; i++) {
            out[i] /= sum;
        }
    }
}
