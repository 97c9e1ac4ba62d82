package dev.hornbeam.training.data;

/** Which images are set aside for choices made during training. */
public sealed interface HoldOut {
    /** None are. */
    record None() implements HoldOut {}

    /**
     * A share of the training images, drawn at random.
     *
     * @param share of them, above 0 and below 1
     * @param stratified whether of every class the same share
     */
    record Fraction(double share, boolean stratified) implements HoldOut {}

    /**
     * A part that the publisher made.
     *
     * @param name of the part
     */
    record Part(String name) implements HoldOut {}
}
