package dev.hornbeam.models.weights;

/** What is asked of a file of weights before anything of it is loaded. */
public enum Fit {
    /** Every tensor of the network is in the file with its shape, and nothing else is. */
    EXACT,
    /** The same, but for a head of another number of classes, or none: the network's own then stays as initialised. */
    NEW_HEAD,
    /** Nothing but one tensor that fits: what fits is loaded, and the rest stays as initialised. */
    PARTIAL
}
