package dev.hornbeam.training.corruption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.image.PixelLoops;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PoissonTableTest {
    private static int sample(PoissonTable table, double u) {
        float high = (float) (Math.floor(u * 0x1p24) * 0x1p-24);
        return table.sample(high, (float) ((u - high) * 0x1p24));
    }

    @Test
    void zeroGivesZero() {
        PoissonTable table = new PoissonTable(0);
        assertEquals(0, sample(table, 0));
        assertEquals(0, sample(table, 0.5));
        assertEquals(0, sample(table, 1 - 0x1p-30));
    }

    /** Quantiles from SciPy: {@code scipy.stats.poisson.ppf([.001, .1, .5, .9, .999], mean)}. */
    @Test
    void quantilesAreThoseOfTheDistribution() {
        double[] at = {.001, .1, .5, .9, .999};
        double[] means = {0.3, 3, 50, 500};
        int[][] expected = {{0, 0, 0, 1, 3}, {0, 1, 3, 5, 10}, {30, 41, 50, 59, 73}, {432, 471, 500, 529, 571}};
        for (int m = 0; m < means.length; m++) {
            PoissonTable table = new PoissonTable(means[m]);
            for (int i = 0; i < at.length; i++) {
                assertEquals(expected[m][i], sample(table, at[i]), "mean " + means[m] + " at " + at[i]);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.0117, 0.9, 4, 23.5, 180, 500})
    void meanAndVarianceAreTheMean(double mean) {
        PoissonTable table = new PoissonTable(mean);
        Philox draw = new Philox(1, Purpose.TEST, 0, 0, 0);
        int count = 400_000;
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < count; i++) {
            double n = table.sample(draw.uniform(2L * i), draw.uniform(2L * i + 1));
            sum += n;
            squares += n * n;
        }
        double average = sum / count;
        // Five standard errors.
        assertEquals(mean, average, 5 * Math.sqrt(mean / count));
        double varianceError = Math.sqrt((mean + 2 * mean * mean) / count);
        assertEquals(mean, squares / count - average * average, 5 * varianceError);
        assertTrue(sum > 0);
    }

    /** A sample is the smallest n with u &lt; P(X ≤ n), for numbers anywhere and for those next to its turns. */
    @ParameterizedTest
    @ValueSource(doubles = {0.0117, 0.9, 4, 23.5, 180, 500})
    void samplesAreThoseOfTheDistributionFunction(double mean) {
        PoissonTable table = new PoissonTable(mean);
        double[] below = new double[table.largest() + 2]; // P(X < n)
        double log = -mean;
        for (int n = 0; n + 1 < below.length; n++) {
            below[n + 1] = below[n] + Math.exp(log);
            log += Math.log(mean / (n + 1));
        }
        // What the sums of both sides may differ by.
        double rounding = 1e-12;
        Philox draw = new Philox(3, Purpose.TEST, 0, 0, 0);
        for (int i = 0; i < 20_000; i++) {
            double u = i % 2 == 0 ? draw.uniform(i) : below[(int) (draw.uniform(i) * below.length)];
            for (double step : new double[] {-0x1p-24, -1e-11, 1e-11, 0x1p-24}) {
                double at = Math.clamp(u + step, 0, 1 - 0x1p-30);
                int n = sample(table, at);
                double kept = Math.floor(at * 0x1p48) * 0x1p-48;
                assertTrue(below[n] <= kept + rounding, n + " is too many for " + at);
                assertTrue(kept < below[n + 1] + rounding, n + " is too few for " + at);
            }
        }
    }

    /** The engine reads the joined tables as {@link PoissonTable#sample} reads one. */
    @ParameterizedTest
    @ValueSource(doubles = {3, 75, 500})
    void theEngineTakesTheSamplesOfTheTables(double lambda) {
        PoissonTable[] tables = new PoissonTable[256];
        for (int level = 0; level < tables.length; level++) {
            tables[level] = new PoissonTable(level / 255.0 * lambda);
        }
        float[] number = new float[tables[255].largest() + 1];
        for (int n = 0; n < number.length; n++) {
            number[n] = n;
        }
        Philox draw = new Philox(2, Purpose.TEST, 0, 0, 0);
        byte[] image = new byte[30_000];
        for (int k = 0; k < image.length; k++) {
            image[k] = (byte) k;
        }
        float[] sampled = new float[image.length];
        PixelLoops.sample(image, sampled, image.length, PoissonTable.joined(tables, number), draw);
        for (int k = 0; k < image.length; k++) {
            int expected = tables[k & 0xff].sample(draw.uniform(2L * k), draw.uniform(2L * k + 1));
            assertEquals(expected, sampled[k], "value " + k);
        }
    }
}
