package dev.hornbeam.io;

import dev.hornbeam.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The arrays in a file of {@code flax.serialization.to_bytes}: MessagePack maps in maps, whose leaves are extensions of type 1
 * that hold shape, type and bytes of an array. Names are joined with dots: {@code params.Dense_0.kernel}.
 *
 * <p>Read where it lies, without a library: of MessagePack this needs little, and the arrays stay in the mapped file. Arrays
 * that Flax cut into pieces, those of more than a gigabyte, are not read.
 */
public final class FlaxFile implements WeightsSource {
    private static final int DEEPEST = 16;
    private static final int LONGEST_NAME = 1000;
    private static final int ARRAY = 1;
    private static final int SCALAR = 3;
    private static final String PIECES = "__msgpack_chunked_array__";

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final Path path;
    private final Arena arena;
    private final MemorySegment file;
    private final Map<String, StridedElements> elements = new LinkedHashMap<>();
    private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private long at;

    private FlaxFile(Path path, Arena arena, MemorySegment file) {
        this.path = path;
        this.arena = arena;
        this.file = file;
    }

    /**
     * Opens a file and reads what it says of its arrays.
     *
     * @throws TensorFileException when it is no such file, or a damaged one
     * @throws IOException when it cannot be read
     */
    public static FlaxFile open(Path path) throws IOException {
        Arena arena = Arena.ofShared();
        boolean done = false;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            FlaxFile opened =
                    new FlaxFile(path, arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
            opened.value("", 0);
            if (opened.at != opened.file.byteSize()) {
                throw opened.damaged("something follows its map");
            }
            if (opened.tensors.isEmpty()) {
                throw new TensorFileException(path, "it is MessagePack, but holds no arrays of Flax");
            }
            StoredTensor.checkGrowth(path, opened.tensors.values(), channel.size());
            done = true;
            return opened;
        } catch (InternalError e) {
            throw new TensorFileException(path, "the file became shorter while it was read", e);
        } catch (IndexOutOfBoundsException e) {
            throw new TensorFileException(path, "the MessagePack is cut off", e);
        } finally {
            if (!done) {
                arena.close();
            }
        }
    }

    // ----------------------------------------------------------------------------------------------- MessagePack

    private long skip(long count) {
        long here = at;
        if (count > file.byteSize() - here) {
            throw new IndexOutOfBoundsException();
        }
        at += count;
        return here;
    }

    private long number(int bytes) {
        long here = skip(bytes);
        return switch (bytes) {
            case 1 -> file.get(ValueLayout.JAVA_BYTE, here) & 0xff;
            case 2 -> Short.toUnsignedLong(file.get(SHORT, here));
            case 4 -> Integer.toUnsignedLong(file.get(INT, here));
            default -> file.get(LONG, here);
        };
    }

    private void value(String name, int depth) throws TensorFileException {
        if (depth > DEEPEST || name.length() > LONGEST_NAME) {
            throw damaged("its maps nest deeper than " + DEEPEST + " or have names longer than " + LONGEST_NAME);
        }
        int type = (int) number(1);
        switch (type) {
            case 0xc0 -> {}
            case 0xc2, 0xc3 -> note(name, depth, String.valueOf(type == 0xc3));
            case 0xc4, 0xc5, 0xc6 -> skip(number(1 << (type - 0xc4)));
            case 0xc7, 0xc8, 0xc9 -> extension(name, number(1 << (type - 0xc7)));
            case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8 -> extension(name, 1L << (type - 0xd4));
            case 0xca -> note(name, depth, String.valueOf(Float.intBitsToFloat((int) number(4))));
            case 0xcb -> note(name, depth, String.valueOf(Double.longBitsToDouble(number(8))));
            case 0xdc, 0xdd -> array(name, number(2 << (type - 0xdc)), depth);
            case 0xde, 0xdf -> map(name, number(2 << (type - 0xde)), depth);
            default -> {
                at--;
                if (type >= 0x80 && type <= 0x8f) {
                    at++;
                    map(name, type & 15, depth);
                } else if (type >= 0x90 && type <= 0x9f) {
                    at++;
                    array(name, type & 15, depth);
                } else if ((type >= 0xa0 && type <= 0xbf) || (type >= 0xd9 && type <= 0xdb)) {
                    note(name, depth, text());
                } else {
                    note(name, depth, String.valueOf(integer()));
                }
            }
        }
    }

