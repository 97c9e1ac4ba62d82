package dev.hornbeam.internal.tape;

import dev.hornbeam.tensor.Tensor;
import java.lang.invoke.MethodHandles;

/** The parts of {@link Tensor} that ops and the tape need and callers must not see. {@link Tensor} provides it. */
public abstract class TensorAccess {
    private static volatile TensorAccess provided;

    /** A constant for the JIT: calls through it cost nothing. */
    private static final class Holder {
        static final TensorAccess INSTANCE = load();

        private static TensorAccess load() {
            try {
                MethodHandles.lookup().ensureInitialized(Tensor.class);
            } catch (IllegalAccessException e) {
                throw new AssertionError(e);
            }
            return provided;
        }
    }

    /** The one that {@link Tensor} provided. */
    public static TensorAccess get() {
        return Holder.INSTANCE;
    }

    /** For {@link Tensor}, once. */
    public static void provide(TensorAccess access) {
        provided = access;
    }

    /** A result: it belongs to the innermost scope. {@code facts} may be null: asked for later. */
    public abstract Tensor result(long handle, Facts facts, Node node, Version version);

    /** A tensor that an object of the library owns and closes: in no scope, and not watched for leaks. */
    public abstract Tensor owned(long handle, Facts facts);

    /** The handle of an open tensor; an error naming op and argument for a closed one. */
    public abstract long handle(Tensor tensor, String op, String argument);

    /** Where the tensor's gradient goes, or null. */
    public abstract Node node(Tensor tensor);

    /** What does not change about the tensor. */
    public abstract Facts facts(Tensor tensor);

    /** The same where it is known already, else null. */
    public abstract Facts knownFacts(Tensor tensor);

    /** The count of its changes. */
    public abstract Version version(Tensor tensor);

    /** Tells that the tensor's memory was written to. */
    public abstract void changed(Tensor tensor);

    /** Whether the tensor was not closed yet. */
    public abstract boolean isOpen(Tensor tensor);

    /** Handle of the collected gradient, 0 for none. */
    public abstract long gradientHandle(Tensor leaf);

    /** Tells that the collected gradient was written to. */
    public abstract void gradientChanged(Tensor leaf);

    /** Starts the collected gradient; the handle is taken over. */
    public abstract void setGradient(Tensor leaf, long handle);
}
