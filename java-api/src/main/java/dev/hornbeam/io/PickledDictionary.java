package dev.hornbeam.io;

import dev.hornbeam.io.PickleMachine.Budget;
import dev.hornbeam.io.PickleMachine.Bytes;
import dev.hornbeam.io.PickleMachine.Dictionary;
import dev.hornbeam.io.PickleMachine.Refusal;
import dev.hornbeam.io.PickleMachine.Sequence;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A file with one pickled dictionary of texts, integers, lists of them, and NumPy arrays of bytes: CIFAR's batches.
 *
 * <p>Keys are texts, or bytes as Python 2 wrote texts, read as Latin-1. Nothing in the file is run: names other than those of
 * NumPy's arrays are refused.
 */
public final class PickledDictionary {
    private static final long LARGEST_FILE = 1L << 30;
    private static final long LEAST_BUDGET = 16L << 20;

    /** A NumPy array of unsigned bytes in C order, empty until it gets its state. */
    private static final class ByteArray {
        private long[] shape;
        // Bytes or a text of Python 2, taken over only when asked for: many arrays may name the same.
        private Object content;
    }

    /** NumPy's type of an array's elements. */
    private record Type(String code) {}

    private final Path path;
    private final Map<String, Object> entries;

    private PickledDictionary(Path path, Map<String, Object> entries) {
        this.path = path;
        this.entries = entries;
    }

    /**
     * Reads the file.
     *
     * @throws TensorFileException when it is damaged or holds something else
     * @throws IOException when it cannot be read
     */
    public static PickledDictionary read(Path path) throws IOException {
        long size = Files.size(path);
        if (size > LARGEST_FILE) {
            throw new TensorFileException(
                    path, "it has " + size + " bytes; pickles of up to " + LARGEST_FILE + " are read");
        }
        MemorySegment bytes = MemorySegment.ofArray(Files.readAllBytes(path));
        // A text of Python 2 takes two bytes per character while it is read, and one as the content of an array.
        long budget = LEAST_BUDGET + 8 * size;
        try {
            Object root = new PickleMachine(bytes, 0, new NumpyBytes(), budget).load();
            if (!(root instanceof Dictionary dictionary)) {
                throw new TensorFileException(path, "its pickle is not a dictionary");
            }
            Map<String, Object> entries = new LinkedHashMap<>();
            for (Map.Entry<Object, Object> entry : dictionary.entries().entrySet()) {
                entries.put(text(path, entry.getKey(), "a key"), entry.getValue());
            }
            return new PickledDictionary(path, entries);
        } catch (Refusal e) {
            throw new TensorFileException(path, e.getMessage(), e);
        }
    }

