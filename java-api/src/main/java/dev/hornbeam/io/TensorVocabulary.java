package dev.hornbeam.io;

import dev.hornbeam.io.PickleMachine.Budget;
import dev.hornbeam.io.PickleMachine.Bytes;
import dev.hornbeam.io.PickleMachine.Dictionary;
import dev.hornbeam.io.PickleMachine.Global;
import dev.hornbeam.io.PickleMachine.Refusal;
import dev.hornbeam.io.PickleMachine.Sequence;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The names that occur in pickles of tensors, all of them. Any other is refused.
 *
 * <p>Tensors come of {@code torch._utils._rebuild_tensor}, {@code _v2}, {@code _v3}, {@code _rebuild_parameter} and
 * {@code _rebuild_parameter_with_state}, of {@code torch._tensor._rebuild_from_type_v2}, and of NumPy's {@code ndarray};
 * dictionaries of {@code collections.OrderedDict}, {@code defaultdict} and {@code Counter} and of Flax's {@code FrozenDict};
 * sequences of {@code torch.Size} and Python's own. {@link #INERT} lists what training scripts put beside the weights: it
 * becomes a placeholder that knows its name and nothing else.
 */
final class TensorVocabulary implements PickleMachine.Vocabulary {
    private static final Map<String, Safetensors.Type> STORAGES = storages();
    private static final Map<String, Safetensors.Type> TORCH_TYPES = torchTypes();

    private static final Set<String> REBUILDERS = Set.of(
            "torch._utils._rebuild_tensor",
            "torch._utils._rebuild_tensor_v2",
            "torch._utils._rebuild_tensor_v3",
            "torch._utils._rebuild_parameter",
            "torch._utils._rebuild_parameter_with_state",
            "torch._tensor._rebuild_from_type_v2");

    private static final Set<String> DICTIONARIES = Set.of(
            "collections.OrderedDict",
            "collections.defaultdict",
            "collections.Counter",
            "builtins.dict",
            "flax.core.frozen_dict.FrozenDict");

    private static final Set<String> SEQUENCES =
            Set.of("torch.Size", "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset");

    private static final Set<String> NUMPY_ARRAYS = Set.of("numpy.core.multiarray._reconstruct", "numpy.ndarray");

    private static final String NUMPY_BUFFER = "numpy.core.numeric._frombuffer";
    private static final String NUMPY_TYPE = "numpy.dtype";
    private static final String ENCODE = "_codecs.encode";

    /** Placeholders: configuration and numbers of a training script. */
    private static final Set<String> INERT = Set.of(
            "argparse.Namespace",
            "types.SimpleNamespace",
            "builtins.bool",
            "builtins.bytearray",
            "builtins.bytes",
            "builtins.complex",
            "builtins.float",
            "builtins.int",
            "builtins.object",
            "builtins.slice",
            "builtins.str",
            "copyreg._reconstructor",
            "numpy.core.multiarray.scalar",
            "pathlib.Path",
            "pathlib.PosixPath",
            "pathlib.PurePosixPath",
            "pathlib.WindowsPath",
            "torch.Generator",
            "torch.Tensor",
            "torch.device",
            "torch.nn.parameter.Parameter",
            "torch.serialization._get_layout");

    private static final int ENTRY_COST = 64;
    private static final int DESCRIBED_COST = 128;

    private final Storages storages;

    TensorVocabulary(Storages storages) {
        this.storages = storages;
    }

    /** Where the storages that a pickle names lie. */
    interface Storages {
        /**
         * A storage by its name in the file.
         *
         * @param elements how many it must have at least
         * @param view part of another storage as in files before PyTorch 0.4, null for the whole
         */
        Storage find(String key, Safetensors.Type type, long elements, Sequence view) throws Refusal;

        /** Whether the elements have their most significant byte first. */
        boolean bigEndian();
    }

    /**
     * A storage: elements of one type, whose bytes the file may hold only behind the pickle.
     */
    static final class Storage {
        private final Safetensors.Type type;
        private final long first;
        private final long elements;
        private MemorySegment bytes;

        /** So many elements, beginning at one of the bytes that are set later. */
        Storage(Safetensors.Type type, long first, long elements, MemorySegment bytes) {
            this.type = type;
            this.first = first;
            this.elements = elements;
            this.bytes = bytes;
        }

        Safetensors.Type type() {
            return type;
        }

        void place(MemorySegment whole) {
            bytes = whole;
        }

        MemorySegment bytes() {
            return bytes == null ? null : bytes.asSlice(first * type.bytes(), elements * type.bytes());
        }
    }

