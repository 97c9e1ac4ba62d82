package dev.hornbeam.autograd.ops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.internal.ffi.Structs;
import dev.hornbeam.tensor.TensorArgumentException;
import java.lang.foreign.MemorySegment;

/**
 * Noise on one weight, drawn where the weight is read: DAMP (Trinh et al. 2024, algorithm 1) and DAAP (algorithm 3).
 *
 * <p>The batch of n rows is split into {@code subBatches} runs: run m holds the rows [m n / M, (m+1) n / M), by whole
 * division. Run m sees w (1 + sigma z) or w + sigma z, where z are normal draws of the stream (seed, WEIGHT_NOISE,
 * tensor, step, firstStream + m) and the element is the flat index in w.
 *
 * @param kind how the noise enters
 * @param gradient what the weight's gradient is taken with respect to
 * @param subBatches M, at least 1
 * @param sigma the noise's deviation, at least 0
 * @param seed the run's seed
 * @param tensor number of the weight in its network
 * @param step the training step
 * @param firstStream stream of the first run, below 2<sup>24</sup>: with R replicas, replica * M
 */
public record Noise(
        Kind kind, Gradient gradient, int subBatches, float sigma, long seed, int tensor, int step, int firstStream) {
    /** How the noise enters. */
    public enum Kind {
        /** Not at all: the runs only divide the batch, for a batch norm with statistics of each run. */
        NONE(0),
        /** w (1 + sigma z): DAMP. */
        MULTIPLICATIVE(1),
        /** w + sigma z: DAAP. */
        ADDITIVE(2);

        private final int code;

        Kind(int code) {
            this.code = code;
        }
    }

    /** What the weight's gradient is taken with respect to. */
    public enum Gradient {
        /** The perturbed weight, as in the published code. */
        AT_PERTURBED(0),
        /** The clean weight: each run's gradient times (1 + sigma z). */
        CHAIN_RULE(1);

        private final int code;

        Gradient(int code) {
            this.code = code;
        }
    }

    /** Checks the ranges. */
    public Noise {
        check(subBatches, sigma, firstStream);
    }

    /** No noise, but a batch divided into runs. */
    public static Noise runs(int subBatches) {
        return new Noise(Kind.NONE, Gradient.AT_PERTURBED, subBatches, 0, 0, 0, 0, 0);
    }

    /**
     * Refuses numbers outside their ranges.
     *
     * @throws TensorArgumentException naming the number
     */
    public static void check(int subBatches, float sigma, int firstStream) {
        if (subBatches < 1) {
            throw new TensorArgumentException("noise: subBatches is " + subBatches + ", but at least 1 is needed");
        }
        if (!(sigma >= 0) || sigma == Float.POSITIVE_INFINITY) {
            throw new TensorArgumentException(
                    "noise: sigma is " + sigma + ", but a finite number of at least 0 is needed");
        }
        if (firstStream < 0 || firstStream >= 1 << 24) {
            throw new TensorArgumentException("noise: firstStream is " + firstStream + ", outside 0 to 2^24 - 1");
        }
    }

    /** Fills the struct and returns it. */
    MemorySegment fill(MemorySegment at) {
        at.set(JAVA_INT, Structs.Noise.KIND, kind.code);
        at.set(JAVA_INT, Structs.Noise.GRADIENT, gradient.code);
        at.set(JAVA_INT, Structs.Noise.SUB_BATCHES, subBatches);
        at.set(JAVA_FLOAT, Structs.Noise.SIGMA, sigma);
        at.set(JAVA_LONG, Structs.Noise.SEED, seed);
        at.set(JAVA_INT, Structs.Noise.TENSOR, tensor);
        at.set(JAVA_INT, Structs.Noise.STEP, step);
        at.set(JAVA_INT, Structs.Noise.FIRST_STREAM, firstStream);
        at.set(JAVA_INT, Structs.Noise.RESERVED, 0);
        return at;
    }

    /** Fills the struct, or gives the null pointer for no noise. */
    static MemorySegment optional(Noise noise, MemorySegment at) {
        return noise == null ? MemorySegment.NULL : noise.fill(at);
    }
}
