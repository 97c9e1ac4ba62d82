package dev.hornbeam.training.method;

import dev.hornbeam.tensor.Tensor;
import java.util.Map;

/**
 * Something that remembers from step to step, and whose memory therefore belongs to the checkpoint.
 *
 * <p>Whatever is not in {@link #state} must follow from the configuration and the step number alone: that is what makes
 * a resumed run equal to the bit to one that was never stopped.
 */
public interface Stateful {

    /**
     * Returns the tensors to be saved, by name. They stay the owner's and are not changed by saving. Empty where nothing
     * is remembered.
     */
    default Map<String, Tensor> state() {
        return Map.of();
    }

    /**
     * Takes over what {@link #state} returned when the checkpoint was written; copies what it keeps.
     *
     * @throws IllegalArgumentException if a name is missing or unknown, or a shape differs
     */
    default void load(Map<String, Tensor> state) {
        if (!state.isEmpty()) {
            throw new IllegalArgumentException(getClass().getSimpleName()
                    + " remembers nothing, but the checkpoint has " + state.keySet() + " for it");
        }
    }
}
