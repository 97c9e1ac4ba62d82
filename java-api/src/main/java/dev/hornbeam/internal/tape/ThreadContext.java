package dev.hornbeam.internal.tape;

import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.tensor.TensorScope;

/** What the ops of one thread share: memory for arguments, the innermost scope, and what is recorded. */
public final class ThreadContext {
    private static final ThreadLocal<ThreadContext> CURRENT = ThreadLocal.withInitial(ThreadContext::new);

    /** Memory for the arguments of the next native call. */
    public final Scratch scratch = new Scratch();

    /** The innermost open scope, or null. */
    public TensorScope scope;

    /** False inside {@code Autograd.noGrad()}. */
    public boolean recording = true;

    /** Takes down the ops that are applied, or null. */
    public Tracer tracer;

    /** True while a backward pass runs a checkpointed stretch again. */
    public boolean recomputing;

    private ThreadContext() {}

    /** The calling thread's. */
    public static ThreadContext current() {
        return CURRENT.get();
    }
}
