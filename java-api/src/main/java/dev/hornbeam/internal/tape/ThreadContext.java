package dev.hornbeam.internal.tape;

import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.tensor.TensorScope;

/** What the ops of one thread share: memory for arguments, the innermost scope, and whether gradients are recorded. */
public final class ThreadContext {
    private static final ThreadLocal<ThreadContext> CURRENT = ThreadLocal.withInitial(ThreadContext::new);

    /** Memory for the arguments of the next native call. */
    public final Scratch scratch = new Scratch();

    /** The innermost open scope, or null. */
    public TensorScope scope;

    /** False inside {@code Autograd.noGrad()}. */
    public boolean recording = true;

    private ThreadContext() {}

    /** The calling thread's. */
    public static ThreadContext current() {
        return CURRENT.get();
    }
}
