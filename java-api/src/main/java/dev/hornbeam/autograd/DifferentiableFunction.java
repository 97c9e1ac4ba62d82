package dev.hornbeam.autograd;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;

/**
 * A function whose gradient is written in Java, for what the engine has no op for.
 *
 * <p>An instance is applied once. Neither method is recorded, and what they make is released when they return, but for the
 * results and what {@link #save} keeps.
 *
 * <pre>{@code
 * final class Cube extends DifferentiableFunction {
 *     protected Tensor forward(Tensor... inputs) {
 *         save(inputs[0]);
 *         return inputs[0].square().mul(inputs[0]);
 *     }
 *
 *     protected Tensor[] backward(Tensor gradient) {
 *         return new Tensor[] {saved(0).square().mul(3).mul(gradient)};
 *     }
 * }
 * }</pre>
 */
public abstract class DifferentiableFunction {
    private static final Tensor[] NOTHING = {};

    private Tensor[] toSave = NOTHING;
    private Tensor[] savedTensors = NOTHING;
    private boolean applied;

    /** For subclasses. */
    protected DifferentiableFunction() {}

    /** The function's value. */
    protected abstract Tensor forward(Tensor... inputs);

    /**
     * The gradients with respect to the inputs, of their shapes.
     *
     * @param gradient that of the value, of its shape
     * @return one per input; null where the function has none
     */
    protected abstract Tensor[] backward(Tensor gradient);

    /** In {@link #forward}: keeps tensors for {@link #backward}. */
    protected final void save(Tensor... tensors) {
        toSave = tensors.clone();
    }

    /** In {@link #backward}: what was kept, in that order. */
    protected final Tensor saved(int index) {
        return savedTensors[index];
    }

    /** Applies the function. */
    public final Tensor apply(Tensor... inputs) {
        String name = getClass().getSimpleName();
        if (applied) {
            throw new IllegalStateException(name + ": an instance is applied once; make a new one");
        }
        applied = true;
        for (int i = 0; i < inputs.length; i++) {
            Tape.handle(inputs[i], name, "inputs[" + i + "]");
        }
        Tensor value;
        long y = 0;
        Gradient gradient = null;
        try (var _ = TensorScope.open()) {
            boolean records = Tape.records(inputs);
            try (var _ = Autograd.noGrad()) {
                value = forward(inputs);
                y = HornbeamNative.alias(Tape.handle(value, name, "result of forward"));
            }
            if (records) {
                gradient = new Gradient(this, name, inputs);
            }
        } finally {
            toSave = NOTHING;
        }
        Tensor result = Tape.result(y, null, gradient);
        // A trace sees the ops of forward.
        return Tracer.isOn() ? Tracer.same(value, result) : result;
    }

    private static final class Gradient extends Node {
        private final DifferentiableFunction function;
        private final String name;
        private final int inputs;
        private final Saved[] kept;

        Gradient(DifferentiableFunction function, String name, Tensor[] inputs) {
            super(inputs);
            this.function = function;
            this.name = name;
            this.inputs = inputs.length;
            this.kept = new Saved[function.toSave.length];
            for (int i = 0; i < kept.length; i++) {
                kept[i] = save(function.toSave[i], "saved tensor " + i);
            }
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        protected void backward(long dy) {
            try (var _ = TensorScope.open();
                    var _ = Autograd.noGrad()) {
                Tensor[] tensors = new Tensor[kept.length];
                for (int i = 0; i < tensors.length; i++) {
                    tensors[i] = Tape.result(HornbeamNative.alias(kept[i].get()), null);
                }
                function.savedTensors = tensors;
                Tensor[] gradients = function.backward(Tape.result(HornbeamNative.alias(dy), null));
                if (gradients.length != inputs) {
                    throw new TensorArgumentException(
                            name + ": backward gave " + gradients.length + " gradients for " + inputs + " inputs");
                }
                for (int i = 0; i < inputs; i++) {
                    if (gradients[i] != null && wants(i)) {
                        share(i, HornbeamNative.alias(Tape.handle(gradients[i], name, "gradient " + i)));
                    }
                }
            } finally {
                function.savedTensors = NOTHING;
            }
        }
    }
}
