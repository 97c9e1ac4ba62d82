package dev.hornbeam.nn;

import dev.hornbeam.autograd.OpTrace;
import dev.hornbeam.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The ops of one forward pass of a network, each with the module that it belongs to.
 *
 * <p>An op that reads parameters or buffers belongs to the module that owns the first of them; a fused op is thus its
 * convolution's. Modules do not announce themselves, so any other op is placed by the classes on the call stack: it belongs
 * to the nearest of the modules around the last op with parameters, else around the next one, that is of the innermost class
 * that was running. That is exact unless a block applies an op without parameters before its first parameter and follows a
 * block of its own class; the op then counts as the earlier block's.
 */
public final class NetworkTrace {
    private final OpTrace trace;
    private final OpTrace.Value input;
    private final List<Step> steps;
    private final Map<Integer, String> names;

    private NetworkTrace(OpTrace trace, OpTrace.Value input, List<Step> steps, Map<Integer, String> names) {
        this.trace = trace;
        this.input = input;
        this.steps = steps;
        this.names = names;
    }

    /**
     * An op and its place.
     *
     * @param op what was applied
     * @param module path of the module that it belongs to, such as {@code layer1.0.conv1}; empty for the network itself
     */
    public record Step(OpTrace.Op op, String module) {
        /** As in messages: {@code conv2d of layer1.0.conv1}. */
        public String place() {
            return op.name() + " of " + (module.isEmpty() ? "the network itself" : module);
        }
    }

    /**
     * Runs the network once, in the mode that it is in, and takes down what it does.
     *
     * @param x what it is given
     * @throws IllegalArgumentException when no op of the network reads {@code x}
     */
    public static NetworkTrace of(Module network, Tensor x) {
        OpTrace trace = OpTrace.of(() -> network.forward(x), Module.class);
        OpTrace.Value input = trace.valueOf(x)
                .orElseThrow(() -> new IllegalArgumentException(
                        "trace: no op of " + network.getClass().getSimpleName() + " reads its input"));
        Map<Integer, String> names = new HashMap<>();
        network.stateDict()
                .forEach((name, tensor) ->
                        trace.valueOf(tensor).ifPresent(value -> names.putIfAbsent(value.id(), name)));
        return new NetworkTrace(trace, input, place(trace, names, network.namedModules()), names);
    }

    /** The ops in the order in which they were applied. */
    public List<Step> steps() {
        return steps;
    }

    /** What the network was given. */
    public OpTrace.Value input() {
        return input;
    }

    /** What the network gave. */
    public OpTrace.Value output() {
        return trace.result();
    }

    /** The name in {@link Module#stateDict()} of a parameter or buffer. */
    public Optional<String> stateName(OpTrace.Value value) {
        return Optional.ofNullable(names.get(value.id()));
    }

    /**
     * Tensors that ops read and that are neither the input, nor the network's state, nor results: constants. They are the
     * living tensors, and may have been closed since.
     */
    public Map<OpTrace.Value, Tensor> constants() {
        Map<OpTrace.Value, Tensor> constants = new LinkedHashMap<>(trace.leaves());
        constants.keySet().removeIf(value -> value.id() == input.id() || names.containsKey(value.id()));
        return constants;
    }

    private static List<Step> place(OpTrace trace, Map<Integer, String> names, Map<String, Module> modules) {
        List<OpTrace.Op> ops = trace.ops();
        String[] owners = new String[ops.size()];
        for (int i = 0; i < owners.length; i++) {
            owners[i] = ops.get(i).inputs().values().stream()
                    .map(value -> names.get(value.id()))
                    .filter(name -> name != null)
                    .findFirst()
                    .map(NetworkTrace::parent)
                    .orElse(null);
        }
        // The owner of the next op that has one.
        String[] following = new String[owners.length];
        String next = "";
        for (int i = owners.length - 1; i >= 0; i--) {
            next = owners[i] == null ? next : owners[i];
            following[i] = next;
        }
        List<Step> steps = new ArrayList<>();
        String last = "";
        for (int i = 0; i < owners.length; i++) {
            if (owners[i] == null) {
                steps.add(new Step(ops.get(i), around(ops.get(i), last, following[i], modules)));
            } else {
                last = owners[i];
                steps.add(new Step(ops.get(i), last));
            }
        }
        return List.copyOf(steps);
    }

    private static String around(OpTrace.Op op, String last, String next, Map<String, Module> modules) {
        for (Class<?> caller : op.callers()) {
            for (String near : List.of(last, next)) {
                for (String path = near; ; path = parent(path)) {
                    if (caller.isInstance(modules.get(path))) {
                        return path;
                    }
                    if (path.isEmpty()) {
                        break;
                    }
                }
            }
        }
        return "";
    }

    private static String parent(String path) {
        int dot = path.lastIndexOf('.');
        return dot < 0 ? "" : path.substring(0, dot);
    }
}
