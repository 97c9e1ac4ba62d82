package dev.hornbeam.io;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A file of named tensors in the safetensors format: eight bytes with the length of a JSON header, the header, the
 * elements.
 *
 * <p>Reading maps the file into memory and checks the whole header first: its size, every type, shape and range, and that
 * the ranges cover the file without holes or overlap. Tensors are copied out one by one as they are asked for. Writing is
 * aside, with a rename at the end; equal content gives equal bytes.
 */
public final class Safetensors implements WeightsSource {
    /** The format's own limit. */
    static final long LARGEST_HEADER = 100_000_000;

    private static final String METADATA = "__metadata__";
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path path;
    private final Arena arena;
    private final MemorySegment data;
    private final Map<String, Entry> entries;
    private final Map<String, String> metadata;

    private Safetensors(
            Path path, Arena arena, MemorySegment data, Map<String, Entry> entries, Map<String, String> metadata) {
        this.path = path;
        this.arena = arena;
        this.data = data;
        this.entries = Collections.unmodifiableMap(entries);
        this.metadata = Collections.unmodifiableMap(metadata);
    }

    /** The types of the format. */
    public enum Type {
        BOOL(1, DType.U8),
        U8(1, DType.U8),
        I8(1, DType.I32),
        F8_E5M2(1, null),
        F8_E4M3(1, null),
        I16(2, DType.I32),
        U16(2, DType.I32),
        F16(2, DType.F32),
        BF16(2, DType.BF16),
        I32(4, DType.I32),
        U32(4, DType.I64),
        F32(4, DType.F32),
        F64(8, DType.F64),
        I64(8, DType.I64),
        U64(8, null);

        private final int bytes;
        private final DType readAs;

        Type(int bytes, DType readAs) {
            this.bytes = bytes;
            this.readAs = readAs;
        }

        /** Size of an element in bytes. */
        public int bytes() {
            return bytes;
        }

        /** Type of its elements once they are read, or null. */
        DType readAs() {
            return readAs;
        }

        static Type of(DType dtype) {
            return valueOf(dtype.name());
        }
    }

    /** A tensor of the file. */
    public static final class Entry {
        private final String name;
        private final Type type;
        private final long[] shape;
        private final long begin;
        private final long end;

        private Entry(String name, Type type, long[] shape, long begin, long end) {
            this.name = name;
            this.type = type;
            this.shape = shape;
            this.begin = begin;
            this.end = end;
        }

        /** Its name. */
        public String name() {
            return name;
        }

        /** Type of its elements in the file. */
        public Type type() {
            return type;
        }

        /** Its sizes, a copy. */
        public long[] shape() {
            return shape.clone();
        }

        /** Its size in bytes. */
        public long bytes() {
            return end - begin;
        }
    }

    // ---------------------------------------------------------------------------------------------------- reading

