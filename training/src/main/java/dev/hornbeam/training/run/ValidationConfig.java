package dev.hornbeam.training.run;

/** Images held out of the training part, or published as a part of their own, that hyper-parameters are chosen with. */
public sealed interface ValidationConfig {

    /** None. */
    @Kind("none")
    record None() implements ValidationConfig {}

    /** A share of the training images, which are then not trained on. */
    @Kind("fraction")
    record Fraction(
            @Setting(doc = "share of the training images", range = "(0, 1)")
            double share,

            @Setting(doc = "the same share of every class; false draws from all images", def = "true")
            boolean stratified)
            implements ValidationConfig {}

    /** A part that the publisher made. */
    @Kind("part")
    record Part(
            @Setting(doc = "name of the part", def = "validation")
            String name) implements ValidationConfig {}
}
