package dev.hornbeam.training.data;

/**
 * What turns one 8-bit image of a set into the numbers of a batch.
 *
 * <p>The result may depend on the set, the position, the epoch and the preparation's own settings, and on nothing
 * else: loader threads call it in any order, and a resumed run must get the same numbers again.
 */
@FunctionalInterface
public interface Preparation {
    /**
     * Writes the image at {@code position} of {@code set} as floats in the order HWC, in the set's size.
     *
     * <p>{@link ImageSet#copyImage} gives the image in that size. A preparation that cuts its own window out of images
     * on demand takes {@link ImageSet#original} instead.
     *
     * @param epoch pass over the data that the image is wanted for, from 0
     * @param out where to write {@code set.imageLength()} numbers
     * @param offset where in {@code out} to begin
     * @param scratch at least {@code set.imageLength()} bytes that the preparation may overwrite
     */
    void prepare(ImageSet set, int position, int epoch, float[] out, int offset, byte[] scratch);
}
