package dev.hornbeam.internal.tape;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.TensorArgumentException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/**
 * One walk from a result back to what it was computed from.
 *
 * <p>Nodes run in falling order of creation, so that a node has every part of its gradient when its turn comes, and the
 * order of the additions is the same in every run.
 */
public final class BackwardPass {
    private static final Comparator<Node> YOUNGEST_FIRST = Comparator.comparingLong((Node n) -> -n.sequence);

    private final boolean retain;
    private final PriorityQueue<Node> queue = new PriorityQueue<>(64, YOUNGEST_FIRST);

    /** Nodes whose gradient is asked for, with their place in {@link #captured}; null: every leaf collects its own. */
    private final Map<Node, Integer> targets;

    /** Nodes on the way to a target; null: all are. */
    private final Set<Node> onTheWay;

    private final long[] captured;
    private final boolean[] capturedExclusive;

    private BackwardPass(boolean retain, Map<Node, Integer> targets, Set<Node> onTheWay) {
        this.retain = retain;
        this.targets = targets;
        this.onTheWay = onTheWay;
        this.captured = new long[targets == null ? 0 : targets.size()];
        this.capturedExclusive = new boolean[captured.length];
    }

    /**
     * Adds the gradient of {@code root} to that of every leaf that it was computed from.
     *
     * @param seed handle of the gradient of {@code root}, taken over; nobody else sees its memory
     * @param retain whether the graph can be walked again
     */
    public static void accumulate(Node root, long seed, boolean retain) {
        new BackwardPass(retain, null, null).run(root, seed, true);
    }

    /**
     * Gives the gradients of {@code root} with respect to some of the tensors that it was computed from, and works out no
     * others.
     *
     * @param exclusive whether nobody else sees the memory of {@code seed}
     * @return one handle per target, to be released by the caller; 0 where {@code root} does not depend on the target
     */
    public static long[] gradients(Node root, long seed, boolean exclusive, boolean retain, Node[] targets) {
        Map<Node, Integer> places = new HashMap<>();
        for (Node target : targets) {
            places.putIfAbsent(target, places.size());
        }
        BackwardPass pass = new BackwardPass(retain, places, ancestors(root, places.keySet()));
        long[] result = new long[targets.length];
        boolean done = false;
        try {
            pass.run(root, seed, exclusive);
            for (int i = 0; i < targets.length; i++) {
                int place = places.get(targets[i]);
                long handle = pass.captured[place];
                if (handle != 0 && pass.capturedExclusive[place]) {
                    result[i] = HornbeamNative.alias(handle);
                    pass.capturedExclusive[place] = false;
                } else if (handle != 0) {
                    // What the caller gets is the caller's alone.
                    result[i] =
                            HornbeamNative.cast(handle, Facts.of(handle).dtype().code());
                }
            }
            done = true;
        } finally {
            for (long handle : pass.captured) {
                release(handle);
            }
            if (!done) {
                for (long handle : result) {
                    release(handle);
                }
            }
        }
        return result;
    }

    /** Nodes between the root and the targets, both included. */
    private static Set<Node> ancestors(Node root, Set<Node> targets) {
        List<Node> reached = new ArrayList<>();
        Set<Node> seen = new HashSet<>();
        ArrayDeque<Node> open = new ArrayDeque<>();
        seen.add(root);
        open.add(root);
        while (!open.isEmpty()) {
            Node node = open.poll();
            reached.add(node);
            for (int i = 0; i < node.inputs(); i++) {
                Node input = node.input(i);
                if (input != null && seen.add(input)) {
                    open.add(input);
                }
            }
        }
        // Oldest first: a node comes after those that it reads.
        reached.sort(Comparator.comparingLong(n -> n.sequence));
        Set<Node> onTheWay = new HashSet<>();
        for (Node node : reached) {
            boolean leads = targets.contains(node);
            for (int i = 0; i < node.inputs() && !leads; i++) {
                leads = node.input(i) != null && onTheWay.contains(node.input(i));
            }
            if (leads) {
                onTheWay.add(node);
            }
        }
        return onTheWay;
    }

