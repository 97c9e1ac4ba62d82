package dev.hornbeam.training.method;

import dev.hornbeam.nn.Module;

/** What happens to the weights after an update. */
public interface Projection extends Stateful {

    /**
     * Changes the weights of {@code model} in place.
     *
     * @param step optimizer steps done, the last one included
     */
    void project(Module model, long step);

    /** Leaves the weights alone. */
    static Projection none() {
        return (model, step) -> {};
    }
}
