package dev.hornbeam.nn;

/** A layer that draws random numbers in training. */
interface RandomLayer {
    /** Its number in the network, which keys its numbers. */
    void setLayer(int layer);

    /** The step that the next forward belongs to. */
    void drawFor(long seed, int step, int stream);

    /** What the next forward's numbers come from, or null before the first {@link #drawFor}. */
    Object numbers();
}