    /** Whether somebody asks for the gradient that this node would get. */
    boolean wants(Node node) {
        if (onTheWay != null) {
            return onTheWay.contains(node);
        }
        // A leaf that was closed or frozen since the forward pass takes nothing any more.
        return !(node instanceof Leaf leaf)
                || (TensorAccess.get().isOpen(leaf.tensor()) && leaf.tensor().requiresGrad());
    }

    /** Brings a node a part of its gradient; the handle is taken over. */
    void deliver(Node node, long handle, boolean exclusive) {
        if (node == null || !wants(node)) {
            release(handle);
        } else if (node.isLeaf()) {
            if (targets == null) {
                collect((Leaf) node, handle, exclusive);
            } else {
                capture(node, handle, exclusive);
            }
        } else if (node.gradient == 0) {
            node.gradient = handle;
            node.exclusive = exclusive;
            node.hold();
            queue.add(node);
        } else {
            long sum = add(node.gradient, node.exclusive, handle);
            if (sum != node.gradient) {
                node.gradient = sum;
                node.exclusive = true;
            }
        }
    }

    private void run(Node root, long seed, boolean seedExclusive) {
        try {
            deliver(root, seed, seedExclusive);
            for (Node node = queue.poll(); node != null; node = queue.poll()) {
                long dy = node.gradient;
                boolean exclusive = node.exclusive;
                node.gradient = 0;
                try {
                    step(node, dy, exclusive);
                    if (!retain) {
                        node.useUp();
                    }
                } finally {
                    release(dy);
                    node.drop();
                }
            }
        } finally {
            // Only after an error is anything left.
            for (Node node : queue) {
                release(node.gradient);
                node.gradient = 0;
                node.drop();
            }
        }
    }

    private void step(Node node, long dy, boolean exclusive) {
        boolean own = exclusive;
        if (targets != null && targets.containsKey(node)) {
            capture(node, HornbeamNative.alias(dy), false);
            own = false;
        }
        if (targets == null || leadsOn(node)) {
            node.run(this, dy, own);
        }
    }

    private boolean leadsOn(Node node) {
        for (int i = 0; i < node.inputs(); i++) {
            if (node.input(i) != null && onTheWay.contains(node.input(i))) {
                return true;
            }
        }
        return false;
    }

    private void capture(Node node, long handle, boolean exclusive) {
        int place = targets.get(node);
        if (captured[place] == 0) {
            captured[place] = handle;
            capturedExclusive[place] = exclusive;
        } else {
            long sum = add(captured[place], capturedExclusive[place], handle);
            capturedExclusive[place] |= sum != captured[place];
            captured[place] = sum;
        }
    }

    /** The sum of two gradients, both taken over: in the first one's memory where that is nobody else's. */
    private static long add(long first, boolean exclusive, long second) {
        try {
            if (exclusive) {
                HornbeamNative.addScaled(first, second, 1);
                return first;
            }
            long sum = HornbeamNative.binary(BinaryCode.ADD, first, second);
            release(first);
            return sum;
        } finally {
            release(second);
        }
    }

    private static void collect(Leaf leaf, long handle, boolean exclusive) {
        TensorAccess access = TensorAccess.get();
        long grad = access.gradientHandle(leaf.tensor());
        if (grad != 0) {
            try {
                HornbeamNative.addScaled(grad, handle, 1);
            } finally {
                release(handle);
            }
            access.gradientChanged(leaf.tensor());
        } else if (exclusive) {
            access.setGradient(leaf.tensor(), handle);
        } else {
            // The leaf's gradient is added to in place later, so it needs memory of its own.
            try {
                DType dtype = access.facts(leaf.tensor()).dtype();
                access.setGradient(leaf.tensor(), HornbeamNative.cast(handle, dtype.code()));
            } finally {
                release(handle);
            }
        }
    }

    private static void release(long handle) {
        if (handle != 0) {
            HornbeamNative.release(handle);
        }
    }

    /** Checks that a root given by the caller can be walked from. */
    public static Node root(dev.hornbeam.tensor.Tensor output, String op) {
        TensorAccess access = TensorAccess.get();
        access.handle(output, op, "output");
        Node node = access.node(output);
        if (node == null) {
            throw new TensorArgumentException(
                    op + ": output does not depend on any tensor that asks for a gradient (call"
                            + " requireGrad() on it before the forward pass, and do not run that inside noGrad)");
        }
        return node;
    }
}
