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

    private EdgeMap() {}

    /**
     * Marks edge pixels with 1, others with 0.
     *
     * <p>A pixel is a candidate if its gradient is stronger than {@code low} and not weaker than both neighbours' in its
     * direction. Candidates stronger than {@code high} are edges, and all candidates that touch an edge.
     */
    static void canny(Canvas canvas, int[] level, int[] edges, int height, int width, int low, int high) {
        int stride = width + 2;
        // With a border of strength 0.
        int[] strength = canvas.ints(2, (height + 2) * stride);
        int[] slopes = canvas.ints(3, 2 * height * width);
        Arrays.fill(strength, 0, (height + 2) * stride, 0);
        for (int y = 0; y < height; y++) {
            int row = y * width;
            int above = Math.max(y - 1, 0) * width;
            int below = Math.min(y + 1, height - 1) * width;
            for (int x = 0; x < width; x++) {
                int left = Math.max(x - 1, 0);
                int right = Math.min(x + 1, width - 1);
                int across = level[above + right]
                        - level[above + left]
                        + 2 * (level[row + right] - level[row + left])
                        + level[below + right]
                        - level[below + left];
                int down = level[below + left]
                        - level[above + left]
                        + 2 * (level[below + x] - level[above + x])
                        + level[below + right]
                        - level[above + right];
                slopes[2 * (row + x)] = across;
                slopes[2 * (row + x) + 1] = down;
                strength[(y + 1) * stride + x + 1] = Math.abs(across) + Math.abs(down);
            }
        }
        int[] found = new int[height * width];
        int count = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int i = y * width + x;
                int at = (y + 1) * stride + x + 1;
                edges[i] = 0;
                if (strength[at] > low && isRidge(strength, at, stride, slopes[2 * i], slopes[2 * i + 1])) {
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
        Arrays.fill(d, 0, (height + 4) * stride, FAR);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int at = (y + 2) * stride + x + 2;
                d[at] = edges[y * width + x] == 1 ? 0 : nearest(d, at, stride, -1);
            }
        }
        for (int y = height - 1; y >= 0; y--) {
            for (int x = width - 1; x >= 0; x--) {
                int at = (y + 2) * stride + x + 2;
                d[at] = Math.min(d[at], nearest(d, at, stride, 1));
                distance[y * width + x] = d[at] * 0x1p-16f;
            }
        }
    }

    // The least over the neighbours of which the distance is known, those before (-1) or behind (1) in reading order.
    private static int nearest(int[] d, int at, int stride, int way) {
        int next = at + way * stride;
        int second = next + way * stride;
        int knight = Math.min(Math.min(d[second - 1], d[second + 1]), Math.min(d[next - 2], d[next + 2]));
        int diagonal = Math.min(d[next - 1], d[next + 1]);
        int straight = Math.min(d[next], d[at + way]);
        return Math.min(FAR, Math.min(knight + KNIGHT, Math.min(diagonal + DIAGONAL, straight + STRAIGHT)));
    }
}
