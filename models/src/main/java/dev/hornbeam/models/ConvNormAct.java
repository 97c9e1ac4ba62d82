package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.ConvBnAct;
import dev.hornbeam.nn.GroupNorm;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.tensor.Tensor;
import java.util.function.BiFunction;

/**
 * A convolution, its norm and its activation, put together from two layers that the network registers under its own names.
 * With batch norm it is one op.
 */
final class ConvNormAct {
    private final Parameter scale;
    private final BiFunction<Tensor, Tensor, Tensor> function;

    /**
     * Puts the layers together.
     *
     * @param norm a {@link BatchNorm2d} or a {@link GroupNorm}
     * @param relu whether a ReLU follows; without it there is no activation
     */
    ConvNormAct(Conv2d conv, Module norm, boolean relu) {
        switch (norm) {
            case BatchNorm2d batch -> {
                ConvBnAct fused = new ConvBnAct(conv, batch, relu ? Activation.RELU : Activation.NONE);
                scale = batch.weight();
                function = fused::forward;
            }
            case GroupNorm group -> {
                scale = group.weight();
                function = (x, residual) -> {
                    Tensor y = group.forward(conv.forward(x));
                    Tensor sum = residual == null ? y : y.add(residual);
                    return relu ? sum.relu() : sum;
                };
            }
            default -> throw new IllegalArgumentException(norm.getClass().getSimpleName() + " is not a norm of images");
        }
    }

    /** A norm layer for so many channels. */
    static Module norm(Normalisation kind, int channels) {
        return switch (kind) {
            case BATCH -> new BatchNorm2d(channels);
            case GROUP -> {
                int groups = Math.min(32, channels);
                // Narrow networks may have widths that 32 does not divide.
                while (channels % groups != 0) {
                    groups--;
                }
                yield new GroupNorm(groups, channels);
            }
        };
    }

    /** The norm's scale γ. */
    Parameter scale() {
        return scale;
    }

    Tensor forward(Tensor x) {
        return function.apply(x, null);
    }

    Tensor forward(Tensor x, Tensor residual) {
        return function.apply(x, residual);
    }
}
