package dev.hornbeam.autograd;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;
import java.util.function.Function;

/**
 * Compares the gradients of a function with finite differences of its values, in f64.
 *
 * <p>The function's result, of any shape, is multiplied by fixed random numbers and summed; that number is differentiated
 * with respect to every element of every input that asks for its gradient, both ways. Works for smooth functions away from
 * kinks.
 */
public final class GradientCheck {
    /** Step of the central difference: the cube root of f64's precision, about where its error is least. */
    private static final double STEP = 6e-6;

    private GradientCheck() {}

    /**
     * How far both gradients are apart.
     *
     * @param worst the largest |analytic - numeric| / max(1, |analytic|, |numeric|)
     * @param where the input, the element and both numbers at that place
     */
    public record Result(double worst, String where) {}

    /**
     * Checks at the inputs' present values, which are restored afterwards.
     *
     * @param function gives the same result for the same inputs; what it makes is released after each call
     * @param inputs f64; those that {@linkplain Tensor#requireGrad() ask} are checked
     */
    public static Result check(Function<Tensor[], Tensor> function, Tensor... inputs) {
        double[][] analytic = analytic(function, inputs);
        double worst = 0;
        String where = "nowhere";
        for (int i = 0; i < inputs.length; i++) {
            if (analytic[i] == null) {
                continue;
            }
            double[] values = inputs[i].toDoubles();
            for (int e = 0; e < values.length; e++) {
                double step = STEP * Math.max(1, Math.abs(values[e]));
                double above = moved(function, inputs, i, values, e, step);
                double below = moved(function, inputs, i, values, e, -step);
                double numeric = (above - below) / (2 * step);
                double error = Math.abs(analytic[i][e] - numeric)
                        / Math.max(1, Math.max(Math.abs(analytic[i][e]), Math.abs(numeric)));
                if (!(error <= worst)) {
                    worst = error;
                    where = "input " + i + ", element " + e + ": backward gives " + analytic[i][e]
                            + ", finite differences give " + numeric;
                }
            }
            set(inputs[i], values);
        }
        return new Result(worst, where);
    }

    private static double[][] analytic(Function<Tensor[], Tensor> function, Tensor[] inputs) {
        for (int i = 0; i < inputs.length; i++) {
            if (inputs[i].requiresGrad() && inputs[i].dtype() != DType.F64) {
                throw new TensorArgumentException("GradientCheck: inputs[" + i + "] has type " + inputs[i].dtype()
                        + "; finite differences need f64");
            }
        }
        Tensor[] leaves = Arrays.stream(inputs).filter(Tensor::requiresGrad).toArray(Tensor[]::new);
        if (leaves.length == 0) {
            throw new TensorArgumentException("GradientCheck: no input asks for its gradient");
        }
        double[][] result = new double[inputs.length][];
        try (var _ = TensorScope.open()) {
            Tensor[] gradients = Autograd.grad(project(function.apply(inputs)), leaves);
            for (int i = 0, next = 0; i < inputs.length; i++) {
                if (inputs[i].requiresGrad()) {
                    result[i] = gradients[next++].toDoubles();
                }
            }
        }
        return result;
    }

    private static double moved(
            Function<Tensor[], Tensor> function, Tensor[] inputs, int input, double[] values, int element, double by) {
        double[] changed = values.clone();
        changed[element] += by;
        set(inputs[input], changed);
        try (var _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            return project(function.apply(inputs)).item();
        }
    }

    private static void set(Tensor tensor, double[] values) {
        try (var _ = TensorScope.open()) {
            tensor.copyFrom(Tensor.of(values, tensor.shape()).to(tensor.device()));
        }
    }

    /** The sum of the elements times fixed numbers between 0.5 and 1.5, so that no two weigh the same. */
    private static Tensor project(Tensor y) {
        double[] weights = new double[Math.toIntExact(y.elements())];
        Philox stream = new Philox(7, Philox.Purpose.TEST, 0, 0, 0);
        for (int i = 0; i < weights.length; i++) {
            weights[i] = 0.5 + stream.uniform(i);
        }
        return y.mul(Tensor.of(weights, y.shape()).to(y.device())).sum();
    }
}
