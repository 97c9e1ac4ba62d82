package dev.hornbeam.training.method;

import dev.hornbeam.nn.Module;

/** Where in weight space the gradient of a step is taken. */
public interface WeightPerturbation extends Stateful {

    /**
     * Leaves the gradient of a step in the parameters of {@code model}, whose weights are afterwards as they were before.
     *
     * @param model the network, in training mode
     * @param pass computes the gradient at the weights as they stand; may be run several times
     * @param step optimizer steps done before this one: what noise is keyed by
     * @return what the first pass found
     */
    GradientPass.Outcome gradient(Module model, GradientPass pass, long step);

    /** At the weights themselves. */
    static WeightPerturbation none() {
        return (model, pass, step) -> pass.run();
    }
}
