package dev.hornbeam.training.run;

import dev.hornbeam.models.ComputePolicy;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.DType;
import java.util.Locale;

/** The type that a network computes in: of its activations and their gradients. All else is f32 in either. */
public enum Precision {
    /** Single precision throughout. */
    F32(DType.F32),
    /** Activations and their gradients in bf16, but for the head; see docs/numerics.md. */
    BF16(DType.BF16);

    private final DType type;

    Precision(DType type) {
        this.type = type;
    }

    /** Makes the network compute in it. Returns the network. */
    public Module applyTo(Module network) {
        return ComputePolicy.apply(network, type);
    }

    /** As on the command line and in recipes. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
