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
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The step uphill of sharpness-aware minimisation, and the way back to the bit: SAM (Foret et al. 2021) and ASAM (Kwon et
 * al. 2021).
 *
 * <p>SAM adds rho g / |g| to the weights; ASAM adds rho T<sup>2</sup> g / |T g| with T = |w| + eta for kernels and scales
 * and 1 for the rest. Norms run over all parameters together.
 */
@NativeOp(value = "ascend", gradient = "none")
@NativeOp(value = "restore", gradient = "none")
public final class SharpnessAscent implements AutoCloseable {
    private static final String OP = "ascend";

    private final List<Parameter> parameters;
    private final Map<Parameter, Tensor> backups = new HashMap<>();
    private final double rho;
    private final double eta;
    private final boolean adaptive;
    private List<Parameter> moved = List.of();

    private SharpnessAscent(Collection<Parameter> parameters, double rho, double eta, boolean adaptive) {
        this.parameters = List.copyOf(parameters);
        this.rho = Optimizer.atLeastZero(rho, "rho");
        this.eta = Optimizer.atLeastZero(eta, "eta");
        this.adaptive = adaptive;
    }

    /** SAM's, with radius rho. */
    public static SharpnessAscent sam(Collection<Parameter> parameters, double rho) {
        return new SharpnessAscent(parameters, rho, 0, false);
    }

    /** ASAM's, with radius rho and offset eta. */
    public static SharpnessAscent asam(Collection<Parameter> parameters, double rho, double eta) {
        return new SharpnessAscent(parameters, rho, eta, true);
    }

    /**
     * Moves the weights uphill along their collected gradients. A zero gradient moves nothing.
     *
     * @return |g|, or |T g| for ASAM
     * @throws IllegalStateException when the weights are uphill already
     */
    public double ascend() {
        if (!moved.isEmpty()) {
            throw new IllegalStateException("ascend: the weights are uphill already; restore() comes first");
        }
        List<Parameter> moving = new ArrayList<>();
        List<Tensor> places = new ArrayList<>();
        for (Parameter parameter : parameters) {
            if (Handles.hasGradient(parameter)) {
                moving.add(parameter);
                places.add(backups.computeIfAbsent(parameter, Handles::zerosLike));
            }
        }
        if (moving.isEmpty()) {
            return 0;
        }
        MemorySegment params = Tape.scratch().optimizer;
        params.set(JAVA_DOUBLE, Structs.Ascent.RHO, rho);
        params.set(JAVA_DOUBLE, Structs.Ascent.ETA, eta);
        params.set(JAVA_INT, Structs.Ascent.ADAPTIVE, adaptive ? 1 : 0);
        params.set(JAVA_INT, Structs.Ascent.RESERVED, 0);
        MemorySegment norm = Tape.scratch().cell;
        HornbeamNative.ascend(
                moving.size(),
                Handles.values(0, moving, OP),
                Handles.gradients(1, moving, OP),
                Handles.tensors(2, places, OP, "backup"),
                Handles.multiplicative(3, moving),
                params,
                norm);
        Handles.changed(moving);
        moved = moving;
        return norm.get(JAVA_DOUBLE, 0);
    }

    /** Puts the weights back where they were, to the bit. Without an ascent before it does nothing. */
    public void restore() {
        if (moved.isEmpty()) {
            return;
        }
        List<Tensor> places = new ArrayList<>();
        for (Parameter parameter : moved) {
            places.add(backups.get(parameter));
        }
        HornbeamNative.restore(
                moved.size(), Handles.values(0, moved, "restore"), Handles.tensors(1, places, "restore", "backup"));
        Handles.changed(moved);
        moved = List.of();
    }

    /** Releases the copies of the weights. */
    @Override
    public void close() {
        backups.values().forEach(Tensor::close);
        backups.clear();
        moved = List.of();
    }
}