    /**
     * A tensor as the pickle describes it; whether it fits its storage is seen when that is there.
     */
    static final class Described {
        private final Safetensors.Type type;
        private final boolean bigEndian;
        private final Storage storage;
        private final long offset;
        private final long[] shape;
        private final long[] strides;

        private Described(
                Safetensors.Type type, boolean bigEndian, Storage storage, long offset, long[] shape, long[] strides) {
            this.type = type;
            this.bigEndian = bigEndian;
            this.storage = storage;
            this.offset = offset;
            this.shape = shape;
            this.strides = strides;
        }

        /** The elements, checked against the storage. */
        StridedElements elements() {
            if (storage.bytes() == null) {
                throw new IllegalArgumentException("its storage is not in the file");
            }
            return StridedElements.of(type, bigEndian, storage.bytes(), offset, shape, strides);
        }
    }

    /** A NumPy array, empty until it gets its state. */
    static final class NumpyArray {
        private StridedElements elements;

        /** The elements, or null where the type is not one of numbers. */
        StridedElements elements() {
            return elements;
        }
    }

    /** A NumPy type, whose order of bytes comes with its state. */
    private static final class NumpyType {
        private final String code;
        private boolean bigEndian;

        NumpyType(String code) {
            this.code = code;
        }

        Safetensors.Type type() {
            return switch (code) {
                case "b1" -> Safetensors.Type.BOOL;
                case "u1" -> Safetensors.Type.U8;
                case "i1" -> Safetensors.Type.I8;
                case "u2" -> Safetensors.Type.U16;
                case "i2" -> Safetensors.Type.I16;
                case "u4" -> Safetensors.Type.U32;
                case "i4" -> Safetensors.Type.I32;
                case "u8" -> Safetensors.Type.U64;
                case "i8" -> Safetensors.Type.I64;
                case "f2" -> Safetensors.Type.F16;
                case "f4" -> Safetensors.Type.F32;
                case "f8" -> Safetensors.Type.F64;
                default -> null;
            };
        }
    }

    /**
     * Something that is not a tensor and is not looked at.
     *
     * @param name of its class
     */
    record Placeholder(String name) {}

    private static Map<String, Safetensors.Type> storages() {
        Map<String, Safetensors.Type> types = new HashMap<>();
        Map<String, Safetensors.Type> names = Map.of(
                "Double", Safetensors.Type.F64,
                "Float", Safetensors.Type.F32,
                "Half", Safetensors.Type.F16,
                "BFloat16", Safetensors.Type.BF16,
                "Long", Safetensors.Type.I64,
                "Int", Safetensors.Type.I32,
                "Short", Safetensors.Type.I16,
                "Char", Safetensors.Type.I8,
                "Byte", Safetensors.Type.U8,
                "Bool", Safetensors.Type.BOOL);
        names.forEach((name, type) -> {
            types.put("torch." + name + "Storage", type);
            types.put("torch.cuda." + name + "Storage", type);
        });
        types.put("torch.UntypedStorage", Safetensors.Type.U8);
        types.put("torch.storage.UntypedStorage", Safetensors.Type.U8);
        return types;
    }

    private static Map<String, Safetensors.Type> torchTypes() {
        Map<String, Safetensors.Type> types = new HashMap<>();
        types.put("torch.float64", Safetensors.Type.F64);
        types.put("torch.float32", Safetensors.Type.F32);
        types.put("torch.float16", Safetensors.Type.F16);
        types.put("torch.bfloat16", Safetensors.Type.BF16);
        types.put("torch.int64", Safetensors.Type.I64);
        types.put("torch.int32", Safetensors.Type.I32);
        types.put("torch.int16", Safetensors.Type.I16);
        types.put("torch.int8", Safetensors.Type.I8);
        types.put("torch.uint8", Safetensors.Type.U8);
        types.put("torch.uint16", Safetensors.Type.U16);
        types.put("torch.uint32", Safetensors.Type.U32);
        types.put("torch.uint64", Safetensors.Type.U64);
        types.put("torch.bool", Safetensors.Type.BOOL);
        types.put("torch.float8_e5m2", Safetensors.Type.F8_E5M2);
        types.put("torch.float8_e4m3fn", Safetensors.Type.F8_E4M3);
        return types;
    }

    // Protocol 2, PyTorch's, writes Python 2's names; NumPy 2 moved its core.
    private static String canonical(String name) {
        if (name.startsWith("__builtin__.")) {
            return "builtins." + name.substring("__builtin__.".length());
        }
        if (name.startsWith("numpy._core.")) {
            return "numpy.core." + name.substring("numpy._core.".length());
        }
        return name.equals("copy_reg._reconstructor") ? "copyreg._reconstructor" : name;
    }

