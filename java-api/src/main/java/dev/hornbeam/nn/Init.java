package dev.hornbeam.nn;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;

/**
 * Initial weights. A parameter's numbers depend on the seed and its number in the network alone, so that the same network
 * with the same seed always starts alike.
 */
public final class Init {
    private Init() {}

    /** Which side of a kernel counts for its scale. */
    public enum Fan {
        /** Inputs of an output: keeps the size of activations. */
        IN,
        /** Outputs of an input: keeps the size of gradients. */
        OUT
    }

    /**
     * Inputs or outputs that a kernel connects, as PyTorch counts them: [o, kh, kw, i] has i kh kw and o kh kw; [out, in]
     * has in and out.
     */
    public static long fan(Tensor kernel, Fan fan) {
        long[] shape = kernel.shape();
        if (shape.length != 2 && shape.length != 4) {
            throw new TensorArgumentException(
                    "a kernel of shape " + Arrays.toString(shape) + " has no fan: it is [out, in] or [o, kh, kw, i]");
        }
        long inside = shape.length == 4 ? shape[1] * shape[2] : 1;
        return inside * (fan == Fan.IN ? shape[shape.length - 1] : shape[0]);
    }

    /** Normal numbers with deviation gain / sqrt(fan) (He et al. 2015); the gain of ReLU is {@link #RELU_GAIN}. */
    public static void heNormal(Parameter kernel, Fan fan, double gain, long seed) {
        normal(kernel, 0, gain / Math.sqrt((double) fan(kernel.value(), fan)), seed);
    }

    /** Uniform numbers of that deviation: between -+ gain sqrt(3 / fan) (He et al. 2015). */
    public static void heUniform(Parameter kernel, Fan fan, double gain, long seed) {
        double bound = gain * Math.sqrt(3.0 / fan(kernel.value(), fan));
        uniform(kernel, -bound, bound, seed);
    }

    /** The gain of ReLU, sqrt 2. */
    public static final double RELU_GAIN = Math.sqrt(2);

    /** The gain of a leaky ReLU, sqrt(2 / (1 + slope<sup>2</sup>)). */
    public static double leakyReluGain(double slope) {
        return Math.sqrt(2 / (1 + slope * slope));
    }

    /** Normal numbers with deviation sqrt(2 / (fan in + fan out)) (Glorot and Bengio 2010). */
    public static void xavierNormal(Parameter kernel, long seed) {
        normal(kernel, 0, Math.sqrt(2.0 / fans(kernel)), seed);
    }

    /** Uniform numbers of that deviation: between -+ sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010). */
    public static void xavierUniform(Parameter kernel, long seed) {
        double bound = Math.sqrt(6.0 / fans(kernel));
        uniform(kernel, -bound, bound, seed);
    }

    private static long fans(Parameter kernel) {
        return fan(kernel.value(), Fan.IN) + fan(kernel.value(), Fan.OUT);
    }

    /**
     * Normal numbers with deviation 1 / sqrt(fan in) of which those beyond twice the deviation of the normal numbers are drawn
     * again (LeCun et al. 1998 in Flax's form): what remains has the deviation asked for.
     */
    public static void lecunNormal(Parameter kernel, long seed) {
        double deviation = 1 / (TRUNCATED_DEVIATION * Math.sqrt((double) fan(kernel.value(), Fan.IN)));
        Tensor value = kernel.value();
        try (var _ = TensorScope.open()) {
            Tensor drawn = Tensor.randomNormal(0, 1, stream(kernel, seed, 0), value.device(), value.shape());
            for (int again = 1; again <= REDRAWS; again++) {
                Tensor other = Tensor.randomNormal(0, 1, stream(kernel, seed, again), value.device(), value.shape());
                drawn = drawn.abs().gt(2).where(other, drawn);
            }
            value.copyFrom(drawn.clamp(-2, 2).mul(deviation));
        }
    }

    // Of a standard normal number between -2 and 2.
    private static final double TRUNCATED_DEVIATION = 0.8796256610342398;

    // A number is beyond 2 with probability 0.0455; after eight further draws with 2e-11.
    private static final int REDRAWS = 8;

    /** Normal numbers. */
    public static void normal(Parameter parameter, double mean, double deviation, long seed) {
        try (var _ = TensorScope.open()) {
            Tensor value = parameter.value();
            value.copyFrom(
                    Tensor.randomNormal(mean, deviation, stream(parameter, seed), value.device(), value.shape()));
        }
    }

    /** Uniform numbers in [low, high). */
    public static void uniform(Parameter parameter, double low, double high, long seed) {
        try (var _ = TensorScope.open()) {
            Tensor value = parameter.value();
            value.copyFrom(Tensor.randomUniform(low, high, stream(parameter, seed), value.device(), value.shape()));
        }
    }

    /** One number everywhere. */
    public static void constant(Parameter parameter, double number) {
        parameter.value().fill(number);
    }

    /**
     * PyTorch's defaults for a whole network: kernels and biases of {@link Conv2d} and {@link Linear} uniform between
     * -+ 1 / sqrt(fan in), scales 1, shifts 0.
     */
    public static void standard(Module network, long seed) {
        network.indexParameters();
        network.apply(module -> {
            switch (module) {
                case Conv2d conv -> standard(conv.weight(), conv.bias(), seed);
                case Linear linear -> standard(linear.weight(), linear.bias(), seed);
                case BatchNorm2d norm -> identity(norm.weight(), norm.bias());
                case GroupNorm norm -> identity(norm.weight(), norm.bias());
                case LayerNorm norm -> identity(norm.weight(), norm.bias());
                default -> {}
            }
        });
    }

    /** He's normal numbers with ReLU's gain for every kernel of a {@link Conv2d} in a network; nothing else changes. */
    public static void heConvolutions(Module network, Fan fan, long seed) {
        network.indexParameters();
        network.apply(module -> {
            if (module instanceof Conv2d conv) {
                heNormal(conv.weight(), fan, RELU_GAIN, seed);
            }
        });
    }

    private static void standard(Parameter weight, Parameter bias, long seed) {
        double bound = 1 / Math.sqrt((double) fan(weight.value(), Fan.IN));
        uniform(weight, -bound, bound, seed);
        if (bias != null) {
            uniform(bias, -bound, bound, seed);
        }
    }

    private static void identity(Parameter scale, Parameter shift) {
        constant(scale, 1);
        constant(shift, 0);
    }

    private static Philox stream(Parameter parameter, long seed) {
        return stream(parameter, seed, 0);
    }

    private static Philox stream(Parameter parameter, long seed, int stream) {
        if (parameter.index() < 0) {
            throw new IllegalStateException(
                    "the parameter has no number yet: call indexParameters() on the whole network first");
        }
        return new Philox(seed, Philox.Purpose.INIT, parameter.index(), 0, stream);
    }
}
