package dev.hornbeam.internal.tape;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;

/** What every op's forward needs: handles of its arguments, whether to record, and the tensor of its result. */
public final class Tape {
    private Tape() {}

    /** This thread's memory for arguments. */
    public static Scratch scratch() {
        return ThreadContext.current().scratch;
    }

    /** The handle of an argument that must be there. */
    public static long handle(Tensor tensor, String op, String argument) {
        if (tensor == null) {
            throw new TensorArgumentException(op + ": " + argument + " is null");
        }
        return TensorAccess.get().handle(tensor, op, argument);
    }

    /** The handle of an argument that may be null, then 0. */
    public static long optional(Tensor tensor, String op, String argument) {
        return tensor == null ? 0 : TensorAccess.get().handle(tensor, op, argument);
    }

    /** Whether an op of this input must leave a node behind. */
    public static boolean records(Tensor a) {
        return TensorAccess.get().node(a) != null && ThreadContext.current().recording;
    }

    /** Whether an op of these inputs must leave a node behind. */
    public static boolean records(Tensor a, Tensor b) {
        return (carries(a) || carries(b)) && ThreadContext.current().recording;
    }

    /** Whether an op of these inputs must leave a node behind. */
    public static boolean records(Tensor a, Tensor b, Tensor c) {
        return (carries(a) || carries(b) || carries(c)) && ThreadContext.current().recording;
    }

    /** Whether an op of these inputs must leave a node behind. */
    public static boolean records(Tensor[] tensors) {
        if (ThreadContext.current().recording) {
            for (Tensor tensor : tensors) {
                if (carries(tensor)) {
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean carries(Tensor tensor) {
        return tensor != null && TensorAccess.get().node(tensor) != null;
    }

    /** A result without gradient. {@code facts} may be null. */
    public static Tensor result(long handle, Facts facts) {
        return TensorAccess.get().result(handle, facts, null, null);
    }

    /** A result whose gradient goes to {@code node}, which may be null. {@code facts} may be null. */
    public static Tensor result(long handle, Facts facts, Node node) {
        return TensorAccess.get().result(handle, facts, node, null);
    }

    /** A result that may show the memory of {@code x}. */
    public static Tensor view(long handle, Tensor x, Node node) {
        return TensorAccess.get().result(handle, null, node, TensorAccess.get().version(x));
    }

    /** What does not change about the tensor. */
    public static Facts facts(Tensor tensor) {
        return TensorAccess.get().facts(tensor);
    }

    /** The same where it is known already, else null. */
    public static Facts known(Tensor tensor) {
        return TensorAccess.get().knownFacts(tensor);
    }

    /** Releases a handle that is not needed after all; 0 is none. */
    public static void release(long handle) {
        if (handle != 0) {
            HornbeamNative.release(handle);
        }
    }

    /**
     * The handle of a tensor that is written to in place.
     *
     * @throws IllegalStateException when it is an op's result on the tape, whose gradient would be wrong afterwards
     */
    public static long destination(Tensor tensor, String op, String argument) {
        long handle = handle(tensor, op, argument);
        Node node = TensorAccess.get().node(tensor);
        if (node != null && !node.isLeaf()) {
            throw new IllegalStateException(op + ": " + argument + " is the result of " + node.name()
                    + " and carries a gradient, so it cannot be changed in place; change a detach()ed copy");
        }
        return handle;
    }

    /** Tells that a tensor's memory was written to. */
    public static void changed(Tensor tensor) {
        TensorAccess.get().changed(tensor);
    }

    /** Sums a gradient over the dimensions in which an input of shape {@code to} was repeated; the handle is taken over. */
    public static long sumTo(long gradient, long[] from, long[] to) {
        int lead = from.length - to.length;
        int count = 0;
        int[] dimensions = new int[from.length];
        for (int i = 0; i < from.length; i++) {
            if (i < lead || (to[i - lead] == 1 && from[i] != 1)) {
                dimensions[count++] = i;
            }
        }
        if (count == 0) {
            return gradient;
        }
        Scratch scratch = scratch();
        long sum;
        try {
            sum = HornbeamNative.reduce(
                    0, gradient, count, scratch.order(java.util.Arrays.copyOf(dimensions, count)), 1);
        } finally {
            HornbeamNative.release(gradient);
        }
        if (lead == 0) {
            return sum;
        }
        try {
            return HornbeamNative.reshape(sum, to.length, scratch.shape(to));
        } finally {
            HornbeamNative.release(sum);
        }
    }

    /** A scalar 0 of that type, to be released. */
    public static long zero(Facts like) {
        return HornbeamNative.full(
                like.device().code(), like.dtype().code(), 0, scratch().shape(), 0);
    }

    /** Zeros of that shape and type, to be released. */
    public static long zeros(Facts like) {
        return HornbeamNative.full(
                like.device().code(),
                like.dtype().code(),
                like.rank(),
                scratch().shape(like.shape()),
                0);
    }

    /** Refuses types that carry no gradient. */
    public static void requireFloating(Tensor tensor, String op, String argument) {
        DType dtype = facts(tensor).dtype();
        if (!dtype.isFloating()) {
            throw new TensorArgumentException(
                    op + ": " + argument + " has type " + dtype + ", but only floating types carry gradients");
        }
    }
}