    private void map(String prefix, long count, int depth) throws TensorFileException {
        for (long i = 0; i < count; i++) {
            String key = text();
            if (key.equals(PIECES)) {
                throw new TensorFileException(
                        path, "array \"" + prefix + "\" is cut into pieces, which is not read; save it as .npz");
            }
            value(prefix.isEmpty() ? key : prefix + "." + key, depth + 1);
        }
    }

    private void array(String prefix, long count, int depth) throws TensorFileException {
        for (long i = 0; i < count; i++) {
            value(prefix.isEmpty() ? "" + i : prefix + "." + i, depth + 1);
        }
    }

    private void note(String name, int depth, String text) {
        if (depth == 1) {
            metadata.put(name, text);
        }
    }

    private String text() throws TensorFileException {
        int type = (int) number(1);
        long length;
        if (type >= 0xa0 && type <= 0xbf) {
            length = type & 31;
        } else if (type >= 0xd9 && type <= 0xdb) {
            length = number(1 << (type - 0xd9));
        } else {
            throw damaged("a text is missing");
        }
        if (length > LONGEST_NAME) {
            throw damaged("a text has " + length + " bytes");
        }
        long here = skip(length);
        return new String(file.asSlice(here, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    private long integer() throws TensorFileException {
        int type = (int) number(1);
        return switch (type) {
            case 0xcc, 0xcd, 0xce, 0xcf -> number(1 << (type - 0xcc));
            case 0xd0 -> (byte) number(1);
            case 0xd1 -> (short) number(2);
            case 0xd2 -> (int) number(4);
            case 0xd3 -> number(8);
            default -> {
                if (type > 0x7f && type < 0xe0) {
                    throw damaged(String.format("0x%02x is not the type of a number", type));
                }
                yield (byte) type;
            }
        };
    }

    // The content of an array is MessagePack again: [shape, type, bytes].
    private void extension(String name, long length) throws TensorFileException {
        int kind = (byte) number(1);
        long end = skip(length) + length;
        if (kind != ARRAY && kind != SCALAR) {
            return;
        }
        at = end - length;
        if (number(1) != 0x93) {
            throw damaged("array \"" + name + "\" is not shape, type and bytes");
        }
        int head = (int) number(1);
        long rank = head == 0xdc ? number(2) : head - 0x90;
        if (rank < 0 || rank > StridedElements.MOST_DIMENSIONS) {
            throw damaged("array \"" + name + "\" has no shape");
        }
        long[] shape = new long[(int) rank];
        for (int i = 0; i < rank; i++) {
            shape[i] = integer();
        }
        Safetensors.Type type = type(name, text());
        int bytesHead = (int) number(1);
        if (bytesHead < 0xc4 || bytesHead > 0xc6) {
            throw damaged("array \"" + name + "\" has no bytes");
        }
        long bytes = number(1 << (bytesHead - 0xc4));
        long begin = skip(bytes);
        if (at != end) {
            throw damaged("array \"" + name + "\" is not as long as it says");
        }
        try {
            StridedElements array = StridedElements.dense(type, false, file.asSlice(begin, bytes), shape, false);
            StoredTensor described = array.describe(name);
            if (described.elements() * type.bytes() != bytes || tensors.put(name, described) != null) {
                throw damaged("array \"" + name + "\" comes twice or has another size than its shape");
            }
            elements.put(name, array);
        } catch (IllegalArgumentException e) {
            throw new TensorFileException(path, "array \"" + name + "\": " + e.getMessage(), e);
        }
    }

    private Safetensors.Type type(String name, String given) throws TensorFileException {
        return switch (given) {
            case "float64" -> Safetensors.Type.F64;
            case "float32" -> Safetensors.Type.F32;
            case "float16" -> Safetensors.Type.F16;
            case "bfloat16" -> Safetensors.Type.BF16;
            case "int64" -> Safetensors.Type.I64;
            case "int32" -> Safetensors.Type.I32;
            case "int16" -> Safetensors.Type.I16;
            case "int8" -> Safetensors.Type.I8;
            case "uint64" -> Safetensors.Type.U64;
            case "uint32" -> Safetensors.Type.U32;
            case "uint16" -> Safetensors.Type.U16;
            case "uint8" -> Safetensors.Type.U8;
            case "bool" -> Safetensors.Type.BOOL;
            default ->
                throw new TensorFileException(
                        path,
                        "array \"" + name + "\" has type " + PickleMachine.shortened(given)
                                + ", which this library does not read");
        };
    }

    private TensorFileException damaged(String why) {
        return new TensorFileException(path, "the MessagePack is damaged at byte " + at + ": " + why);
    }

    // ---------------------------------------------------------------------------------------------------- source

    @Override
    public String format() {
        return "Flax MessagePack";
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
