package dev.hornbeam.internal.tape;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Structs;
import dev.hornbeam.tensor.Tensor;
import java.lang.StackWalker.Option;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Takes down the ops that one thread applies. Every op reports itself, in one line behind its result:
 *
 * <pre>{@code
 * if (Tracer.isOn()) {
 *     Tracer.op("linear").in("x", x).in("w", w).in("bias", bias).with("noise", noise).out("y", result);
 * }
 * }</pre>
 *
 * <p>While no thread traces, that costs the test of one field.
 */
public final class Tracer {
    private static final AtomicInteger TRACING = new AtomicInteger();
    private static final StackWalker STACK = StackWalker.getInstance(Option.RETAIN_CLASS_REFERENCE);

    private final Class<?> callersOf;
    private final List<Call> calls = new ArrayList<>();
    private final List<Facts> values = new ArrayList<>();
    private final IdentityHashMap<Tensor, Integer> ids = new IdentityHashMap<>();
    private final Map<Integer, Tensor> leaves = new LinkedHashMap<>();
    private final StorageSizes storages = new StorageSizes();

    private Tracer(Class<?> callersOf) {
        this.callersOf = callersOf;
    }

    /** Whether this thread's ops are to report themselves. */
    public static boolean isOn() {
        return TRACING.get() != 0 && ThreadContext.current().tracer != null;
    }

    /**
     * Starts to trace this thread.
     *
     * @param callersOf calls note which of its subclasses were running; null for none
     * @throws IllegalStateException when it is traced already
     */
    public static Tracer start(Class<?> callersOf) {
        ThreadContext context = ThreadContext.current();
        if (context.tracer != null) {
            throw new IllegalStateException("the ops of thread "
                    + Thread.currentThread().getName() + " are traced already; a trace cannot be inside another one");
        }
        Tracer tracer = new Tracer(callersOf);
        context.tracer = tracer;
        TRACING.incrementAndGet();
        return tracer;
    }

    /** Ends the trace. What was taken down stays. */
    public void stop() {
        ThreadContext.current().tracer = null;
        TRACING.decrementAndGet();
    }

    /** Starts the report of an op that was just applied; only while {@link #isOn}. */
    public static Call op(String name) {
        Tracer tracer = ThreadContext.current().tracer;
        Call call = new Call(tracer, name, tracer.callers());
        tracer.calls.add(call);
        return call;
    }

    /**
     * Tells that two tensors are the same value, such as a tensor and its {@code detach()}ed form; only while {@link #isOn}.
     * What the second's gradient keeps besides counts as the last op's. Returns the second.
     */
    public static Tensor same(Tensor known, Tensor other) {
        Tracer tracer = ThreadContext.current().tracer;
        // What a function made without any op, and closed with its scope, is known by its result alone.
        boolean readable = tracer.ids.containsKey(known) || TensorAccess.get().isOpen(known);
        if (readable) {
            tracer.ids.put(other, tracer.read(known));
        } else {
            tracer.read(other);
        }
        if (!tracer.calls.isEmpty()) {
            tracer.calls.getLast().keptBytes += tracer.storages.keptBy(other);
        }
        return other;
    }

    /** Numbers as an attribute. */
    public static List<Long> list(long... numbers) {
        return Arrays.stream(numbers).boxed().toList();
    }

    /** Numbers as an attribute. */
    public static List<Integer> list(int... numbers) {
        return Arrays.stream(numbers).boxed().toList();
    }

    /** The calls so far, in order. */
    public List<Call> calls() {
        return calls;
    }

    /** Shape, type and device of every value, by its number. */
    public List<Facts> values() {
        return values;
    }

    /** The tensors that were read and that no traced op had made, by their number. */
    public Map<Integer, Tensor> leaves() {
        return leaves;
    }

    /** The number of a tensor that was read or made, or -1. */
    public int find(Tensor tensor) {
        return ids.getOrDefault(tensor, -1);
    }

    private List<Class<?>> callers() {
        if (callersOf == null) {
            return List.of();
        }
        return STACK.walk(frames -> {
            List<Class<?>> found = new ArrayList<>();
            frames.map(StackWalker.StackFrame::getDeclaringClass)
                    .filter(type -> type != callersOf && callersOf.isAssignableFrom(type))
                    .forEach(found::add);
            return List.copyOf(found);
        });
    }

