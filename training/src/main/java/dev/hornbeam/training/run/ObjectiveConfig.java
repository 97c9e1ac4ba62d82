package dev.hornbeam.training.run;

/** How the losses of the images of a batch become the one number that is minimised. */
public sealed interface ObjectiveConfig {

    /** Mean cross-entropy. */
    @Kind("ce")
    record CrossEntropy(
            @Setting(doc = "share of the target spread over all classes", def = "0", range = "[0, 1)")
            double labelSmoothing)
            implements ObjectiveConfig {}
}
