package dev.hornbeam.optim;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.hornbeam.autograd.ops.NativeOp;
import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Structs;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Stochastic gradient descent with momentum, in PyTorch's form: g + decay w is blended into the momentum, and the step is
 * the learning rate times the momentum, or with Nesterov times g + momentum m.
 */
@NativeOp(value = "sgd_step", gradient = "none")
public final class Sgd extends Optimizer {
    private static final String MOMENTUM = "momentum";
    private static final String OP = "sgd_step";

    private final double momentum;
    private final double dampening;
    private final double weightDecay;
    private final boolean nesterov;

    /** Without momentum and weight decay. */
    public Sgd(Map<String, Parameter> parameters, double learningRate) {
        this(parameters, learningRate, 0, 0, 0, false);
    }

    /** Without dampening. */
    public Sgd(
            Map<String, Parameter> parameters,
            double learningRate,
            double momentum,
            double weightDecay,
            boolean nesterov) {
        this(parameters, learningRate, momentum, 0, weightDecay, nesterov);
    }

    /**
     * With everything.
     *
     * @param momentum in [0, 1); 0 remembers nothing
     * @param dampening in [0, 1): the gradient's part in the momentum is 1 - dampening, but 1 in a parameter's first step
     * @param weightDecay at least 0, added to the gradient
     * @param nesterov whether the step looks ahead; needs momentum and no dampening
     */
    public Sgd(
            Map<String, Parameter> parameters,
            double learningRate,
            double momentum,
            double dampening,
            double weightDecay,
            boolean nesterov) {
        super(parameters, learningRate);
        this.momentum = below1(momentum, "momentum");
        this.dampening = below1(dampening, "dampening");
        this.weightDecay = atLeastZero(weightDecay, "weight decay");
        this.nesterov = nesterov;
        if (nesterov && (momentum == 0 || dampening != 0)) {
            throw new IllegalArgumentException("Nesterov needs a momentum above 0 and no dampening");
        }
    }

    @Override
    void update(Map<String, Parameter> all, Map<String, Tensor> memory) {
        // A parameter whose first gradient comes late starts its momentum late, too.
        List<Parameter> started = new ArrayList<>();
        List<Tensor> momenta = new ArrayList<>();
        List<Parameter> fresh = new ArrayList<>();
        List<Tensor> freshMomenta = new ArrayList<>();
        all.forEach((name, parameter) -> {
            if (!Handles.hasGradient(parameter)) {
                return;
            }
            String key = MOMENTUM + "." + name;
            Tensor known = momentum == 0 ? null : memory.get(key);
            if (momentum == 0 || known != null) {
                started.add(parameter);
                momenta.add(known);
            } else {
                Tensor zeros = Handles.zerosLike(parameter);
                memory.put(key, zeros);
                fresh.add(parameter);
                freshMomenta.add(zeros);
            }
        });
        step(started, momenta, false);
        step(fresh, freshMomenta, true);
    }

    private void step(List<Parameter> parameters, List<Tensor> momenta, boolean first) {
        if (parameters.isEmpty()) {
            return;
        }
        MemorySegment params = Tape.scratch().optimizer;
        params.set(JAVA_DOUBLE, Structs.Sgd.LEARNING_RATE, learningRate());
        params.set(JAVA_DOUBLE, Structs.Sgd.MOMENTUM, momentum);
        params.set(JAVA_DOUBLE, Structs.Sgd.DAMPENING, dampening);
        params.set(JAVA_DOUBLE, Structs.Sgd.WEIGHT_DECAY, weightDecay);
        params.set(JAVA_INT, Structs.Sgd.NESTEROV, nesterov ? 1 : 0);
        params.set(JAVA_INT, Structs.Sgd.FIRST_STEP, first ? 1 : 0);
        HornbeamNative.sgdStep(
                parameters.size(),
                Handles.values(0, parameters, OP),
                Handles.gradients(1, parameters, OP),
                momentum == 0 ? MemorySegment.NULL : Handles.tensors(2, momenta, OP, MOMENTUM),
                Handles.decay(3, parameters),
                params);
        Handles.changed(parameters);
    }

    @Override
    Set<String> kinds() {
        return Set.of(MOMENTUM);
    }
}
