package dev.hornbeam.models.weights;

import dev.hornbeam.models.PositionGrid;
import dev.hornbeam.tensor.Tensor;

/**
 * Brings learned positions of a vision transformer to another square grid, as the networks themselves do for images of another
 * size. A token before the grid, such as the one for the class, stays.
 */
final class PositionResize {
    /** Images of 2048 pixels in patches of 16; more is no grid of a network. */
    private static final int LARGEST_SIDE = 128;

    private PositionResize() {}

    // 0 where this is no square grid behind so many tokens.
    private static int side(long rows, int tokens) {
        int side = (int) Math.round(Math.sqrt((double) rows - tokens));
        return side > 0 && side <= LARGEST_SIDE && (long) side * side == rows - tokens ? side : 0;
    }

    // A token comes first where both numbers leave a square behind it; -1 where they leave none with or without.
    private static int tokens(long given, long needed) {
        for (int tokens : new int[] {1, 0}) {
            if (side(given, tokens) > 0 && side(needed, tokens) > 0) {
                return tokens;
            }
        }
        return -1;
    }

    /** Whether positions [1, given, d] can be resized to [1, needed, d]. */
    static boolean fits(long[] given, long[] needed) {
        return given.length == 3
                && needed.length == 3
                && given[0] == 1
                && needed[0] == 1
                && given[2] == needed[2]
                && tokens(given[1], needed[1]) >= 0;
    }

    /** Both sizes, for the report, as in 14x14 to 24x24. */
    static String describe(long given, long needed) {
        int tokens = tokens(given, needed);
        int from = side(given, tokens);
        int to = side(needed, tokens);
        return from + "x" + from + " to " + to + "x" + to;
    }

    /** The positions [1, rows, d] for another number of rows, for which they {@link #fits fit}. */
    static Tensor resize(Tensor positions, long rows) {
        int tokens = tokens(positions.size(1), rows);
        int from = side(positions.size(1), tokens);
        int to = side(rows, tokens);
        long width = positions.size(2);
        Tensor grid = positions.slice(1, tokens, positions.size(1)).reshape((long) from * from, width);
        Tensor weights = PositionGrid.interpolation(from, from, to, to, PositionGrid.Interpolation.BICUBIC);
        Tensor resized = weights.cast(grid.dtype()).matmul(grid).reshape(1, (long) to * to, width);
        return tokens == 0 ? resized : Tensor.concat(1, positions.slice(1, 0, tokens), resized);
    }
}