    @Override
    public void admit(String given) throws Refusal {
        String name = canonical(given);
        if (!STORAGES.containsKey(name)
                && !TORCH_TYPES.containsKey(name)
                && !REBUILDERS.contains(name)
                && !DICTIONARIES.contains(name)
                && !SEQUENCES.contains(name)
                && !NUMPY_ARRAYS.contains(name)
                && !INERT.contains(name)
                && !name.equals(NUMPY_BUFFER)
                && !name.equals(NUMPY_TYPE)
                && !name.equals(ENCODE)) {
            throw new Refusal("the file asks to run " + PickleMachine.shortened(given)
                    + "; only tensors are read (those of torch.save(model.state_dict(), FILE))");
        }
    }

    @Override
    public Object call(String given, List<Object> arguments, Budget budget) throws Refusal {
        String name = canonical(given);
        if (REBUILDERS.contains(name)) {
            return rebuild(name, arguments, budget);
        }
        if (DICTIONARIES.contains(name)) {
            return dictionary(arguments, budget);
        }
        if (SEQUENCES.contains(name)) {
            Object first = arguments.isEmpty() ? null : arguments.getFirst();
            return new Sequence(first instanceof Sequence elements ? elements.elements() : new ArrayList<>());
        }
        if (NUMPY_ARRAYS.contains(name)) {
            return new NumpyArray();
        }
        return switch (name) {
            case NUMPY_BUFFER -> fromBuffer(arguments);
            case NUMPY_TYPE ->
                !arguments.isEmpty() && arguments.getFirst() instanceof String code
                        ? new NumpyType(code)
                        : new Placeholder(name);
            case ENCODE -> encoded(arguments, budget);
            default -> {
                // A storage is never called: it comes of a persistent id.
                if (!INERT.contains(name)) {
                    throw new Refusal("the file asks to run " + given + "; only tensors are read");
                }
                yield new Placeholder(name);
            }
        };
    }

    @Override
    public void build(Object target, Object state) throws Refusal {
        switch (target) {
            case NumpyArray array -> array.elements = elements(state);
            case NumpyType type
            when state instanceof Sequence fields
                    && fields.elements().size() > 1
                    && fields.elements().get(1) instanceof String order -> type.bigEndian = order.equals(">");
            // The attributes of a dictionary, such as _metadata, of a tensor, or of what is not looked at.
            case Dictionary _, Described _, Placeholder _, NumpyType _ -> {}
            case null, default -> throw new Refusal("the pickle is damaged: it gives state to a plain value");
        }
    }

    @Override
    public Object persistent(Object id) throws Refusal {
        if (!(id instanceof Sequence parts) || parts.elements().isEmpty()) {
            throw new Refusal("a persistent id is no tuple");
        }
        List<Object> fields = parts.elements();
        if (!"storage".equals(fields.getFirst())) {
            throw new Refusal("a persistent id asks for a "
                    + (fields.getFirst() instanceof String kind
                            ? PickleMachine.shortened(kind)
                            : "thing without a name")
                    + "; only storages of tensors are read");
        }
        // The kind, the class, the key, the device, the number of elements, and in old files a view.
        if (fields.size() < 5
                || fields.size() > 6
                || !(fields.get(1) instanceof Global named)
                || !STORAGES.containsKey(named.name())
                || !(fields.get(4) instanceof Long elements)
                || elements < 0) {
            throw new Refusal("the persistent id of a storage is damaged");
        }
        String key = switch (fields.get(2)) {
            case String text -> text;
            case Long number -> number.toString();
            case null, default -> throw new Refusal("the persistent id of a storage has no key");
        };
        Object view = fields.size() == 6 ? fields.get(5) : null;
        if (view != null && !(view instanceof Sequence)) {
            throw new Refusal("the persistent id of storage " + PickleMachine.shortened(key) + " has a damaged view");
        }
        return storages.find(key, STORAGES.get(named.name()), elements, (Sequence) view);
    }

    // ---------------------------------------------------------------------------------------------------- tensors