    private static String text(Path path, Object value, String what) throws TensorFileException {
        return switch (value) {
            case String text -> text;
            case Bytes bytes -> new String(bytes.content().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
            case null, default -> throw new TensorFileException(path, what + " of its dictionary is not a text");
        };
    }

    /** The keys, in order. */
    public Set<String> keys() {
        return java.util.Collections.unmodifiableSet(entries.keySet());
    }

    /**
     * The array of unsigned bytes at {@code key}, of that shape.
     *
     * @param shape sizes that it must have; -1 for any
     * @throws TensorFileException when it is not there, of another type or shape
     */
    public HostArray bytes(String key, long... shape) throws TensorFileException {
        if (!(require(key) instanceof ByteArray array) || array.content == null) {
            throw new TensorFileException(path, "entry \"" + key + "\" is not a NumPy array of uint8 in C order");
        }
        boolean fits = array.shape.length == shape.length;
        for (int i = 0; fits && i < shape.length; i++) {
            fits = shape[i] == -1 || shape[i] == array.shape[i];
        }
        if (!fits) {
            String expected = Arrays.stream(shape)
                    .mapToObj(size -> size == -1 ? "any" : Long.toString(size))
                    .collect(Collectors.joining(", ", "[", "]"));
            throw new TensorFileException(
                    path, "entry \"" + key + "\" has shape " + Arrays.toString(array.shape) + "; expected " + expected);
        }
        byte[] content = array.content instanceof Bytes bytes
                ? bytes.content().toArray(ValueLayout.JAVA_BYTE)
                : ((String) array.content).getBytes(StandardCharsets.ISO_8859_1);
        return HostArray.wrap(content, array.shape);
    }

    /**
     * The list of integers at {@code key}.
     *
     * @throws TensorFileException when it is not there or something else
     */
    public long[] integers(String key) throws TensorFileException {
        List<Object> elements = sequence(key);
        long[] numbers = new long[elements.size()];
        for (int i = 0; i < numbers.length; i++) {
            if (!(elements.get(i) instanceof Long number)) {
                throw new TensorFileException(path, "entry \"" + key + "\" has something else than integers at " + i);
            }
            numbers[i] = number;
        }
        return numbers;
    }

    /**
     * The list of texts at {@code key}.
     *
     * @throws TensorFileException when it is not there or something else
     */
    public List<String> texts(String key) throws TensorFileException {
        List<String> texts = new ArrayList<>();
        for (Object element : sequence(key)) {
            texts.add(text(path, element, "an element of \"" + key + "\""));
        }
        return List.copyOf(texts);
    }

    private List<Object> sequence(String key) throws TensorFileException {
        if (!(require(key) instanceof Sequence sequence)) {
            throw new TensorFileException(path, "entry \"" + key + "\" is not a list");
        }
        return sequence.elements();
    }

    private Object require(String key) throws TensorFileException {
        if (!entries.containsKey(key)) {
            String found = entries.keySet().stream()
                    .limit(10)
                    .map(PickleMachine::shortened)
                    .map(name -> name.replaceAll("\\p{Cc}", "?"))
                    .collect(Collectors.joining(", "));
            throw new TensorFileException(path, "has no entry \"" + key + "\"; it has: " + found);
        }
        return entries.get(key);
    }

    /** NumPy's names, as far as arrays of bytes need them. */
    private static final class NumpyBytes implements PickleMachine.Vocabulary {
        private static final Set<String> RECONSTRUCT =
                Set.of("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct");
        private static final String ARRAY = "numpy.ndarray";
        private static final String TYPE = "numpy.dtype";
        private static final String ENCODE = "_codecs.encode";

        @Override
        public void admit(String name) throws Refusal {
            if (!RECONSTRUCT.contains(name) && !Set.of(ARRAY, TYPE, ENCODE).contains(name)) {
                throw new Refusal("the file asks for "
                        + PickleMachine.shortened(name).replaceAll("\\p{Cc}", "?") + "; only NumPy's arrays are read");
            }
        }

        @Override
        public Object call(String name, List<Object> arguments, Budget budget) throws Refusal {
            if (RECONSTRUCT.contains(name)) {
                return new ByteArray();
            }
            if (name.equals(TYPE) && !arguments.isEmpty() && arguments.getFirst() instanceof String code) {
                return new Type(code);
            }
            if (name.equals(ENCODE) && !arguments.isEmpty() && arguments.getFirst() instanceof String text) {
                budget.spend(text.length());
                return new Bytes(MemorySegment.ofArray(text.getBytes(StandardCharsets.ISO_8859_1)));
            }
            throw damaged();
        }

        // (version, shape, type, whether in Fortran's order, bytes); of a type, its order of bytes, which bytes have
        // not.
        @Override
        public void build(Object target, Object state) throws Refusal {
            if (target instanceof Type) {
                return;
            }
            if (!(target instanceof ByteArray array)
                    || !(state instanceof Sequence fields)
                    || fields.elements().size() != 5
                    || !(fields.elements().get(1) instanceof Sequence sizes)
                    || !(fields.elements().get(2) instanceof Type type)
                    || !(fields.elements().get(3) instanceof Boolean fortranOrder)) {
                throw damaged();
            }
            if (!type.code.equals("u1") || fortranOrder) {
                return;
            }
            long length = switch (fields.elements().get(4)) {
                case Bytes bytes -> bytes.content().byteSize();
                case String text -> text.length();
                case null, default -> throw damaged();
            };
            long[] shape = new long[sizes.elements().size()];
            long elements = 1;
            for (int i = 0; i < shape.length; i++) {
                if (!(sizes.elements().get(i) instanceof Long size) || size < 0 || size > LARGEST_FILE) {
                    throw damaged();
                }
                shape[i] = size;
                elements = elements > LARGEST_FILE ? elements : elements * size;
            }
            if (elements != length) {
                throw new Refusal("the pickle is damaged: an array of shape " + Arrays.toString(shape) + " has "
                        + length + " bytes");
            }
            array.shape = shape;
            array.content = fields.elements().get(4);
        }

        @Override
        public Object persistent(Object id) throws Refusal {
            throw damaged();
        }

        private static Refusal damaged() {
            return new Refusal("the pickle is damaged: its NumPy array is not one");
        }
    }
}
