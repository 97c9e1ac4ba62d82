package dev.hornbeam.training.method;

import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Tensor;

/** What happens to the images of a step before the network is trained on them. */
public interface InputPerturbation extends Stateful {

    /**
     * Returns the images to train on.
     *
     * @param images prepared images, f32 [n, h, w, c]; may be returned as they are, and must not be changed
     * @param samples what is known of the n samples
     * @param model the network, for perturbations that ask it
     */
    Tensor perturb(Tensor images, Samples samples, Module model);

    /** Leaves the images alone. */
    static InputPerturbation none() {
        return (images, samples, model) -> images;
    }
}
