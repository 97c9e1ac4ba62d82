package dev.hornbeam.training.corruption;

import java.util.Arrays;

/**
 * Edges in an image of levels, and the distance to them.
 *
 * <p>Sources: Canny, "A computational approach to edge detection", 1986, with Sobel's derivatives and the sum of their
 * sizes as strength; Borgefors, "Distance transformations in digital images", 1986, with steps of 1, 1.4 and 2.1969.
 */
final class EdgeMap {
    // tan 22.5° and tan 67.5° - tan 22.5° = 2, times 2^15.
    private static final int TAN_22 = 13573;
    private static final int ONE = 1 << 15;
    // Multiples of 2^-16.
    private static final int STRAIGHT = 65536;
    private static final int DIAGONAL = 91750;
    private static final int KNIGHT = 143976;
    private static final int FAR = Integer.MAX_VALUE / 2;

    // Sobel's derivatives.
    private static final Taps ACROSS = new Taps(
            new int[] {-1, 0, 1, -1, 0, 1}, new int[] {-1, -1, -1, 1, 1, 1}, new float[] {-1, -2, -1, 1, 2, 1});
    private static final Taps DOWN = new Taps(
            new int[] {-1, -1, -1, 1, 1, 1}, new int[] {-1, 0, 1, -1, 0, 1}, new float[] {-1, -2, -1, 1, 2, 1});

    private EdgeMap() {}

    /**
     * Marks edge pixels with 1, others with 0.
     *
     * <p>A pixel is a candidate if its gradient is stronger than {@code low} and not weaker than both neighbours' in its
     * direction. Candidates stronger than {@code high} are edges, and all candidates that touch an edge.
     */
    static void canny(Canvas canvas, int[] level, int[] edges, int height, int width, int low, int high) {
        int pixels = height * width;
        int stride = width + 2;
        float[] image = canvas.floats(1, pixels);
        for (int i = 0; i < pixels; i++) {
            image[i] = level[i];
        }
        float[] across = canvas.floats(2, pixels);
        float[] down = canvas.floats(3, pixels);
        ACROSS.apply(canvas, image, across, height, width, 1, false);
        DOWN.apply(canvas, image, down, height, width, 1, false);
        for (int i = 0; i < pixels; i++) {
            image[i] = Math.abs(across[i]) + Math.abs(down[i]);
        }
        int[] sizes = canvas.ints(3, pixels);
        for (int i = 0; i < pixels; i++) {
            sizes[i] = (int) image[i];
        }
        // With a border of strength 0.
        int[] strength = canvas.ints(2, (height + 2) * stride);
        Arrays.fill(strength, 0, (height + 2) * stride, 0);
        for (int y = 0; y < height; y++) {
            System.arraycopy(sizes, y * width, strength, (y + 1) * stride + 1, width);
        }
        int[] found = new int[height * width];
        int count = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int i = y * width + x;
                int at = (y + 1) * stride + x + 1;
                edges[i] = 0;
                if (strength[at] > low && isRidge(strength, at, stride, (int) across[i], (int) down[i])) {
                    // 2: a candidate.
                    edges[i] = 2;
                    if (strength[at] > high) {
                        edges[i] = 1;
                        found[count++] = i;
                    }
                }
            }
        }
        while (count > 0) {
            int i = found[--count];
            int y = i / width;
            int x = i % width;
            for (int ny = Math.max(y - 1, 0); ny <= Math.min(y + 1, height - 1); ny++) {
                for (int nx = Math.max(x - 1, 0); nx <= Math.min(x + 1, width - 1); nx++) {
                    if (edges[ny * width + nx] == 2) {
                        edges[ny * width + nx] = 1;
                        found[count++] = ny * width + nx;
                    }
                }
            }
        }
        for (int i = 0; i < height * width; i++) {
            edges[i] &= 1;
        }
    }

    private static boolean isRidge(int[] strength, int at, int stride, int across, int down) {
        int here = strength[at];
        int flat = Math.abs(across) * TAN_22;
        int steep = Math.abs(down) * ONE;
        if (steep < flat) {
            return here > strength[at - 1] && here >= strength[at + 1];
        }
        if (steep > flat + Math.abs(across) * 2 * ONE) {
            return here > strength[at - stride] && here >= strength[at + stride];
        }
        int side = (across ^ down) < 0 ? -1 : 1;
        return here > strength[at - stride - side] && here > strength[at + stride + side];
    }

    /** Computes the distance of every pixel to the next edge pixel, in pixels; very far where there is no edge. */
    static void distances(Canvas canvas, int[] edges, float[] distance, int height, int width) {
        // A margin of two pixels that are far from everything.
        int stride = width + 4;
        int[] d = canvas.ints(2, (height + 4) * stride);
        int[][] beside = new int[6][width];
        int[] line = new int[width];
        Arrays.fill(d, 0, (height + 4) * stride, FAR);
        for (int y = 0; y < height; y++) {
            int row = (y + 2) * stride + 2;
            nearest(d, row, -stride, beside, line);
            int before = FAR;
            for (int x = 0; x < width; x++) {
                // An edge is at 0; edges are 1 or 0.
                before = Math.min(Math.min(line[x], before + STRAIGHT), FAR) & (edges[y * width + x] - 1);
                d[row + x] = before;
            }
        }
        for (int y = height - 1; y >= 0; y--) {
            int row = (y + 2) * stride + 2;
            nearest(d, row, stride, beside, line);
            int behind = FAR;
            for (int x = width - 1; x >= 0; x--) {
                behind = Math.min(d[row + x], Math.min(line[x], behind + STRAIGHT));
                d[row + x] = behind;
                distance[y * width + x] = behind * 0x1p-16f;
            }
        }
    }

    // For a line, the least by way of the two lines before (a negative step) or behind.
    private static void nearest(int[] d, int row, int step, int[][] beside, int[] line) {
        int width = line.length;
        int next = row + step;
        int second = next + step;
        System.arraycopy(d, next, line, 0, width);
        System.arraycopy(d, next - 1, beside[0], 0, width);
        System.arraycopy(d, next + 1, beside[1], 0, width);
        System.arraycopy(d, next - 2, beside[2], 0, width);
        System.arraycopy(d, next + 2, beside[3], 0, width);
        System.arraycopy(d, second - 1, beside[4], 0, width);
        System.arraycopy(d, second + 1, beside[5], 0, width);
        for (int x = 0; x < width; x++) {
            line[x] = line[x] + STRAIGHT;
        }
        for (int i = 0; i < 6; i++) {
            lower(line, beside[i], i < 2 ? DIAGONAL : KNIGHT);
        }
    }

    private static void lower(int[] line, int[] other, int more) {
        for (int x = 0; x < line.length; x++) {
            line[x] = Math.min(line[x], other[x] + more);
        }
    }
}
