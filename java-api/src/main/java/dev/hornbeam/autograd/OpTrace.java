package dev.hornbeam.autograd;

import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The ops that a piece of code applied, in order: what a network does to one input, as data.
 *
 * <pre>{@code
 * OpTrace trace = OpTrace.of(() -> network.forward(x));
 * trace.ops().forEach(System.out::println);
 * }</pre>
 *
 * <p>Every op is there, views such as {@code reshape} included, under its name in the {@linkplain
 * dev.hornbeam.tensor.Engine#ops() registry}. Tensors appear as {@link Value}s: a number that stays the same wherever the
 * tensor is used. {@code detach()} and the result of a {@link DifferentiableFunction} are the value that they come from, and
 * an op that writes in place makes a new value of its destination (but not of the destination's views, which keep theirs).
 *
 * <p>Ops of the backward pass are not in a trace. One thread is traced at a time by one trace; ops of other threads are not
 * seen. Where nothing is traced, this costs an op one test.
 */
public final class OpTrace {
    private final Tracer tracer;
    private final List<Op> ops;
    private final Value result;

    private OpTrace(Tracer tracer, Tensor result) {
        this.tracer = tracer;
        this.ops = tracer.calls().stream().map(this::op).toList();
        this.result = valueOf(result)
                .orElseThrow(() ->
                        new IllegalArgumentException("trace: the code's result is a tensor that no op in it read or"
                                + " made, so that there is nothing to trace"));
    }

    /**
     * A tensor in a trace.
     *
     * @param id counts from 0, in the order of first use
     * @param dtype type of the elements
     * @param shape its sizes
     */
    public record Value(int id, DType dtype, List<Long> shape) {
        /** Number of elements. */
        public long elements() {
            long elements = 1;
            for (long size : shape) {
                elements *= size;
            }
            return elements;
        }

        /** As in {@code %3 f32[8, 10]}. */
        @Override
        public String toString() {
            return "%" + id + " " + dtype + shape;
        }
    }

    /**
     * An op that was applied.
     *
     * @param name as in the registry, such as {@code conv2d}
     * @param inputs the tensors that it read, by argument; those that were left out are absent
     * @param outputs the tensors that it made, by name
     * @param attributes its settings, such as {@code options} of type {@link dev.hornbeam.autograd.ops.Conv2dOptions}; those
     *     that were left out are absent
     * @param keptBytes bytes that its gradient keeps until backward, but for leaves (parameters, the input) and what an
     *     earlier op's gradient keeps already; 0 where nothing is recorded
     * @param callers the classes of the kind that the trace was asked for whose methods were running, innermost first
     */
    public record Op(
            String name,
            Map<String, Value> inputs,
            Map<String, Value> outputs,
            Map<String, Object> attributes,
            long keptBytes,
            List<Class<?>> callers) {
        /** Keeps its own copies, in their order. */
        public Op {
            inputs = Collections.unmodifiableMap(new LinkedHashMap<>(inputs));
            outputs = Collections.unmodifiableMap(new LinkedHashMap<>(outputs));
            attributes = Collections.unmodifiableMap(new LinkedHashMap<>(attributes));
            callers = List.copyOf(callers);
        }

        /**
         * An argument that every such op has.
         *
         * @throws NoSuchElementException if it was left out
         */
        public Value input(String argument) {
            return optional(argument)
                    .orElseThrow(() -> new NoSuchElementException(name + " has no argument " + argument + ": " + this));
        }

        /** An argument that may have been left out. */
        public Optional<Value> optional(String argument) {
            return Optional.ofNullable(inputs.get(argument));
        }

        /** Its first result, for most ops the only one. */
        public Value output() {
            return outputs.values().iterator().next();
        }

        /**
         * A setting.
         *
         * @throws NoSuchElementException if there is none of that name
         * @throws ClassCastException if it is of another type
         */
        public <T> T attribute(String key, Class<T> type) {
            Object value = attributes.get(key);
            if (value == null) {
                throw new NoSuchElementException(name + " has no attribute " + key + ": " + this);
            }
            return type.cast(value);
        }

        /** As in {@code y=%2 f32[8, 10] = linear(x=%0 f32[8, 4], w=%1 f32[10, 4])}. */
        @Override
        public String toString() {
            StringBuilder text = new StringBuilder();
            outputs.forEach((key, value) -> text.append(text.isEmpty() ? "" : ", ")
                    .append(key)
                    .append('=')
                    .append(value));
            text.append(" = ").append(name).append('(');
            int start = text.length();
            inputs.forEach((key, value) -> text.append(text.length() == start ? "" : ", ")
                    .append(key)
                    .append('=')
                    .append(value));
            text.append(')');
            attributes.forEach(
                    (key, value) -> text.append(' ').append(key).append('=').append(value));
            return text.toString();
        }
    }

    /**
     * Runs the code and takes down the ops that it applies.
     *
     * @param code gives the tensor that it is about; its tensors belong to the scopes that they would belong to otherwise
     * @throws IllegalStateException when this thread is traced already
     */
    public static OpTrace of(Supplier<Tensor> code) {
        return of(code, null);
    }

    /**
     * The same, noting for every op which objects of a kind were at work.
     *
     * @param callersOf methods of this class's subclasses that are running give {@link Op#callers}; null for none
     */
    public static OpTrace of(Supplier<Tensor> code, Class<?> callersOf) {
        Tracer tracer = Tracer.start(callersOf);
        Tensor result;
        try {
            result = code.get();
        } finally {
            tracer.stop();
        }
        return new OpTrace(tracer, result);
    }

    /** The ops in the order in which they were applied. */
    public List<Op> ops() {
        return ops;
    }

    /** What the code gave. */
    public Value result() {
        return result;
    }

    /** The value of a tensor that an op of the trace read or made. */
    public Optional<Value> valueOf(Tensor tensor) {
        int id = tracer.find(tensor);
        return id < 0 ? Optional.empty() : Optional.of(value(id));
    }

    /**
     * The tensors that ops read and that no op of the trace had made: inputs, parameters, constants. They are the living
     * tensors, and may have been closed since.
     */
    public Map<Value, Tensor> leaves() {
        Map<Value, Tensor> leaves = new LinkedHashMap<>();
        tracer.leaves().forEach((id, tensor) -> leaves.put(value(id), tensor));
        return leaves;
    }

    private Op op(Tracer.Call call) {
        return new Op(
                call.op(),
                values(call.inputs()),
                values(call.outputs()),
                call.attributes(),
                call.keptBytes(),
                call.callers());
    }

    private Map<String, Value> values(Map<String, Integer> ids) {
        Map<String, Value> values = new LinkedHashMap<>();
        ids.forEach((name, id) -> values.put(name, value(id)));
        return values;
    }

    private Value value(int id) {
        Facts facts = tracer.values().get(id);
        return new Value(id, facts.dtype(), Arrays.stream(facts.shape()).boxed().toList());
    }
}
