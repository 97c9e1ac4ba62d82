package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops.SampleTables;

/**
 * A Poisson distribution of a fixed mean, sampled by inversion.
 *
 * <p>The distribution function is tabulated where it can still be told from 0 and 1; a uniform number of 48 bits is
 * looked up in it: the sample is the smallest n with u &lt; P(X ≤ n), exact to those 48 bits. Every sample takes two
 * elements of a stream, whatever the mean, so that the draws of different pixels never depend on each other. StrictMath
 * makes the table the same everywhere.
 */
final class PoissonTable {
    // No number of 48 bits but 0 falls where the distribution function is below this or as close to 1.
    private static final double NEGLIGIBLE = 0x1p-60;

    // The first 8 bits of a number find its place in the guide, the next 16 mostly decide.
    private static final int CELLS = 256;
    private static final int REST = 0xffff;

    private final int first;
    private final double[] cumulative;
    // For numbers in [i, i+1) / CELLS, as the engine's header says: two samples and where one follows the other, or
    // ~entry
    // where the search begins.
    private final int[] guide;

    PoissonTable(double mean) {
        int mode = (int) mean;
        double atMode = mean == 0 ? 1 : StrictMath.exp(mode * StrictMath.log(mean) - mean - logFactorial(mode));
        int low = mode;
        for (double p = atMode; low > 0 && p > NEGLIGIBLE; low--) {
            // P(n-1) = P(n) n / mean
            p *= low / mean;
        }
        int high = mode;
        for (double p = atMode; p > NEGLIGIBLE; high++) {
            // P(n+1) = P(n) mean / (n+1)
            p *= mean / (high + 1);
        }
        first = low;
        cumulative = new double[high - low + 1];
        cumulative[mode - low] = atMode;
        for (int n = mode; n > low; n--) {
            cumulative[n - 1 - low] = cumulative[n - low] * n / mean;
        }
        for (int n = mode; n < high; n++) {
            cumulative[n + 1 - low] = cumulative[n - low] * mean / (n + 1);
        }
        double sum = 0;
        for (int i = 0; i < cumulative.length; i++) {
            sum += cumulative[i];
            cumulative[i] = sum;
        }
        for (int i = 0; i < cumulative.length; i++) {
            cumulative[i] /= sum;
        }
        // Exactly 1, so that every uniform number finds its place.
        cumulative[cumulative.length - 1] = 1;
        guide = new int[CELLS];
        for (int i = 0, entry = 0; i < CELLS; i++) {
            while (cumulative[entry] <= (double) i / CELLS) {
                entry++;
            }
            double end = (i + 1.0) / CELLS;
            if (cumulative[entry] >= end) {
                guide[i] = (first + entry) << 16 | REST;
            } else if (cumulative[entry + 1] >= end) {
                guide[i] = (first + entry) << 16 | ((int) (cumulative[entry] * 0x1p24) & REST);
            } else {
                guide[i] = ~entry;
            }
        }
    }

    /** Returns the largest sample. */
    int largest() {
        return first + cumulative.length - 1;
    }

    /** Returns the tables of one distribution per pixel value, in the order of the values, as the engine reads them. */
    static SampleTables joined(PoissonTable[] tables, float[] levelOf) {
        int[] place = new int[2 * tables.length];
        int entries = 0;
        for (int i = 0; i < tables.length; i++) {
            place[2 * i] = entries;
            place[2 * i + 1] = tables[i].first;
            entries += tables[i].cumulative.length;
        }
        int[] guide = new int[CELLS * tables.length];
        double[] cumulative = new double[entries];
        for (int i = 0; i < tables.length; i++) {
            System.arraycopy(tables[i].guide, 0, guide, CELLS * i, CELLS);
            System.arraycopy(tables[i].cumulative, 0, cumulative, place[2 * i], tables[i].cumulative.length);
        }
        return new SampleTables(place, guide, cumulative, levelOf);
    }

    /** Returns the sample for two uniform numbers of 24 bits in [0, 1); the second one gives the lower bits. */
    int sample(float high, float low) {
        int bits = (int) (high * 0x1p24f);
        int guess = guide[bits >> 16];
        int sample = guess >> 16;
        int rest = bits & REST;
        int turn = guess & REST;
        if (guess >= 0 && rest != turn) {
            return rest < turn ? sample : sample + 1;
        }
        int entry = guess < 0 ? ~guess : sample - first;
        double u = high + 0x1p-24 * low;
        while (u >= cumulative[entry]) {
            entry++;
        }
        return first + entry;
    }

    private static double logFactorial(int n) {
        double sum = 0;
        for (int i = 2; i <= n; i++) {
            sum += StrictMath.log(i);
        }
        return sum;
    }
}
