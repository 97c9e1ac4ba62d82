package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.destination;
import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/**
 * Ops that write to a tensor's memory. None is recorded: a gradient does not see them. A tensor that an op on the tape has
 * kept for its gradient must not be changed before backward has run; backward checks that.
 */
@NativeOp(value = "copy", gradient = "none")
@NativeOp(value = "scatter_rows", gradient = "none")
@NativeOp(value = "add_scaled", gradient = "none")
@NativeOp(value = "blend", gradient = "none")
public final class InPlace {
    private InPlace() {}

    /** {@code destination = source}, converted to its type and broadcast to its shape. */
    public static void copy(Tensor destination, Tensor source) {
        HornbeamNative.copy(destination(destination, "copy", "destination"), handle(source, "copy", "source"));
        Tape.changed(destination);
        if (Tracer.isOn()) {
            Tracer.op("copy")
                    .in("destination", destination)
                    .in("source", source)
                    .out("destination", destination);
        }
    }

    /** Every element becomes {@code value}. */
    public static void fill(Tensor destination, double value) {
        long to = destination(destination, "fill", "destination");
        var facts = Tape.facts(destination);
        long number = HornbeamNative.full(
                facts.device().code(), facts.dtype().code(), 0, Tape.scratch().shape(), value);
        try {
            HornbeamNative.copy(to, number);
        } finally {
            HornbeamNative.release(number);
        }
        Tape.changed(destination);
        if (Tracer.isOn()) {
            Tracer.op("copy")
                    .in("destination", destination)
                    .with("value", value)
                    .out("destination", destination);
        }
    }

    /** {@code destination += alpha * source}, of the same shape and type. */
    public static void addScaled(Tensor destination, Tensor source, double alpha) {
        HornbeamNative.addScaled(
                destination(destination, "add_scaled", "destination"), handle(source, "add_scaled", "source"), alpha);
        Tape.changed(destination);
        if (Tracer.isOn()) {
            Tracer.op("add_scaled")
                    .in("destination", destination)
                    .in("source", source)
                    .with("alpha", alpha)
                    .out("destination", destination);
        }
    }

    /** {@code destination = beta * destination + alpha * source}, of the same shape and type. */
    public static void blend(Tensor destination, Tensor source, double beta, double alpha) {
        HornbeamNative.blend(
                destination(destination, "blend", "destination"), handle(source, "blend", "source"), beta, alpha);
        Tape.changed(destination);
        if (Tracer.isOn()) {
            Tracer.op("blend")
                    .in("destination", destination)
                    .in("source", source)
                    .with("beta", beta)
                    .with("alpha", alpha)
                    .out("destination", destination);
        }
    }

    /** The rows {@code index[j]} become {@code source[j]}, or have it added, in order of j. */
    public static void scatterRows(Tensor destination, Tensor index, Tensor source, boolean add) {
        HornbeamNative.scatterRows(
                destination(destination, "scatter_rows", "destination"),
                handle(index, "scatter_rows", "index"),
                handle(source, "scatter_rows", "source"),
                add ? 1 : 0);
        Tape.changed(destination);
        if (Tracer.isOn()) {
            Tracer.op("scatter_rows")
                    .in("destination", destination)
                    .in("index", index)
                    .in("source", source)
                    .with("add", add)
                    .out("destination", destination);
        }
    }
}
