package dev.hornbeam.training.method;

import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.tensor.Tensor;

/**
 * Mean cross-entropy, with the shares of the classes where images are mixed.
 *
 * @param labelSmoothing share of the target that is spread evenly over all classes, in [0, 1) (Szegedy et al. 2016)
 */
public record CrossEntropyObjective(double labelSmoothing) implements Objective {

    @Override
    public Tensor loss(Tensor logits, Samples samples) {
        return CrossEntropy.crossEntropy(logits, samples.targets(), labelSmoothing)
                .mean();
    }
}
