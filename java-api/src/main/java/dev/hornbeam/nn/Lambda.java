package dev.hornbeam.nn;

import dev.hornbeam.tensor.Tensor;
import java.util.function.UnaryOperator;

/** A layer without parameters that is a function of a tensor, such as an activation or a change of shape. */
public final class Lambda extends Module {
    private final UnaryOperator<Tensor> function;

    /** Of any function. */
    public Lambda(UnaryOperator<Tensor> function) {
        this.function = function;
    }

    /** max(x, 0). */
    public static Lambda relu() {
        return new Lambda(Tensor::relu);
    }

    /** x, times {@code slope} where negative. */
    public static Lambda leakyRelu(double slope) {
        return new Lambda(x -> x.leakyRelu(slope));
    }

    /** The exact GELU. */
    public static Lambda gelu() {
        return new Lambda(Tensor::gelu);
    }

    /** The hyperbolic tangent. */
    public static Lambda tanh() {
        return new Lambda(Tensor::tanh);
    }

    /** 1 / (1 + exp(-x)). */
    public static Lambda sigmoid() {
        return new Lambda(Tensor::sigmoid);
    }

    /** [n, ..] as [n, all others]: in memory's order, so images give h, w, c. */
    public static Lambda flatten() {
        return new Lambda(x -> x.flatten(1));
    }

    /** x itself. */
    public static Lambda identity() {
        return new Lambda(x -> x);
    }

    /** The function of x. */
    @Override
    protected Tensor compute(Tensor x) {
        return function.apply(x);
    }
}
