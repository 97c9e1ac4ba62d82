package dev.hornbeam.models.weights;

/** Where a tensor of a file goes. */
sealed interface Destination {
    /**
     * Into a tensor of the network.
     *
     * @param target its name there
     * @param part which part of it, from 0, along its first dimension
     * @param parts of how many
     * @param how it is rearranged
     */
    record Into(String target, int part, int parts, Rearrangement how) implements Destination {}

    /**
     * Nowhere, and that is right.
     *
     * @param why for the report; empty for what needs no word
     */
    record Aside(String why) implements Destination {}
}
