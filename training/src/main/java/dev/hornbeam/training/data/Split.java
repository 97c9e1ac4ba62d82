package dev.hornbeam.training.data;

/** The part that a set of images plays in an experiment. */
public enum Split {
    /** Images that the network learns from. */
    TRAIN,
    /** Images held out of the training part, for choices made during training. */
    VALIDATION,
    /** Images that only the final figures come from. */
    TEST
}
