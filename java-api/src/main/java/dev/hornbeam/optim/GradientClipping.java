package dev.hornbeam.optim;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.hornbeam.autograd.ops.NativeOp;
import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Norms of gradients, and their bound. */
@NativeOp(value = "global_norm", gradient = "none")
@NativeOp(value = "scale_all", gradient = "none")
public final class GradientClipping {
    /** PyTorch's guard against a division by 0. */
    private static final double GUARD = 1e-6;

    private GradientClipping() {}

    /** The Euclidean norm of all gradients together; parameters without one are passed over. */
    public static double norm(Collection<Parameter> parameters) {
        return norm(gradients(parameters));
    }

    /**
     * Scales all gradients so that their common norm is at most {@code largest}.
     *
     * @return the norm before
     */
    public static double clipNorm(Collection<Parameter> parameters, double largest) {
        if (!(largest > 0)) {
            throw new IllegalArgumentException("the largest norm is " + largest + ", but it has to be above 0");
        }
        List<Tensor> gradients = gradients(parameters);
        double norm = norm(gradients);
        double factor = largest / (norm + GUARD);
        if (factor < 1) {
            HornbeamNative.scaleAll(gradients.size(), Handles.tensors(0, gradients, "scale_all", "gradient"), factor);
            gradients.forEach(Tape::changed);
        }
        return norm;
    }

    private static double norm(List<Tensor> gradients) {
        if (gradients.isEmpty()) {
            return 0;
        }
        MemorySegment cell = Tape.scratch().cell;
        HornbeamNative.globalNorm(gradients.size(), Handles.tensors(0, gradients, "global_norm", "gradient"), cell);
        return cell.get(JAVA_DOUBLE, 0);
    }

    private static List<Tensor> gradients(Collection<Parameter> parameters) {
        List<Tensor> gradients = new ArrayList<>();
        for (Parameter parameter : parameters) {
            if (Handles.hasGradient(parameter)) {
                gradients.add(parameter.grad());
            }
        }
        return gradients;
    }
}
