package dev.hornbeam.training.method;

import dev.hornbeam.tensor.Tensor;

/**
 * The samples of one training step, apart from their images.
 *
 * @param labels classes, i64 [n]
 * @param positions places of the samples in the data set, by which methods keep what they know of each; the first n
 *     entries count
 * @param epoch pass over the data, from 0
 * @param step optimizer steps done before this one
 */
@SuppressWarnings("ArrayRecordComponent") // Read by the step and dropped; never compared.
public record Samples(Tensor labels, int[] positions, int epoch, long step) {

    /** Number of samples. */
    public int size() {
        return (int) labels.size(0);
    }
}
