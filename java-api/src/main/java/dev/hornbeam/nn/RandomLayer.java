package dev.hornbeam.nn;

import dev.hornbeam.tensor.Philox;

/**
 * A layer that draws random numbers in training: keyed by seed, step, stream and the layer's place in the network, which
 * {@link Module#setStep} sets.
 */
abstract sealed class RandomLayer extends Module permits Dropout, StochasticDepth {
    private int layer = -1;
    private Philox numbers;

    /** Its number in the network, which keys its numbers. */
    final void setLayer(int number) {
        layer = number;
    }

    /** The step that the next forward belongs to. */
    final void drawFor(long seed, int step, int stream) {
        numbers = new Philox(seed, Philox.Purpose.DROPOUT, layer, step, stream);
    }

    /** What the next forward's numbers come from, or null before the first {@link #drawFor}. */
    final Philox numbers() {
        return numbers;
    }

    /**
     * The same, for a forward pass of the layer called so.
     *
     * @throws IllegalStateException before the first {@link Module#setStep}
     */
    final Philox numbersFor(String name) {
        if (numbers == null) {
            throw new IllegalStateException(
                    name + ": call setStep(seed, step) on the network before a forward pass in training mode");
        }
        return numbers;
    }
}
