package dev.hornbeam.models.onnx;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Where a value of the trace is found in the ONNX graph, and how it lies there.
 *
 * <p>Images are NHWC in the trace and NCHW in ONNX. Instead of a transpose at every op, a value remembers the order of its
 * dimensions, and ops are translated to that order where they can be.
 *
 * @param name of the ONNX tensor
 * @param order the ONNX tensor's dimension j is the value's dimension {@code order.get(j)}
 * @param flattened null; or, for a matrix [n, h·w·c] whose columns lie in the order c, h, w in ONNX, the sizes c, h, w
 */
record Placed(String name, List<Integer> order, List<Long> flattened) {
    static final List<Integer> NCHW = List.of(0, 3, 1, 2);

    /** In the value's own order. */
    static Placed plain(String name, int rank) {
        return new Placed(name, plainOrder(rank), null);
    }

    /** In some order. */
    static Placed ordered(String name, List<Integer> order) {
        return new Placed(name, order, null);
    }

    static List<Integer> plainOrder(int rank) {
        return IntStream.range(0, rank).boxed().toList();
    }

    /** [n, .., c] as [n, c, ..], as ONNX wants it for norms, convolutions and pooling. */
    static List<Integer> channelsSecond(int rank) {
        List<Integer> order = new ArrayList<>(plainOrder(rank));
        if (rank > 2) {
            order.add(1, order.removeLast());
        }
        return List.copyOf(order);
    }

    boolean isPlain() {
        return flattened == null && order.equals(plainOrder(order.size()));
    }

    /** Where a dimension of the value is in ONNX. */
    int axis(int dimension) {
        return order.indexOf(dimension);
    }

    /** The same order under another name. */
    Placed named(String other) {
        return new Placed(other, order, flattened);
    }
}
