package dev.hornbeam.training.corruption;

import java.util.Arrays;

/**
 * A random landscape of clouds, by the diamond-square method on a torus.
 *
 * <p>The side n is a power of two. From the whole square down to single points, the middle of every square of points is
 * set to the mean of its corners plus a random deviation, then the middle of every edge to the mean of the four points
 * around it plus another. The deviation is wobble · U(-wobble, wobble); wobble is 100 at first and is divided by the
 * decay after every halving. The point in row y and column x takes uniform number y·n + x; the one at the origin is 0.
 */
final class PlasmaMap {
    private PlasmaMap() {}

    /** Returns the smallest side that covers an image. */
    static int side(int height, int width) {
        int side = 2;
        while (side < height || side < width) {
            side *= 2;
        }
        return side;
    }

    /** Fills {@code map} with heights from 0 (lowest) to 1 (highest). */
    static void fill(float[] map, int side, double decay, float[] drawn) {
        map[0] = 0;
        double wobble = 100;
        for (int step = side; step >= 2; step /= 2, wobble /= decay) {
            int half = step / 2;
            float scale = (float) (2 * wobble * wobble);
            float shift = (float) (wobble * wobble);
            for (int y = 0; y < side; y += step) {
                int below = ((y + step) & (side - 1)) * side;
                int to = (y + half) * side;
                for (int x = 0; x < side; x += step) {
                    int right = (x + step) & (side - 1);
                    float corners = map[y * side + x] + map[y * side + right] + map[below + x] + map[below + right];
                    int at = to + x + half;
                    map[at] = corners * 0.25f + (drawn[at] * scale - shift);
                }
            }
            for (int y = 0; y < side; y += step) {
                int above = ((y - half) & (side - 1)) * side;
                int below = (y + half) * side;
                int lower = ((y + step) & (side - 1)) * side;
                for (int x = 0; x < side; x += step) {
                    // The middle of the square's upper edge, and of its left edge.
                    int right = (x + step) & (side - 1);
                    int left = (x - half) & (side - 1);
                    int at = y * side + x + half;
                    float around =
                            map[y * side + x] + map[y * side + right] + map[above + x + half] + map[below + x + half];
                    map[at] = around * 0.25f + (drawn[at] * scale - shift);
                    at = below + x;
                    around = map[y * side + x] + map[lower + x] + map[below + left] + map[below + x + half];
                    map[at] = around * 0.25f + (drawn[at] * scale - shift);
                }
            }
        }
        // First for every column, so that neighbours are compared at once.
        float[] low = Arrays.copyOf(map, side);
        float[] high = Arrays.copyOf(map, side);
        float[] line = new float[side];
        for (int y = 1; y < side; y++) {
            System.arraycopy(map, y * side, line, 0, side);
            extremes(line, low, high);
        }
        float lowest = low[0];
        float highest = high[0];
        for (int x = 1; x < side; x++) {
            lowest = Math.min(lowest, low[x]);
            highest = Math.max(highest, high[x]);
        }
        float range = highest - lowest;
        for (int i = 0; i < side * side; i++) {
            map[i] = (map[i] - lowest) / range;
        }
    }

    private static void extremes(float[] line, float[] low, float[] high) {
        for (int x = 0; x < line.length; x++) {
            low[x] = Math.min(low[x], line[x]);
            high[x] = Math.max(high[x], line[x]);
        }
    }
}
