package dev.hornbeam.tensor;

import dev.hornbeam.internal.tape.ThreadContext;
import java.util.Arrays;

/**
 * Owns the tensors that are made while it is the innermost open scope of its thread, and closes them when it is closed.
 *
 * <pre>{@code
 * try (var scope = TensorScope.open()) {
 *     var loss = model.forward(images).crossEntropy(labels).mean();
 *     Autograd.backward(loss);
 *     return loss.item();
 * } // every tensor of the step is released here
 * }</pre>
 *
 * <p>{@link Tensor#keep()} takes a tensor out of all scopes, {@link Tensor#moveTo} gives it to another. A scope belongs to
 * the thread that opened it, and scopes of a thread are closed in reverse order of opening. See docs/memory.md.
 */
public final class TensorScope implements AutoCloseable {
    private static final int FIRST_CAPACITY = 32;

    private final Thread thread = Thread.currentThread();
    private final TensorScope parent;
    private Tensor[] members = new Tensor[FIRST_CAPACITY];
    private int size;
    private boolean closed;

    private TensorScope(TensorScope parent) {
        this.parent = parent;
    }

    /** Opens a scope inside the innermost one of this thread, if there is any. */
    public static TensorScope open() {
        ThreadContext context = ThreadContext.current();
        TensorScope scope = new TensorScope(context.scope);
        context.scope = scope;
        return scope;
    }

    /** The innermost open scope of this thread, or null. */
    public static TensorScope current() {
        return ThreadContext.current().scope;
    }

    /** The scope that was innermost when this one was opened, or null. */
    public TensorScope parent() {
        return parent;
    }

    /** Number of tensors that closing would release now. */
    public int size() {
        return size;
    }

    /** Whether it was not closed yet. */
    public boolean isOpen() {
        return !closed;
    }

    /**
     * Releases the scope's tensors, the youngest first. Closing again does nothing.
     *
     * @throws IllegalStateException when called from another thread, or while a scope opened later is still open
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        requireThread("close");
        ThreadContext context = ThreadContext.current();
        if (context.scope != this) {
            throw new IllegalStateException(
                    "TensorScope.close: a scope that was opened later is still open; close scopes"
                            + " in reverse order of opening, best by try-with-resources");
        }
        closed = true;
        context.scope = parent;
        RuntimeException first = null;
        for (int i = size - 1; i >= 0; i--) {
            try {
                members[i].releaseFromScope();
            } catch (RuntimeException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        members = null;
        size = 0;
        if (first != null) {
            throw first;
        }
    }

    /** Takes a tensor in; gives its place. */
    int add(Tensor tensor) {
        if (size == members.length) {
            members = Arrays.copyOf(members, size * 2);
        }
        members[size] = tensor;
        return size++;
    }

    /** Takes the tensor at that place out. */
    void remove(int place) {
        requireThread("remove");
        Tensor last = members[--size];
        members[size] = null;
        if (place != size) {
            members[place] = last;
            last.movedInScope(place);
        }
    }

    void requireThread(String what) {
        if (!Thread.currentThread().equals(thread)) {
            throw new IllegalStateException("TensorScope." + what + ": the scope belongs to thread " + thread.getName()
                    + ", but this is " + Thread.currentThread().getName()
                    + "; call keep() on tensors that go to another thread before they leave theirs");
        }
    }
}
