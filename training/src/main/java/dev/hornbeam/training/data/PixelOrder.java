package dev.hornbeam.training.data;

/** How the pixels of an image lie in a publisher's file, where not row by row with channels side by side. */
enum PixelOrder {
    /** One channel after the other, each row by row. */
    PLANES_OF_ROWS,
    /** One channel after the other, each column by column: MATLAB's order. */
    PLANES_OF_COLUMNS;

    /** Copies an image of {@code from} to {@code to} in the order HWC. */
    void interleave(byte[] from, int at, byte[] to, int toAt, int height, int width, int channels) {
        int down = this == PLANES_OF_ROWS ? width : 1;
        int right = this == PLANES_OF_ROWS ? 1 : height;
        int target = toAt;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int source = at + y * down + x * right;
                for (int c = 0; c < channels; c++, source += height * width) {
                    to[target++] = from[source];
                }
            }
        }
    }
}
