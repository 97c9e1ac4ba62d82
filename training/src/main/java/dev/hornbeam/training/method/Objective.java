package dev.hornbeam.training.method;

import dev.hornbeam.tensor.Tensor;

/** How the losses of the samples of a batch become the one number that is minimised. */
public interface Objective extends Stateful {

    /**
     * Returns that number, with its gradient graph.
     *
     * @param logits outputs of the network, f32 [n, classes]
     * @param samples what is known of the n samples
     * @return a scalar
     */
    Tensor loss(Tensor logits, Samples samples);
}
