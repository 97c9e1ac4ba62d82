package dev.hornbeam.training.augmentation;

import dev.hornbeam.training.random.DrawSequence;

/** A random change to an image that keeps its size. */
interface Transform {
    /**
     * Changes the image.
     *
     * @param draws at the beginning of a stream of this image and this transform
     * @param workspace memory; its image is {@code image}
     */
    void apply(Canvas image, DrawSequence draws, Workspace workspace);
}
