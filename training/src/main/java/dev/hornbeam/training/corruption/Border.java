package dev.hornbeam.training.corruption;

/** Where a pixel outside of an image takes its value from. */
final class Border {
    private Border() {}

    /** Returns the place of i in 0 to size - 1 mirrored at its ends, the outermost pixel twice: c b a a b c. */
    static int reflect(int i, int size) {
        int period = 2 * size;
        int at = Math.floorMod(i, period);
        return at < size ? at : period - 1 - at;
    }

    /** Returns the place of i in 0 to size - 1 mirrored at its ends, the outermost pixel once: c b a b c. */
    static int reflect101(int i, int size) {
        if (size == 1) {
            return 0;
        }
        int period = 2 * size - 2;
        int at = Math.floorMod(i, period);
        return at < size ? at : period - at;
    }
}