    /** The number of a tensor that an op reads; one that no op made is a leaf. */
    private int read(Tensor tensor) {
        Integer known = ids.get(tensor);
        if (known != null) {
            return known;
        }
        int id = number(tensor);
        leaves.put(id, tensor);
        storages.foreign(TensorAccess.get().handle(tensor, "trace", "tensor"));
        return id;
    }

    private int number(Tensor tensor) {
        int id = values.size();
        values.add(Tape.facts(tensor));
        ids.put(tensor, id);
        return id;
    }

    /** One op that was applied. */
    public static final class Call {
        private final Tracer tracer;
        private final String op;
        private final List<Class<?>> callers;
        private final Map<String, Integer> inputs = new LinkedHashMap<>();
        private final Map<String, Integer> outputs = new LinkedHashMap<>();
        private final Map<String, Object> attributes = new LinkedHashMap<>();
        private long keptBytes;

        private Call(Tracer tracer, String op, List<Class<?>> callers) {
            this.tracer = tracer;
            this.op = op;
            this.callers = callers;
        }

        /** Reports an argument; null is one that was left out. */
        public Call in(String name, Tensor tensor) {
            if (tensor != null) {
                inputs.put(name, tracer.read(tensor));
            }
            return this;
        }

        /** Reports several arguments, which are numbered. */
        public Call in(String name, Tensor[] tensors) {
            for (int i = 0; i < tensors.length; i++) {
                in(name + "[" + i + "]", tensors[i]);
            }
            return this;
        }

        /** Reports a setting; null is one that was left out. */
        public Call with(String name, Object value) {
            if (value != null) {
                attributes.put(name, value);
            }
            return this;
        }

        /** Reports a result, or a tensor that was written to in place: it is a new value from here on. */
        public Call out(String name, Tensor tensor) {
            outputs.put(name, tracer.number(tensor));
            keptBytes += tracer.storages.keptBy(tensor);
            return this;
        }

        /** The op's name in the registry. */
        public String op() {
            return op;
        }

        /** Classes of the kind asked for that were running, innermost first. */
        public List<Class<?>> callers() {
            return callers;
        }

        /** Numbers of the values read, by argument. */
        public Map<String, Integer> inputs() {
            return inputs;
        }

        /** Numbers of the values made. */
        public Map<String, Integer> outputs() {
            return outputs;
        }

        /** Settings by name. */
        public Map<String, Object> attributes() {
            return attributes;
        }

        /** Bytes that the op's gradient keeps, but for leaves and what an earlier op's gradient kept already. */
        public long keptBytes() {
            return keptBytes;
        }
    }

    /** Which memory the tape keeps, each piece counted once. */
    private static final class StorageSizes {
        private final Map<Long, Long> bytes = new HashMap<>();
        private final Set<Long> counted = new HashSet<>();

        /** Memory that does not count: it was there before. */
        void foreign(long handle) {
            counted.add(storage(handle));
        }

        /** Bytes that the node behind a new result keeps and that were not counted yet. */
        long keptBy(Tensor result) {
            TensorAccess access = TensorAccess.get();
            see(access.handle(result, "trace", "result"));
            Node node = access.node(result);
            long sum = 0;
            for (Saved kept = node == null ? null : node.kept(); kept != null; kept = kept.next) {
                long storage = see(kept.handle());
                if (counted.add(storage)) {
                    sum += bytes.get(storage);
                }
            }
            return sum;
        }

        // A view can be smaller than the memory that it keeps: the largest tensor seen says how much that is.
        private long see(long handle) {
            long storage = storage(handle);
            bytes.merge(storage, Facts.of(handle).bytes(), Math::max);
            return storage;
        }

        private static long storage(long handle) {
            MemorySegment descriptor = ThreadContext.current().scratch.descriptor;
            HornbeamNative.describe(handle, descriptor);
            return descriptor.get(ValueLayout.JAVA_LONG, Structs.Descriptor.STORAGE);
        }
    }
}
