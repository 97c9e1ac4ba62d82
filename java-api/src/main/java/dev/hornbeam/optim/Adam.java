package dev.hornbeam.optim;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

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
 * Adam (Kingma and Ba 2015), its form with the largest second moment (AMSGrad, Reddi et al. 2018), and AdamW with decoupled
 * weight decay (Loshchilov and Hutter 2019).
 *
 * <p>The bias correction counts the optimizer's steps: a parameter whose first gradient comes late is corrected as if it
 * had had zeros before.
 */
@NativeOp(value = "adam_step", gradient = "none")
public final class Adam extends Optimizer {
    private static final String FIRST = "first";
    private static final String SECOND = "second";
    private static final String MAX_SECOND = "max_second";
    private static final String OP = "adam_step";

    private final double beta1;
    private final double beta2;
    private final double epsilon;
    private final double weightDecay;
    private final boolean decoupled;
    private final boolean amsgrad;

    private Adam(
            Map<String, Parameter> parameters,
            double learningRate,
            double beta1,
            double beta2,
            double epsilon,
            double weightDecay,
            boolean decoupled,
            boolean amsgrad) {
        super(parameters, learningRate);
        this.beta1 = below1(beta1, "beta1");
        this.beta2 = below1(beta2, "beta2");
        this.epsilon = atLeastZero(epsilon, "epsilon");
        this.weightDecay = atLeastZero(weightDecay, "weight decay");
        this.decoupled = decoupled;
        this.amsgrad = amsgrad;
    }

    /** Adam with betas 0.9 and 0.999, epsilon 1e-8, without weight decay. */
    public static Adam adam(Map<String, Parameter> parameters, double learningRate) {
        return new Adam(parameters, learningRate, 0.9, 0.999, 1e-8, 0, false, false);
    }

    /**
     * Adam with everything.
     *
     * @param weightDecay at least 0, added to the gradient
     * @param amsgrad whether the largest second moment so far is divided by
     */
    public static Adam adam(
            Map<String, Parameter> parameters,
            double learningRate,
            double beta1,
            double beta2,
            double epsilon,
            double weightDecay,
            boolean amsgrad) {
        return new Adam(parameters, learningRate, beta1, beta2, epsilon, weightDecay, false, amsgrad);
    }

    /** AdamW with betas 0.9 and 0.999 and epsilon 1e-8. */
    public static Adam adamW(Map<String, Parameter> parameters, double learningRate, double weightDecay) {
        return new Adam(parameters, learningRate, 0.9, 0.999, 1e-8, weightDecay, true, false);
    }

    /**
     * AdamW with everything.
     *
     * @param weightDecay at least 0; a step takes learningRate * weightDecay of the weight off
     * @param amsgrad whether the largest second moment so far is divided by
     */
    public static Adam adamW(
            Map<String, Parameter> parameters,
            double learningRate,
            double beta1,
            double beta2,
            double epsilon,
            double weightDecay,
            boolean amsgrad) {
        return new Adam(parameters, learningRate, beta1, beta2, epsilon, weightDecay, true, amsgrad);
    }

    @Override
    void update(Map<String, Parameter> all, Map<String, Tensor> memory) {
        List<Parameter> parameters = new ArrayList<>();
        List<Tensor> first = new ArrayList<>();
        List<Tensor> second = new ArrayList<>();
        List<Tensor> largest = new ArrayList<>();
        all.forEach((name, parameter) -> {
            if (Handles.hasGradient(parameter)) {
                parameters.add(parameter);
                first.add(memory.computeIfAbsent(FIRST + "." + name, key -> Handles.zerosLike(parameter)));
                second.add(memory.computeIfAbsent(SECOND + "." + name, key -> Handles.zerosLike(parameter)));
                if (amsgrad) {
                    largest.add(memory.computeIfAbsent(MAX_SECOND + "." + name, key -> Handles.zerosLike(parameter)));
                }
            }
        });
        if (parameters.isEmpty()) {
            return;
        }
        MemorySegment params = Tape.scratch().optimizer;
        params.set(JAVA_DOUBLE, Structs.Adam.LEARNING_RATE, learningRate());
        params.set(JAVA_DOUBLE, Structs.Adam.BETA1, beta1);
        params.set(JAVA_DOUBLE, Structs.Adam.BETA2, beta2);
        params.set(JAVA_DOUBLE, Structs.Adam.EPSILON, epsilon);
        params.set(JAVA_DOUBLE, Structs.Adam.WEIGHT_DECAY, weightDecay);
        params.set(JAVA_INT, Structs.Adam.DECOUPLED, decoupled ? 1 : 0);
        params.set(JAVA_INT, Structs.Adam.AMSGRAD, amsgrad ? 1 : 0);
        params.set(JAVA_LONG, Structs.Adam.STEP, steps());
        HornbeamNative.adamStep(
                parameters.size(),
                Handles.values(0, parameters, OP),
                Handles.gradients(1, parameters, OP),
                Handles.tensors(2, first, OP, FIRST),
                Handles.tensors(3, second, OP, SECOND),
                amsgrad ? Handles.tensors(4, largest, OP, MAX_SECOND) : MemorySegment.NULL,
                Handles.decay(5, parameters),
                params);
        Handles.changed(parameters);
    }

    @Override
    Set<String> kinds() {
        return amsgrad ? Set.of(FIRST, SECOND, MAX_SECOND) : Set.of(FIRST, SECOND);
    }
}