    /**
     * Opens a file and checks its header.
     *
     * @throws TensorFileException when it is no safetensors file, or a damaged one
     * @throws IOException when it cannot be read
     */
    public static Safetensors open(Path path) throws IOException {
        Arena arena = Arena.ofShared();
        boolean done = false;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            Safetensors opened = check(path, arena, file);
            done = true;
            return opened;
        } catch (InternalError e) {
            throw new TensorFileException(path, "the file became shorter while it was read", e);
        } finally {
            if (!done) {
                arena.close();
            }
        }
    }

    private static Safetensors check(Path path, Arena arena, MemorySegment file) throws TensorFileException {
        long size = file.byteSize();
        if (size < Long.BYTES + 2) {
            throw new TensorFileException(path, "a safetensors file has at least 10 bytes, this has " + size);
        }
        long length = file.get(LENGTH, 0);
        if (length < 2 || length > LARGEST_HEADER || length > size - Long.BYTES) {
            throw new TensorFileException(
                    path,
                    "not a safetensors file: its first 8 bytes give " + length
                            + " as the header's length, but the file has " + size + " bytes and a header at most "
                            + LARGEST_HEADER);
        }
        Map<String, Object> header;
        try {
            header = HeaderJson.parse(file.asSlice(Long.BYTES, length).toArray(ValueLayout.JAVA_BYTE));
        } catch (HeaderJson.SyntaxException e) {
            throw new TensorFileException(
                    path, "the header is not the JSON of a safetensors file: " + e.getMessage(), e);
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        Map<String, Entry> entries = new LinkedHashMap<>();
        for (Map.Entry<String, Object> member : header.entrySet()) {
            if (member.getKey().equals(METADATA)) {
                readMetadata(path, member.getValue(), metadata);
            } else {
                entries.put(member.getKey(), entry(path, member.getKey(), member.getValue()));
            }
        }
        MemorySegment data = file.asSlice(Long.BYTES + length);
        checkCover(path, entries, data.byteSize());
        return new Safetensors(path, arena, data, entries, metadata);
    }

    private static void readMetadata(Path path, Object value, Map<String, String> metadata) throws TensorFileException {
        if (!(value instanceof Map<?, ?> members)) {
            throw new TensorFileException(path, METADATA + " is not an object of strings");
        }
        for (Map.Entry<?, ?> member : members.entrySet()) {
            if (!(member.getValue() instanceof String text)) {
                throw new TensorFileException(path, METADATA + ": \"" + member.getKey() + "\" is not a string");
            }
            metadata.put((String) member.getKey(), text);
        }
    }

    private static Entry entry(Path path, String name, Object value) throws TensorFileException {
        String where = "tensor \"" + name + "\": ";
        if (!(value instanceof Map<?, ?> members) || members.size() != 3) {
            throw new TensorFileException(
                    path, where + "its entry is not an object with dtype, shape and data_offsets");
        }
        if (!(members.get("dtype") instanceof String typeName)) {
            throw new TensorFileException(path, where + "it has no dtype");
        }
        Type type = Arrays.stream(Type.values())
                .filter(t -> t.name().equals(typeName))
                .findFirst()
                .orElse(null);
        if (type == null) {
            throw new TensorFileException(
                    path, where + "dtype \"" + typeName + "\" is unknown; known are " + Arrays.toString(Type.values()));
        }
        long[] shape = numbers(path, where + "shape", members.get("shape"));
        long[] offsets = numbers(path, where + "data_offsets", members.get("data_offsets"));
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw new TensorFileException(
                    path,
                    where + "data_offsets are " + Arrays.toString(offsets) + ", not a begin and an end behind it");
        }
        long bytes = type.bytes;
        try {
            for (long extent : shape) {
                bytes = Math.multiplyExact(bytes, extent);
            }
        } catch (ArithmeticException e) {
            throw new TensorFileException(path, where + "shape " + Arrays.toString(shape) + " is impossibly large", e);
        }
        if (bytes != offsets[1] - offsets[0]) {
            throw new TensorFileException(
                    path,
                    where + type + Arrays.toString(shape) + " has " + bytes + " bytes, but data_offsets give "
                            + (offsets[1] - offsets[0]));
        }
        return new Entry(name, type, shape, offsets[0], offsets[1]);
    }

    private static long[] numbers(Path path, String what, Object value) throws TensorFileException {
        if (!(value instanceof List<?> list)) {
            throw new TensorFileException(path, what + " is not an array of numbers");
        }
        long[] numbers = new long[list.size()];
        for (int i = 0; i < numbers.length; i++) {
            if (!(list.get(i) instanceof Long number) || number < 0) {
                throw new TensorFileException(path, what + " has an element that is not a number of at least 0");
            }
            numbers[i] = number;
        }
        return numbers;
    }

    private static void checkCover(Path path, Map<String, Entry> entries, long size) throws TensorFileException {
        List<Entry> ordered = new ArrayList<>(entries.values());
        ordered.sort(Comparator.comparingLong((Entry e) -> e.begin).thenComparingLong(e -> e.end));
        long covered = 0;
        for (Entry entry : ordered) {
            if (entry.begin != covered) {
                throw new TensorFileException(
                        path,
                        "tensor \"" + entry.name + "\" begins at byte " + entry.begin
                                + " of the data, but the tensors before it end at " + covered
                                + (entry.begin > covered ? ": there is a hole" : ": they overlap"));
            }
            covered = entry.end;
        }
        if (covered != size) {
            throw new TensorFileException(
                    path,
                    "the tensors have " + covered + " bytes, but the file has " + size + " behind its header: it is "
                            + (covered > size ? "cut off" : "too long"));
        }
    }

    /** The tensors by name, in the header's order. */
    public Map<String, Entry> entries() {
        return entries;
    }

    @Override
    public String format() {
        return "safetensors";
    }

    @Override
    public Map<String, StoredTensor> tensors() {
        Map<String, StoredTensor> described = new LinkedHashMap<>();
        entries.forEach((name, entry) -> described.put(
                name,
                new StoredTensor(name, entry.type.name().toLowerCase(Locale.ROOT), entry.type.readAs, entry.shape)));
        return Collections.unmodifiableMap(described);
    }

    @Override
    public Tensor readTensor(String name) throws IOException {
        Entry entry = entries.get(name);
        if (entry != null && entry.type.readAs == null) {
            throw new TensorFileException(
                    path, "tensor \"" + name + "\" has type " + entry.type + ", which this library does not read");
        }
        return read(name);
    }

    /** The texts that the writer put in. */
    @Override
    public Map<String, String> metadata() {
        return metadata;
    }

    /**
     * A copy of a tensor, on the CPU, in the innermost scope. F16 becomes f32, BOOL u8, small integers i32, U32 i64.
     *
     * @throws IllegalArgumentException when there is none of that name, or its type is not read
     * @throws TensorFileException when the file became shorter since it was opened
     */
    public Tensor read(String name) throws IOException {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new IllegalArgumentException(path + " has no tensor \"" + name + "\"");
        }
        if (entry.type.readAs == null) {
            throw new IllegalArgumentException(
                    path + ": tensor \"" + name + "\" has type " + entry.type + ", which this library does not read");
        }
        MemorySegment source = data.asSlice(entry.begin, entry.end - entry.begin);
        Tensor tensor = Tensor.empty(entry.type.readAs, Device.cpu(), entry.shape);
        try {
            copy(entry.type, source, tensor);
        } catch (InternalError e) {
            tensor.close();
            throw new TensorFileException(path, "the file became shorter while it was read", e);
        }
        return tensor;
    }

    private static void copy(Type type, MemorySegment source, Tensor tensor) {
        if (type.bytes == type.readAs.bytes()) {
            HostMemory.write(tensor, source);
            return;
        }
        MemorySegment target = HostMemory.memory(tensor);
        long count = source.byteSize() / type.bytes;
        for (long i = 0; i < count; i++) {
            switch (type) {
                case F16 -> target.setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.float16ToFloat(source.get(HALF, i * 2)));
                case I16 -> target.setAtIndex(ValueLayout.JAVA_INT, i, source.get(HALF, i * 2));
                case U16 -> target.setAtIndex(ValueLayout.JAVA_INT, i, Short.toUnsignedInt(source.get(HALF, i * 2)));
                case I8 -> target.setAtIndex(ValueLayout.JAVA_INT, i, source.get(ValueLayout.JAVA_BYTE, i));
                case U32 ->
                    target.setAtIndex(
                            ValueLayout.JAVA_LONG,
                            i,
                            Integer.toUnsignedLong(source.get(
                                    ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), i * 4)));
                default -> throw new AssertionError(type);
            }
        }
    }

    /** Copies of all tensors, on the CPU, in the innermost scope. */
    public Map<String, Tensor> readAll() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (String name : entries.keySet()) {
            tensors.put(name, read(name));
        }
        return tensors;
    }

    /** Unmaps the file; tensors that were read stay. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }

    // ---------------------------------------------------------------------------------------------------- writing

    /** Writes tensors without metadata. */
    public static void write(Path path, Map<String, Tensor> tensors) throws IOException {
        write(path, tensors, Map.of());
    }

    /**
     * Writes tensors, those of wider types first and equal ones by name, so that every tensor is aligned.
     *
     * @param metadata texts for the reader
     * @throws IOException when the folder is missing or not writable, or the disk is full; what was there before stays
     */
    public static void write(Path path, Map<String, Tensor> tensors, Map<String, String> metadata) throws IOException {
        List<Map.Entry<String, Tensor>> ordered = new ArrayList<>(tensors.entrySet());
        ordered.sort(Comparator.comparingInt(
                        (Map.Entry<String, Tensor> e) -> -e.getValue().dtype().bytes())
                .thenComparing(Map.Entry::getKey));
        byte[] header = header(ordered, metadata);
        ByteBuffer start = ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN);
        start.putLong(header.length).put(header).flip();
        AtomicFile.write(path, channel -> {
            HostMemory.writeAll(channel, start);
            for (Map.Entry<String, Tensor> entry : ordered) {
                HostMemory.read(entry.getValue(), "safetensors", bytes -> HostMemory.writeAll(channel, bytes));
            }
        });
    }

    private static byte[] header(List<Map.Entry<String, Tensor>> tensors, Map<String, String> metadata) {
        StringBuilder json = new StringBuilder("{");
        if (!metadata.isEmpty()) {
            json.append('"').append(METADATA).append("\":{");
            String separator = "";
            for (Map.Entry<String, String> text : new TreeMap<>(metadata).entrySet()) {
                json.append(separator);
                HeaderJson.quote(json, text.getKey());
                json.append(':');
                HeaderJson.quote(json, text.getValue());
                separator = ",";
            }
            json.append('}');
        }
        long offset = 0;
        for (Map.Entry<String, Tensor> entry : tensors) {
            if (entry.getKey().equals(METADATA)) {
                throw new IllegalArgumentException("a tensor cannot be named " + METADATA);
            }
            Tensor tensor = entry.getValue();
            long bytes = tensor.elements() * tensor.dtype().bytes();
            json.append(json.length() == 1 ? "" : ",");
            HeaderJson.quote(json, entry.getKey());
            json.append(":{\"dtype\":\"").append(Type.of(tensor.dtype())).append("\",\"shape\":");
            json.append(Arrays.toString(tensor.shape()).replace(" ", ""));
            json.append(",\"data_offsets\":[")
                    .append(offset)
                    .append(',')
                    .append(offset + bytes)
                    .append("]}");
            offset += bytes;
        }
        json.append('}');
        // Spaces up to a multiple of eight, so that the data is aligned.
        byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(text, (text.length + 7) / 8 * 8);
        Arrays.fill(padded, text.length, padded.length, (byte) ' ');
        return padded;
    }
}
