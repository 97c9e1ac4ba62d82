package dev.hornbeam.io;

import dev.hornbeam.io.PickleMachine.Dictionary;
import dev.hornbeam.io.PickleMachine.Refusal;
import dev.hornbeam.io.PickleMachine.Sequence;
import dev.hornbeam.io.TensorVocabulary.Described;
import dev.hornbeam.io.TensorVocabulary.NumpyArray;
import dev.hornbeam.io.TensorVocabulary.Storage;
import dev.hornbeam.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The tensors in a file of {@code torch.save}, in the zip format or in the one before PyTorch 1.6, or in a pickled dictionary
 * of NumPy arrays.
 *
 * <p>The file is mapped into memory; a {@link PickleMachine} that knows nothing but tensors reads what describes them, and
 * each is copied out as it is asked for. Any order of bytes, any strides, and storages that several tensors share are read.
 * Dictionaries in dictionaries give names with dots: {@code state_dict.conv1.weight}.
 *
 * <p>Limits: a pickle's objects may take the file's size {@value WeightsSource#LARGEST_GROWTH} times, though never less than
 * 4 MiB; the same holds for all tensors together, without that least; dictionaries nest {@value #DEEPEST} deep.
 */
public final class TorchFile implements WeightsSource {
    /** What 1.6 and older versions write first. */
    private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);

    private static final long LEGACY_VERSION = 1001;
    private static final long LEAST_BUDGET = 1 << 22;
    private static final int LEAST_VISITS = 1 << 12;
    private static final int NAMED_COST = 300;
    private static final int DEEPEST = 16;
    private static final int LONGEST_METADATA = 1000;
    private static final ValueLayout.OfLong COUNT = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path path;
    private final Arena arena;
    private final MemorySegment file;
    private final Map<String, StridedElements> elements = new LinkedHashMap<>();
    private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private String format;
    private long budget;
    private long visits;

    private TorchFile(Path path, Arena arena, MemorySegment file) {
        this.path = path;
        this.arena = arena;
        this.file = file;
        this.budget = Math.max(LEAST_BUDGET, LARGEST_GROWTH * file.byteSize());
    }

    /**
     * Opens a file and reads what it says of its tensors.
     *
     * @throws TensorFileException when it is no such file or a damaged one, or names anything but tensors
     * @throws IOException when it cannot be read
     */
    public static TorchFile open(Path path) throws IOException {
        Arena arena = Arena.ofShared();
        boolean done = false;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            TorchFile opened =
                    new TorchFile(path, arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
            opened.read();
            done = true;
            return opened;
        } catch (InternalError e) {
            throw new TensorFileException(path, "the file became shorter while it was read", e);
        } catch (Refusal e) {
            throw new TensorFileException(path, e.getMessage(), e);
        } finally {
            if (!done) {
                arena.close();
            }
        }
    }

    private void read() throws IOException, Refusal {
        boolean zip = file.byteSize() > 1
                && file.get(ValueLayout.JAVA_BYTE, 0) == 'P'
                && file.get(ValueLayout.JAVA_BYTE, 1) == 'K';
        Object root = zip ? readZip() : readStream();
        collect("", root, 0);
        if (tensors.isEmpty()) {
            throw new TensorFileException(
                    path, "it holds no tensors; expected a dictionary of them, such as model.state_dict()");
        }
        StoredTensor.checkGrowth(path, tensors.values(), file.byteSize());
    }

    // ------------------------------------------------------------------------------------------------- zip format

    private Object readZip() throws IOException, Refusal {
        format = "PyTorch";
        ZipDirectory directory = ZipDirectory.read(path, file);
        Map<String, ZipDirectory.Entry> entries = directory.entries();
        List<String> pickles = entries.keySet().stream()
                .filter(name -> name.equals("data.pkl") || name.endsWith("/data.pkl"))
                .toList();
        if (pickles.size() != 1) {
            throw new TensorFileException(
                    path, "a file of PyTorch has one entry data.pkl, but this zip archive has " + pickles.size());
        }
        String folder = pickles.getFirst().substring(0, pickles.getFirst().length() - "data.pkl".length());
        if (entries.containsKey(folder + "constants.pkl")) {
            throw new TensorFileException(
                    path,
                    "it is a TorchScript program, which is not run; save model.state_dict() with torch.save instead");
        }
        String order = "little";
        ZipDirectory.Entry orderEntry = entries.get(folder + "byteorder");
        if (orderEntry != null) {
            MemorySegment text = directory.bytes(orderEntry);
            order = new String(
                    text.asSlice(0, Math.min(16, text.byteSize())).toArray(ValueLayout.JAVA_BYTE),
                    StandardCharsets.ISO_8859_1);
        }
        if (!order.equals("little") && !order.equals("big")) {
            throw new TensorFileException(path, "its entry byteorder says \"" + order + "\", neither little nor big");
        }
        boolean bigEndian = order.equals("big");
        TensorVocabulary.Storages storages = new TensorVocabulary.Storages() {
            @Override
            public Storage find(String key, Safetensors.Type type, long count, Sequence view) throws Refusal {
                ZipDirectory.Entry entry = entries.get(folder + "data/" + key);
                if (entry == null) {
                    throw new Refusal("storage \"" + PickleMachine.shortened(key) + "\" is not in the archive");
                }
                MemorySegment bytes;
                try {
                    bytes = directory.bytes(entry);
                } catch (TensorFileException e) {
                    throw new Refusal(e.getMessage().substring(path.toString().length() + 2), e);
                }
                if (count > bytes.byteSize() / type.bytes()) {
                    throw new Refusal("storage \"" + PickleMachine.shortened(key) + "\" should have " + count + " "
                            + type + ", but has " + bytes.byteSize() + " bytes");
                }
                return new Storage(type, 0, count, bytes);
            }

            @Override
            public boolean bigEndian() {
                return bigEndian;
            }
        };
        MemorySegment pickle = directory.bytes(entries.get(pickles.getFirst()));
        PickleMachine machine = new PickleMachine(pickle, 0, new TensorVocabulary(storages), budget);
        Object root = machine.load();
        budget = machine.budget();
        return root;
    }

    // ------------------------------------------------------------------------------------- older format, NumPy's

    // Pickles one after the other: a magic number, a version, the machine's properties, the object, the storages' keys;
    // then
    // each storage, its number of elements first. Or one pickle of a dictionary of NumPy arrays.
    private Object readStream() throws IOException, Refusal {
        LegacyStorages storages = new LegacyStorages();
        PickleMachine machine = new PickleMachine(file, 0, new TensorVocabulary(storages), budget);
        Object first = machine.load();
        budget = machine.budget();
        if (!MAGIC.equals(first)) {
            if (first instanceof Dictionary && storages.byKey.isEmpty()) {
                format = "pickled NumPy arrays";
                return first;
            }
            throw new TensorFileException(
                    path, "not a file of torch.save: a pickle that begins with neither its number nor a dictionary");
        }
        format = "PyTorch before 1.6";
        if (!(machine.load() instanceof Long version) || version != LEGACY_VERSION) {
            throw new TensorFileException(
                    path, "it has another version of PyTorch's old format than " + LEGACY_VERSION);
        }
        if (machine.load() instanceof Dictionary system) {
            storages.bigEndian = Boolean.FALSE.equals(system.entries().get("little_endian"));
        }
        Object root = machine.load();
        if (!(machine.load() instanceof Sequence keys)) {
            throw new TensorFileException(path, "the list of its storages is missing");
        }
        budget = machine.budget();
        long at = machine.position();
        for (Object key : keys.elements()) {
            at = storages.place(String.valueOf(key), at);
        }
        return root;
    }

    private final class LegacyStorages implements TensorVocabulary.Storages {
        /** A storage, and the parts of it that tensors use. */
        private record Root(Safetensors.Type type, long count, List<Storage> parts) {}

        private final Map<String, Root> byKey = new HashMap<>();
        private boolean bigEndian;

        @Override
        public Storage find(String key, Safetensors.Type type, long count, Sequence view) throws Refusal {
            Root root = byKey.computeIfAbsent(key, _ -> new Root(type, count, new java.util.ArrayList<>()));
            long first = 0;
            long size = count;
            if (view != null) {
                List<Object> fields = view.elements();
                if (fields.size() != 3
                        || !(fields.get(1) instanceof Long offset)
                        || !(fields.get(2) instanceof Long length)) {
                    throw new Refusal("storage \"" + PickleMachine.shortened(key) + "\" has a damaged view");
                }
                first = offset;
                size = length;
            }
            if (root.type != type
                    || root.count != count
                    || first < 0
                    || size < 0
                    || first > count
                    || size > count - first) {
                throw new Refusal("storage \"" + PickleMachine.shortened(key)
                        + "\" is described twice and differently, or has a part outside it");
            }
            Storage part = new Storage(type, first, size, null);
            root.parts.add(part);
            return part;
        }

        @Override
        public boolean bigEndian() {
            return bigEndian;
        }

        long place(String key, long at) throws TensorFileException {
            Root root = byKey.remove(key);
            if (root == null) {
                throw new TensorFileException(
                        path, "storage \"" + PickleMachine.shortened(key) + "\" belongs to no tensor, or comes twice");
            }
            if (at > file.byteSize() - Long.BYTES) {
                throw new TensorFileException(
                        path, "it is cut off before storage \"" + PickleMachine.shortened(key) + "\"");
            }
            long given = file.get(COUNT, at);
            long count = bigEndian ? Long.reverseBytes(given) : given;
            long begin = at + Long.BYTES;
            if (count != root.count || count > (file.byteSize() - begin) / root.type.bytes()) {
                throw new TensorFileException(
                        path,
                        "storage \"" + PickleMachine.shortened(key) + "\" should have " + root.count + " " + root.type
                                + " at byte " + begin + ", but has " + count + " in a file of " + file.byteSize());
            }
            long bytes = count * root.type.bytes();
            MemorySegment whole = file.asSlice(begin, bytes);
            root.parts.forEach(part -> part.place(whole));
            return begin + bytes;
        }
    }

    // ---------------------------------------------------------------------------------------------------- tensors

    // A value may be reached on many ways, and so has many names; no honest file has more names than bytes.
    private void collect(String name, Object value, int depth) throws TensorFileException {
        if (++visits > Math.max(LEAST_VISITS, file.byteSize()) || depth > DEEPEST) {
            throw new TensorFileException(
                    path,
                    depth > DEEPEST
                            ? "its dictionaries nest deeper than " + DEEPEST
                            : "its dictionaries hold each other too often");
        }
        switch (value) {
            case Dictionary dictionary -> {
                for (Map.Entry<Object, Object> entry : dictionary.entries().entrySet()) {
                    if (entry.getKey() instanceof String || entry.getKey() instanceof Long) {
                        collect(joined(name, String.valueOf(entry.getKey())), entry.getValue(), depth + 1);
                    }
                }
            }
            case Sequence sequence -> {
                for (int i = 0; i < sequence.elements().size(); i++) {
                    collect(joined(name, String.valueOf(i)), sequence.elements().get(i), depth + 1);
                }
            }
            case Described tensor -> {
                try {
                    add(name, tensor.elements());
                } catch (IllegalArgumentException e) {
                    throw new TensorFileException(path, "tensor \"" + name + "\": " + e.getMessage(), e);
                }
            }
            case NumpyArray array when array.elements() != null -> add(name, array.elements());
            case String text when depth == 1 && text.length() <= LONGEST_METADATA -> metadata.put(name, text);
            case Long number when depth == 1 -> metadata.put(name, number.toString());
            case Double number when depth == 1 -> metadata.put(name, number.toString());
            case Boolean truth when depth == 1 -> metadata.put(name, truth.toString());
            case null, default -> {}
        }
    }

    private String joined(String prefix, String name) throws TensorFileException {
        // Names of long names in long names would outgrow the file.
        if (prefix.length() + name.length() > LONGEST_METADATA) {
            throw new TensorFileException(
                    path, "the name " + PickleMachine.shortened(name) + " is longer than " + LONGEST_METADATA);
        }
        return prefix.isEmpty() ? name : prefix + "." + name;
    }

    private void add(String name, StridedElements tensor) throws TensorFileException {
        // The same tensor may have many names.
        budget -= NAMED_COST + 2L * name.length();
        if (budget < 0) {
            throw new TensorFileException(path, "it has more names of tensors than a file of its size needs");
        }
        StoredTensor described = tensor.describe(name);
        if (tensors.put(name, described) != null) {
            throw new TensorFileException(path, "tensor \"" + name + "\" comes twice");
        }
        elements.put(name, tensor);
    }

    @Override
    public String format() {
        return format;
    }

    @Override
    public Map<String, StoredTensor> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    @Override
    public Tensor readTensor(String name) throws IOException {
        return StridedElements.read(path, tensors.get(name), elements.get(name), name);
    }

    /** Unmaps the file; tensors that were read stay. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
