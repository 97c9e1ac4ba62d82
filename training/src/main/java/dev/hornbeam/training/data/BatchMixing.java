package dev.hornbeam.training.data;

/**
 * Mixes the images of a batch with one another, and what they show alike.
 *
 * <p>Like a {@link Preparation}, it depends on the batch and its own settings and on nothing else; any thread calls it.
 */
public interface BatchMixing {
    /** Returns the number of classes: of the numbers in a row of {@link Batch#softLabels}. */
    int classes();

    /** Changes {@link Batch#images} in place, and writes the rows of {@link Batch#softLabels}. */
    void mix(Batch batch);
}