    private Object rebuild(String name, List<Object> arguments, Budget budget) throws Refusal {
        return switch (name) {
            case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state" -> {
                if (arguments.isEmpty() || !(arguments.getFirst() instanceof Described data)) {
                    throw damaged(name);
                }
                yield data;
            }
            case "torch._tensor._rebuild_from_type_v2" -> {
                // (function, class, its arguments, state): the function makes the tensor; class and state add
                // attributes.
                if (arguments.size() != 4
                        || !(arguments.get(0) instanceof Global function)
                        || !REBUILDERS.contains(function.name())
                        || function.name().equals(name)
                        || !(arguments.get(2) instanceof Sequence inner)) {
                    throw damaged(name);
                }
                yield rebuild(function.name(), inner.elements(), budget);
            }
            default -> tensor(name, arguments, budget);
        };
    }

    private Described tensor(String name, List<Object> arguments, Budget budget) throws Refusal {
        boolean typed = name.endsWith("_v3");
        if (arguments.size() < (typed ? 7 : 4)
                || !(arguments.get(0) instanceof Storage storage)
                || !(arguments.get(1) instanceof Long offset)) {
            throw damaged(name);
        }
        Safetensors.Type type = storage.type();
        if (typed) {
            if (!(arguments.get(6) instanceof Global dtype) || !TORCH_TYPES.containsKey(dtype.name())) {
                throw damaged(name);
            }
            type = TORCH_TYPES.get(dtype.name());
        }
        // Its sizes and strides, which may come of the memo.
        budget.spend(DESCRIBED_COST);
        return new Described(
                type,
                storages.bigEndian(),
                storage,
                offset,
                numbers(name, arguments.get(2)),
                numbers(name, arguments.get(3)));
    }

    private static long[] numbers(String name, Object value) throws Refusal {
        if (!(value instanceof Sequence sequence) || sequence.elements().size() > StridedElements.MOST_DIMENSIONS) {
            throw damaged(name);
        }
        long[] numbers = new long[sequence.elements().size()];
        for (int i = 0; i < numbers.length; i++) {
            if (!(sequence.elements().get(i) instanceof Long number)) {
                throw damaged(name);
            }
            numbers[i] = number;
        }
        return numbers;
    }

    private static Refusal damaged(String name) {
        return new Refusal("the pickle is damaged: wrong arguments for " + name);
    }

    // ------------------------------------------------------------------------------------- dictionaries and NumPy

    // From nothing, from pairs, from another dictionary; a defaultdict's first argument is what it makes new values of.
    private static Dictionary dictionary(List<Object> arguments, Budget budget) throws Refusal {
        Dictionary made = new Dictionary();
        for (Object argument : arguments) {
            if (argument instanceof Dictionary other) {
                budget.spend((long) ENTRY_COST * other.entries().size());
                made.entries().putAll(other.entries());
            } else if (argument instanceof Sequence pairs) {
                budget.spend((long) ENTRY_COST * pairs.elements().size());
                for (Object pair : pairs.elements()) {
                    if (!(pair instanceof Sequence two) || two.elements().size() != 2) {
                        throw new Refusal("the pickle is damaged: a dictionary is not made of pairs");
                    }
                    made.entries().put(two.elements().get(0), two.elements().get(1));
                }
            }
        }
        return made;
    }

    // The bytes that protocol 2 writes as a text: _codecs.encode(text, "latin1").
    private static Bytes encoded(List<Object> arguments, Budget budget) throws Refusal {
        if (arguments.size() != 2
                || !(arguments.get(0) instanceof String text)
                || !(arguments.get(1) instanceof String charset)
                || !charset.replace("-", "").equals("latin1")) {
            throw damaged(ENCODE);
        }
        budget.spend(text.length());
        return new Bytes(MemorySegment.ofArray(text.getBytes(StandardCharsets.ISO_8859_1)));
    }

    // (version, shape, type, whether in Fortran's order, bytes)
    private static StridedElements elements(Object state) throws Refusal {
        if (!(state instanceof Sequence fields)
                || fields.elements().size() != 5
                || !(fields.elements().get(3) instanceof Boolean fortranOrder)) {
            throw damaged("numpy.ndarray");
        }
        return elements(
                fields.elements().get(1),
                fields.elements().get(2),
                fields.elements().get(4),
                fortranOrder);
    }

    // (buffer, type, shape, order)
    private static NumpyArray fromBuffer(List<Object> arguments) throws Refusal {
        if (arguments.size() != 4 || !(arguments.get(3) instanceof String order)) {
            throw damaged(NUMPY_BUFFER);
        }
        NumpyArray array = new NumpyArray();
        array.elements = elements(arguments.get(2), arguments.get(1), arguments.get(0), order.equals("F"));
        return array;
    }

    private static StridedElements elements(Object shape, Object dtype, Object data, boolean fortranOrder)
            throws Refusal {
        if (!(dtype instanceof NumpyType type) || type.type() == null || !(data instanceof Bytes bytes)) {
            // Of objects or texts: not a tensor.
            return null;
        }
        try {
            return StridedElements.dense(
                    type.type(), type.bigEndian, bytes.content(), numbers("numpy.ndarray", shape), fortranOrder);
        } catch (IllegalArgumentException e) {
            throw new Refusal("the pickle is damaged: a NumPy array reaches outside its bytes: " + e.getMessage(), e);
        }
    }
}
