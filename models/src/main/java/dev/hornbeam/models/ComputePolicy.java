package dev.hornbeam.models;

import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.DType;

/**
 * Which parts of a network compute in which type.
 *
 * <p>In bf16 the body does, and its activations and their gradients are bf16. The {@linkplain Headed head} stays in f32:
 * bf16 has 8 bits, so that among many classes logits would often tie, and it is a thousandth of the work. Weights,
 * statistics, their gradients and the loss are f32 in either case.
 */
public final class ComputePolicy {
    private ComputePolicy() {}

    /**
     * Makes a network compute in that type; it takes f32 images and gives f32 logits as before. Modules below it that were
     * told a type of their own keep it, but for the head. Returns the network.
     *
     * @param type {@link DType#F32} or {@link DType#BF16}
     */
    public static Module apply(Module network, DType type) {
        if (type != DType.F32 && type != DType.BF16) {
            throw new IllegalArgumentException("compute type is " + type + "; networks compute in f32 or bf16");
        }
        boolean mixed = type == DType.BF16;
        network.setComputeType(mixed ? DType.BF16 : null);
        if (network instanceof Headed headed) {
            DType own = mixed ? DType.F32 : null;
            network.module(headed.head()).setComputeType(own, own);
        }
        return network;
    }
}
