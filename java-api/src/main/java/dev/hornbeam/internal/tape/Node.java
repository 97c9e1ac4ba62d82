package dev.hornbeam.internal.tape;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One op that was applied, as its gradient sees it: where the gradient goes on to, and what it needs for that.
 *
 * <p>A node lives as long as somebody can still ask for its gradient: its result, while that is open, and the nodes that
 * took the result as input. When the last of these is gone it releases what it kept, there and then. A graph belongs to
 * the thread that records it.
 */
public abstract class Node {
    private static final AtomicLong CREATED = new AtomicLong();

    /** Order of creation: every node is made after those whose results it reads. */
    final long sequence;

    private final Node[] inputs;
    private Saved saved;
    private int holders;
    private boolean usedUp;

    /** During a pass: the sum of the gradients that arrived, 0 for none. */
    long gradient;
    /** During a pass: whether nobody else can see the memory of {@link #gradient}. */
    boolean exclusive;
    /** The pass under way. */
    private BackwardPass pass;
    /** Whether the gradient that backward was called with had memory of its own. */
    private boolean inherited;

    /** Of an op with one input that can carry a gradient. */
    protected Node(Tensor a) {
        this(new Node[] {input(a)});
    }

    /** Of an op with two inputs that can carry gradients. */
    protected Node(Tensor a, Tensor b) {
        this(new Node[] {input(a), input(b)});
    }

    /** Of an op with three inputs that can carry gradients; null stands for one that was left out. */
    protected Node(Tensor a, Tensor b, Tensor c) {
        this(new Node[] {input(a), input(b), input(c)});
    }

    /** Of an op with any number of inputs that can carry gradients; null stands for one that was left out. */
    protected Node(Tensor[] tensors) {
        this(inputs(tensors));
    }

    private Node(Node[] inputs) {
        this.sequence = CREATED.incrementAndGet();
        this.inputs = inputs;
        for (Node input : inputs) {
            if (input != null) {
                input.hold();
            }
        }
    }

    /** For leaves. */
    Node() {
        this.sequence = 0;
        this.inputs = new Node[0];
    }

    private static Node input(Tensor tensor) {
        return tensor == null ? null : TensorAccess.get().node(tensor);
    }

    private static Node[] inputs(Tensor[] tensors) {
        Node[] inputs = new Node[tensors.length];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = input(tensors[i]);
        }
        return inputs;
    }

    /** The op's name, as in the registry. */
    public abstract String name();

    /**
     * Sends gradients on to the inputs that {@link #wants} them, by {@link #give}, {@link #inherit} or {@link #share}.
     *
     * @param dy handle of the result's gradient; the pass releases it
     */
    protected abstract void backward(long dy);

    /** Keeps a tensor for the backward pass, under the name that the op gives the argument. */
    protected final Saved save(Tensor tensor, String what) {
        TensorAccess access = TensorAccess.get();
        long handle = HornbeamNative.alias(access.handle(tensor, name(), what));
        saved = new Saved(this, what, handle, access.version(tensor), saved);
        return saved;
    }

    /** Takes over a handle that nobody else has. */
    protected final Saved own(long handle, String what) {
        saved = new Saved(this, what, handle, null, saved);
        return saved;
    }

    /** Keeps another handle of a result that somebody else owns and nobody writes to. */
    protected final Saved saveResult(long handle, String what) {
        return own(HornbeamNative.alias(handle), what);
    }

    /** Whether the gradient with respect to that input is asked for. */
    protected final boolean wants(int input) {
        Node target = inputs[input];
        return target != null && pass.wants(target);
    }

    /** In {@link #backward}: whether nobody else sees the memory of {@code dy}. */
    protected final boolean ownsGradient() {
        return inherited;
    }

    /** Hands an input its gradient: a new tensor that nobody else sees. The handle is taken over. */
    protected final void give(int input, long handle) {
        pass.deliver(inputs[input], handle, true);
    }

    /** Hands an input its gradient: the only use of {@code dy}'s elements, each once. The handle is taken over. */
    protected final void inherit(int input, long handle) {
        pass.deliver(inputs[input], handle, inherited);
    }

    /** Hands an input its gradient: a view of memory that others may see too. The handle is taken over. */
    protected final void share(int input, long handle) {
        pass.deliver(inputs[input], handle, false);
    }

    /**
     * Gives input i the op's result i of the call just made; results that nobody wants are released, 0 is none.
     *
     * @param count results of the call, at most the number of inputs
     */
    protected final void giveOutputs(int count) {
        MemorySegment outputs = ThreadContext.current().scratch.outputs;
        long[] handles = new long[count];
        for (int i = 0; i < count; i++) {
            handles[i] = outputs.getAtIndex(ValueLayout.JAVA_LONG, i);
        }
        int next = 0;
        try {
            while (next < count) {
                long handle = handles[next];
                if (handle != 0) {
                    give(next, handle);
                }
                next++;
            }
        } finally {
            // Delivery of one failed: it took over its own handle, the ones after it are still here.
            for (int i = next + 1; i < count; i++) {
                if (handles[i] != 0) {
                    HornbeamNative.release(handles[i]);
                }
            }
        }
    }

    /** Runs backward with the gradient that arrived. */
    final void run(BackwardPass through, long dy, boolean own) {
        if (usedUp) {
            throw usedUp(this);
        }
        pass = through;
        inherited = own;
        try {
            backward(dy);
        } finally {
            pass = null;
        }
    }

    /** Number of inputs. */
    final int inputs() {
        return inputs.length;
    }

    /** Where the gradient of that input goes, or null. */
    final Node input(int index) {
        return inputs[index];
    }

    /** What the node keeps, the youngest first, or null. */
    final Saved kept() {
        return saved;
    }

    /** Whether this is a tensor that the caller made, not an op's result. */
    boolean isLeaf() {
        return false;
    }

    /** Counts one more that may ask for the gradient. */
    public final void hold() {
        holders++;
    }

    /** Counts one less; the last one's leaving releases what the node kept, and so on up the graph. */
    public final void drop() {
        if (--holders > 0 || isLeaf()) {
            return;
        }
        useUp();
    }

    /** Releases what the node kept and leaves its inputs: it cannot run any more. */
    final void useUp() {
        if (usedUp || isLeaf()) {
            return;
        }
        // Not recursive: a chain of ops can be longer than the stack is deep.
        ArrayDeque<Node> more = null;
        Node node = this;
        while (node != null) {
            node.usedUp = true;
            for (Saved s = node.saved; s != null; s = s.next) {
                s.release();
            }
            node.saved = null;
            node.freed();
            for (int i = 0; i < node.inputs.length; i++) {
                Node input = node.inputs[i];
                node.inputs[i] = null;
                if (input != null && !input.isLeaf() && --input.holders <= 0 && !input.usedUp) {
                    if (more == null) {
                        more = new ArrayDeque<>();
                    }
                    more.add(input);
                }
            }
            node = more == null ? null : more.poll();
        }
    }

    /** Called once, when what the node kept is released. */
    protected void freed() {}

    /** The error of a graph that cannot run any more. */
    static IllegalStateException usedUp(Node node) {
        return new IllegalStateException(node.name()
                + ": the graph behind this result was already used up by an earlier backward, which released what it had"
                + " kept; pass retainGraph = true to the earlier one, or run the forward pass again");
    }
}
