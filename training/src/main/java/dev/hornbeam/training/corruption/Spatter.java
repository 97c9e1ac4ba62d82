package dev.hornbeam.training.corruption;

import java.util.Arrays;

/**
 * Drops of water, or splashes of mud.
 *
 * <p>Where the drops are: normal numbers of a mean and deviation, one per pixel, blurred by a Gaussian and set to 0 below
 * a threshold. Mud: where the drops are, the image turns brown, with soft edges. Water: the drops get a relief from the
 * distance to their edges, and pale turquoise is added.
 */
final class Spatter extends CanvasCorruption {
    // Mean, deviation, σ, threshold, α, 0 for water and 1 for mud.
    private static final Severities DROPS = Severities.rows(
            Severities.table(
                    Severities.of(.62, .1, .7, .7, .5, 0),
                    Severities.of(.65, .1, .8, .7, .5, 0),
                    Severities.of(.65, .3, 1, .69, .5, 0),
                    Severities.of(.65, .1, .7, .69, .6, 1),
                    Severities.of(.65, .1, .5, .68, .6, 1)),
            Severities.table(
                    Severities.of(.62, .1, .7, .7, .6, 0),
                    Severities.of(.65, .1, .8, .7, .6, 0),
                    Severities.of(.65, .3, 1, .69, .6, 0),
                    Severities.of(.65, .1, .7, .68, .6, 1),
                    Severities.of(.65, .1, .5, .67, .6, 1)),
            Severities.table(
                    Severities.of(.65, .3, 4, .69, .6, 0),
                    Severities.of(.65, .3, 3, .68, .6, 0),
                    Severities.of(.65, .3, 2, .68, .5, 0),
                    Severities.of(.65, .3, 1, .65, 1.5, 1),
                    Severities.of(.67, .4, 1, .65, 1.5, 1)));
    private static final float[] TURQUOISE = {175, 238, 238};
    private static final float[] BROWN = {63, 42, 20};
    private static final Taps BOX_SUM = square(1, 1, 1, 1, 1, 1, 1, 1, 1);
    private static final Taps LIGHT = square(
            -2, -1, 0, //
            -1, 1, 1, //
            0, 1, 2);
    private static final float LEAST_MUD = 0.8f;
    private static final float FARTHEST = 20;

    // More than the inverse of any difference but 0 of two numbers of 24 bits.
    private static final float STEEP = 0x1p60f;

    Spatter() {
        super("spatter");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double[] row = DROPS.row(constants, severity);
        int pixels = canvas.height * canvas.width;
        float[] drawn = canvas.floats(0, pixels);
        draws.normals(drawn, pixels);
        float mean = (float) row[0];
        float deviation = (float) row[1];
        for (int i = 0; i < pixels; i++) {
            drawn[i] = mean + deviation * drawn[i];
        }
        blur(canvas, drawn, row[2]);
        float threshold = (float) row[3];
        if (row[5] == 0) {
            for (int i = 0; i < pixels; i++) {
                // 1 from the threshold on, below it 0: without branches, which nobody can foretell.
                float kept = Math.max(0f, Math.min(1f, (drawn[i] - threshold) * STEEP + 1));
                drawn[i] = drawn[i] * kept;
            }
            water(canvas, drawn, (float) row[4]);
        } else {
            for (int i = 0; i < pixels; i++) {
                drawn[i] = Math.max(0f, Math.min(1f, (drawn[i] - threshold) * STEEP));
            }
            mud(canvas, drawn, row[4]);
        }
    }

    private static void blur(Canvas canvas, float[] values, double sigma) {
        int height = canvas.height;
        int width = canvas.width;
        float[][] rows = canvas.lines(0, 2 * height, width);
        float[][] spare = Arrays.copyOfRange(rows, height, 2 * height);
        for (int y = 0; y < height; y++) {
            System.arraycopy(values, y * width, rows[y], 0, width);
        }
        GaussianFilter.of(sigma, 4).planes(rows, spare, canvas.lines(1, 2 * width, height), height, width, 1);
        for (int y = 0; y < height; y++) {
            System.arraycopy(rows[y], 0, values, y * width, width);
        }
    }

