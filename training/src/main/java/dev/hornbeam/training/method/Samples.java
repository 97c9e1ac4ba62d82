package dev.hornbeam.training.method;

import dev.hornbeam.tensor.Tensor;
import java.util.Optional;

/**
 * The samples of one training step, apart from their images.
 *
 * @param labels classes, i64 [n]
 * @param softLabels share of every class in each image where images are mixed, f32 [n, classes]
 * @param positions places of the samples in the data set, by which methods keep what they know of each; the first n
 *     entries count
 * @param epoch pass over the data, from 0
 * @param step optimizer steps done before this one
 */
@SuppressWarnings("ArrayRecordComponent") // Read by the step and dropped; never compared.
public record Samples(Tensor labels, Optional<Tensor> softLabels, int[] positions, int epoch, long step) {

    /** Samples of images that are not mixed. */
    public Samples(Tensor labels, int[] positions, int epoch, long step) {
        this(labels, Optional.empty(), positions, epoch, step);
    }

    /** What the network should say, as cross-entropy takes it: the soft labels if there are any, else the classes. */
    public Tensor targets() {
        return softLabels.orElse(labels);
    }

    /** Number of samples. */
    public int size() {
        return (int) labels.size(0);
    }
}
