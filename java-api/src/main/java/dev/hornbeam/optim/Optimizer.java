package dev.hornbeam.optim;

import dev.hornbeam.nn.Parameter;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Changes parameters by their collected gradients, all in one call of the engine.
 *
 * <p>A parameter without a gradient, frozen or unused in the step, is left alone. Weight decay of a parameter is the
 * optimizer's times {@link Parameter#decay()}.
 *
 * <p>{@link #state()} and {@link #steps()} are all that an optimizer remembers: with the learning rate of the next step they
 * make a resumed run equal to the bit.
 */
public abstract class Optimizer implements AutoCloseable {
    private final Map<String, Parameter> parameters;
    private final Map<String, Tensor> state = new LinkedHashMap<>();
    private double learningRate;
    private long steps;

    Optimizer(Map<String, Parameter> parameters, double learningRate) {
        if (parameters.isEmpty()) {
            throw new IllegalArgumentException("an optimizer needs at least one parameter");
        }
        this.parameters = new LinkedHashMap<>(parameters);
        setLearningRate(learningRate);
    }

    /** Changes the parameters by their gradients. */
    public final void step() {
        steps++;
        update(parameters, state);
    }

    /** One step's update; {@link #steps()} counts it already. */
    abstract void update(Map<String, Parameter> all, Map<String, Tensor> memory);

    /** Releases the collected gradients of the parameters. */
    public final void zeroGrad() {
        for (Parameter parameter : parameters.values()) {
            parameter.value().zeroGrad();
        }
    }

    /** The learning rate of the next step. */
    public final double learningRate() {
        return learningRate;
    }

    /** Sets the learning rate of the next step, at least 0. */
    public final void setLearningRate(double rate) {
        learningRate = atLeastZero(rate, "the learning rate");
    }

    /** Steps made so far. */
    public final long steps() {
        return steps;
    }

    /** The parameters by name. */
    public final Map<String, Parameter> parameters() {
        return Map.copyOf(parameters);
    }

    /**
     * What it remembers, by kind and parameter, such as {@code momentum.layer1.0.conv1.weight}: the living tensors. A
     * parameter that never had a gradient has no entry.
     */
    public final Map<String, Tensor> state() {
        return new LinkedHashMap<>(state);
    }

    /**
     * Takes over what another run's optimizer remembered; the tensors are copied, to the parameters' devices.
     *
     * @param tensors as {@link #state()} gave them
     * @param stepsMade as {@link #steps()} gave them
     * @throws IllegalArgumentException when a name or shape is not one of this optimizer's; nothing is changed then
     */
    public final void loadState(Map<String, Tensor> tensors, long stepsMade) {
        tensors.forEach((key, tensor) -> {
            int dot = key.indexOf('.');
            Parameter parameter = dot < 0 ? null : parameters.get(key.substring(dot + 1));
            if (parameter == null || !kinds().contains(key.substring(0, dot))) {
                throw new IllegalArgumentException(
                        "\"" + key + "\" is not part of " + getClass().getSimpleName()
                                + "'s state for these parameters: the checkpoint is of another network or optimizer");
            }
            if (!Arrays.equals(tensor.shape(), parameter.value().shape())) {
                throw new IllegalArgumentException("\"" + key + "\" has shape "
                        + Arrays.toString(tensor.shape()) + ", but the parameter has "
                        + Arrays.toString(parameter.value().shape()));
            }
        });
        close();
        tensors.forEach((key, tensor) -> {
            Parameter parameter = parameters.get(key.substring(key.indexOf('.') + 1));
            try (TensorScope _ = TensorScope.open()) {
                Tensor here = tensor.to(parameter.value().device());
                state.put(key, here.cast(parameter.value().dtype()).keep());
            }
        });
        steps = stepsMade;
    }

    /** The kinds of tensor that it remembers for a parameter. */
    abstract Set<String> kinds();

    /** Releases what it remembers. */
    @Override
    public void close() {
        state.values().forEach(Tensor::close);
        state.clear();
    }

    static double atLeastZero(double value, String what) {
        if (!(value >= 0) || Double.isInfinite(value)) {
            throw new IllegalArgumentException(what + " is " + value + ", but a finite number of at least 0 is needed");
        }
        return value;
    }

    static double below1(double value, String what) {
        if (!(value >= 0 && value < 1)) {
            throw new IllegalArgumentException(what + " is " + value + ", outside [0, 1)");
        }
        return value;
    }
}