    // The share of mud is 1 on the drops and 0 between, blurred by a Gaussian of α, and 0 where that is less than 0.8.
    private static void mud(Canvas canvas, float[] share, double alpha) {
        blur(canvas, share, alpha);
        float[] levels = canvas.levels(canvas.in, 1);
        float[] out = canvas.out;
        for (int i = 0; i < canvas.height * canvas.width; i++) {
            share[i] = share[i] * Math.max(0f, Math.min(1f, (share[i] - LEAST_MUD) * STEEP + 1));
        }
        for (int i = 0, k = 0; k < canvas.values; i++, k += 3) {
            float mud = share[i];
            float rest = 1 - mud;
            out[k] = levels[k] * rest + BROWN[0] * mud;
            out[k + 1] = levels[k + 1] * rest + BROWN[1] * mud;
            out[k + 2] = levels[k + 2] * rest + BROWN[2] * mud;
        }
    }

    // Relief: distance to the edges of the drops (Canny, 50 and 150), at most 20, smoothed, cut to 8 bits, equalised
    // and
    // lit from one side. What is added is liquid x relief, of which the highest is made α.
    private static void water(Canvas canvas, float[] liquid, float alpha) {
        int height = canvas.height;
        int width = canvas.width;
        int pixels = height * width;
        int[] level = canvas.ints(0, pixels);
        for (int i = 0; i < pixels; i++) {
            level[i] = (int) (liquid[i] * 255) & 0xff;
        }
        int[] edges = canvas.ints(1, pixels);
        EdgeMap.canny(canvas, level, edges, height, width, 50, 150);
        float[] relief = canvas.floats(1, pixels);
        EdgeMap.distances(canvas, edges, relief, height, width);
        for (int i = 0; i < pixels; i++) {
            relief[i] = Math.min(relief[i], FARTHEST);
        }
        float[] smooth = canvas.floats(2, pixels);
        BOX_SUM.apply(canvas, relief, smooth, height, width, 1, true);
        int[] whole = canvas.ints(1, pixels);
        for (int i = 0; i < pixels; i++) {
            whole[i] = (int) (smooth[i] / 9);
        }
        equalise(whole, pixels);
        for (int i = 0; i < pixels; i++) {
            relief[i] = whole[i];
        }
        LIGHT.apply(canvas, relief, smooth, height, width, 1, true);
        for (int i = 0; i < pixels; i++) {
            smooth[i] = Math.max(0, Math.min(255, smooth[i]));
        }
        BOX_SUM.apply(canvas, smooth, relief, height, width, 1, true);
        float most = 0;
        for (int i = 0; i < pixels; i++) {
            // Of nine whole numbers the mean, rounded.
            int mean = (2 * (int) relief[i] + 9) / 18;
            relief[i] = level[i] * mean;
            most = Math.max(most, relief[i]);
        }
        // Without any drop there is nothing to add.
        float scale = most == 0 ? 0 : alpha / most;
        float[] levels = canvas.levels();
        float[] out = canvas.out;
        for (int i = 0, k = 0; i < pixels; i++, k += 3) {
            float water = relief[i] * scale;
            out[k] = levels[k] + TURQUOISE[0] * water;
            out[k + 1] = levels[k + 1] + TURQUOISE[1] * water;
            out[k + 2] = levels[k + 2] + TURQUOISE[2] * water;
        }
    }

    private static Taps square(float... weights) {
        int[] down = new int[9];
        int[] right = new int[9];
        for (int i = 0; i < 9; i++) {
            down[i] = i / 3 - 1;
            right[i] = i % 3 - 1;
        }
        return new Taps(down, right, weights);
    }

    // Spreads the levels so that each is as frequent as another; the lowest becomes 0.
    private static void equalise(int[] levels, int count) {
        int[] histogram = new int[256];
        for (int i = 0; i < count; i++) {
            histogram[levels[i]]++;
        }
        int lowest = 0;
        while (histogram[lowest] == 0) {
            lowest++;
        }
        if (histogram[lowest] == count) {
            return;
        }
        float scale = 255f / (count - histogram[lowest]);
        int[] spread = new int[256];
        Arrays.fill(spread, 0);
        int sum = 0;
        for (int level = lowest + 1; level < 256; level++) {
            sum += histogram[level];
            spread[level] = (int) Math.rint(sum * scale);
        }
        for (int i = 0; i < count; i++) {
            levels[i] = spread[levels[i]];
        }
    }
}
