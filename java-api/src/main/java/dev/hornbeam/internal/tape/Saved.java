package dev.hornbeam.internal.tape;

import dev.hornbeam.internal.ffi.HornbeamNative;

/** A tensor that a node keeps for its backward: a handle of the node's own, whatever scopes do meanwhile. */
public final class Saved {
    private final Node node;
    private final String what;
    private final Version version;
    private final int changes;
    private long handle;

    /** The one that the node kept before this one. */
    final Saved next;

    Saved(Node node, String what, long handle, Version version, Saved next) {
        this.node = node;
        this.what = what;
        this.handle = handle;
        this.version = version;
        this.changes = version == null ? 0 : version.changes();
        this.next = next;
    }

    /**
     * The handle; it stays the node's.
     *
     * @throws IllegalStateException when the graph was used up, or the tensor was changed after it was kept
     */
    public long get() {
        if (handle == 0) {
            throw Node.usedUp(node);
        }
        if (version != null && version.changes() != changes) {
            throw new IllegalStateException(node.name() + ": " + what
                    + " was changed in place after the forward pass kept it for the gradient; run backward before the"
                    + " change, or run the forward pass again");
        }
        return handle;
    }

    /** The handle while the node keeps it, else 0. */
    long handle() {
        return handle;
    }

    void release() {
        long held = handle;
        if (held != 0) {
            handle = 0;
            HornbeamNative.release(held);
        }
    }
}
