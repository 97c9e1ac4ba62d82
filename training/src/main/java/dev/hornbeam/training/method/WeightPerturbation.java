package dev.hornbeam.training.method;

import dev.hornbeam.nn.Module;

/** Where in weight space the gradient of a step is taken. */
public interface WeightPerturbation extends Stateful, AutoCloseable {

    /**
     * Leaves the gradient of a step in the parameters of {@code model}, whose weights are afterwards as they were before.
     *
     * @param model the network, in training mode; the same one in every call
     * @param pass computes the gradient at the weights as they stand; may be run several times
     * @param step optimizer steps done before this one: what noise is keyed by
     * @return what was found at the unperturbed weights where they were asked, else at the perturbed ones
     */
    GradientPass.Outcome gradient(Module model, GradientPass pass, long step);

    /** Releases memory that it took for copies of the weights; it can be used again afterwards. */
    @Override
    default void close() {}

    /** At the weights themselves. */
    static WeightPerturbation none() {
        return (model, pass, step) -> pass.run();
    }
}
