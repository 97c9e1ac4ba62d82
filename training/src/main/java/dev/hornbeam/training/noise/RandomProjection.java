package dev.hornbeam.training.noise;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;

/** The instance-dependent noise of Xia et al. 2020, which {@link LabelNoise.InstanceDependent} describes. */
final class RandomProjection {
    // 10 classes of CIFAR take 3·10^5 numbers and its 100 take 3·10^7; beyond this it would take minutes.
    private static final long MOST_NUMBERS = 1L << 31;
    private static final int MOST_ATTEMPTS = 10_000;

    private final ImageSet set;
    private final double rate;
    private final double spread;
    private final long seed;

    RandomProjection(ImageSet set, double rate, double spread, long seed) {
        this.set = set;
        this.rate = rate;
        this.spread = spread;
        this.seed = seed;
    }

    NoisyLabels labels() {
        LabelDraws draws = LabelDraws.of(set, seed);
        int classes = set.classes();
        int length = set.imageLength();
        if ((long) classes * classes * length > MOST_NUMBERS) {
            throw new UserError(set.name() + ": instance-dependent noise takes " + (long) classes * classes * length
                    + " random weights for " + classes + " classes and images of " + length
                    + " values, more than the " + MOST_NUMBERS + " that are drawn; take least-sure instead");
        }
        Normalization scale = Normalization.of(set);
        float[] x = new float[length];
        byte[] bytes = new byte[length];
        float[] weights = new float[length * classes];
        double[] row = new double[classes];
        int[] noisy = set.labels();
        for (int c = 0; c < classes; c++) {
            NoiseDraw.of(seed, NoiseDraw.PROJECTION, c).normals(0, weights);
            for (int i = 0; i < noisy.length; i++) {
                if (set.label(i) == c) {
                    set.copyImage(i, bytes, 0);
                    scaled(bytes, scale, x);
                    project(x, weights, row);
                    toProbabilities(row, c, rateOf(set.originalIndex(i)));
                    noisy[i] = draws.fromRow(i, row);
                }
            }
        }
        return draws.redraw(i -> noisy[i]);
    }

    private void scaled(byte[] bytes, Normalization scale, float[] x) {
        int channels = set.channels();
        for (int k = 0; k < x.length; k++) {
            int c = k % channels;
            x[k] = (float) (((bytes[k] & 0xff) / 255.0 - scale.mean().get(c))
                    / scale.std().get(c));
        }
    }

    private static void project(float[] x, float[] weights, double[] row) {
        java.util.Arrays.fill(row, 0);
        for (int k = 0; k < x.length; k++) {
            for (int c = 0; c < row.length; c++) {
                row[c] += (double) x[k] * weights[k * row.length + c];
            }
        }
    }

    // q softmax over the classes but the right one, which keeps 1 - q.
    private static void toProbabilities(double[] row, int right, double q) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < row.length; c++) {
            largest = c == right ? largest : Math.max(largest, row[c]);
        }
        double sum = 0;
        for (int c = 0; c < row.length; c++) {
            row[c] = c == right ? 0 : StrictMath.exp(row[c] - largest);
            sum += row[c];
        }
        for (int c = 0; c < row.length; c++) {
            row[c] *= q / sum;
        }
        row[right] = 1 - q;
    }

    /** The rate of one image: the first of a sequence of normal numbers that lies within 0 and 1. */
    private double rateOf(int index) {
        for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
            Philox draw = NoiseDraw.of(seed, NoiseDraw.INSTANCE_RATE, attempt);
            double q = rate + spread * draw.normal(index);
            if (q >= 0 && q <= 1) {
                return q;
            }
        }
        return rate;
    }

    /** The mean of the truncated normal distribution that the rates are drawn from, by the trapezoid rule. */
    static double meanRate(double rate, double spread) {
        if (spread == 0) {
            return rate;
        }
        int steps = 20_000;
        double mass = 0;
        double moment = 0;
        for (int k = 0; k <= steps; k++) {
            double q = (double) k / steps;
            double z = (q - rate) / spread;
            double density = Math.exp(-z * z / 2) * (k == 0 || k == steps ? 0.5 : 1);
            mass += density;
            moment += density * q;
        }
        return mass > 0 ? moment / mass : rate;
    }
}
