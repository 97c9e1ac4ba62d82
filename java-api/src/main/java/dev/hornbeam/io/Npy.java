package dev.hornbeam.io;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/**
 * One array in numpy's .npy format, versions 1 to 3: booleans, integers and floating-point numbers of any size and order
 * of bytes, in C order.
 *
 * <p>What the engine has no type for is converted to one that holds it: bool to u8; int8, int16 and uint16 to i32; uint32
 * and uint64 to i64, where an element beyond its range is an error; float16 to f32.
 */
public final class Npy {
    private static final int ALIGNMENT = 64;

    private Npy() {}

    /**
     * Opens an array. The file is mapped: elements are read as they are looked at, unless they must be converted.
     *
     * @throws TensorFileException when it is no .npy file, a damaged one, or has a type or order that is not read
     */
    public static HostArray read(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            NpyHeader header = NpyHeader.read(path, "", Channels.newInputStream(channel));
            check(path, "", header, channel.size() - header.length());
            MemorySegment elements =
                    channel.map(FileChannel.MapMode.READ_ONLY, header.length(), header.bytes(), Arena.ofAuto());
            return array(path, "", header, elements);
        } catch (InternalError e) {
            throw new TensorFileException(path, "the file became shorter while it was read", e);
        }
    }

    /** Reads an array as a tensor on the CPU, in the innermost scope. */
    public static Tensor readTensor(Path path) throws IOException {
        return read(path).toTensor();
    }

    /** Writes an array, aside and with a rename at the end. */
    public static void write(Path path, HostArray array) throws IOException {
        AtomicFile.write(path, channel -> {
            HostMemory.writeAll(channel, ByteBuffer.wrap(header(array)));
            HostMemory.writeAll(channel, array.data());
        });
    }

    /** Writes a tensor, aside and with a rename at the end. */
    public static void write(Path path, Tensor tensor) throws IOException {
        write(path, HostArray.of(tensor));
    }

    /** Refuses an array that the file does not hold, before memory is taken for it. */
    static void check(Path path, String where, NpyHeader header, long present) throws TensorFileException {
        if (header.fortranOrder() && header.shape().size() > 1) {
            throw new TensorFileException(
                    path,
                    where + "the array is in Fortran order, which is not read; save it with"
                            + " numpy.ascontiguousarray(array)");
        }
        if (header.bytes() != present) {
            throw new TensorFileException(
                    path,
                    where + "shape " + header.shapeText() + " of " + header.typeName() + " takes " + header.bytes()
                            + " bytes, but " + Math.max(0, present) + " follow the header: it is "
                            + (header.bytes() > present ? "cut off" : "too long"));
        }
    }

    /** The array of these elements, which are copied only where no type of the engine is theirs. */
    static HostArray array(Path path, String where, NpyHeader header, MemorySegment elements)
            throws TensorFileException {
        long[] shape = header.shape().stream().mapToLong(Long::longValue).toArray();
        DType dtype = header.dtype();
        if (header.isInMemoryForm()) {
            return new HostArray(dtype, shape, elements);
        }
        ByteOrder order = header.bigEndian() ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        ValueLayout.OfShort shorts = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order);
        ValueLayout.OfInt ints = ValueLayout.JAVA_INT_UNALIGNED.withOrder(order);
        ValueLayout.OfLong longs = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(order);
        int size = header.itemSize();
        boolean unsigned = header.kind() == 'u';
        long unused = Long.SIZE - 8L * size;
        HostArray array = HostArray.empty(dtype, shape);
        MemorySegment to = array.data();
        for (long i = 0; i < array.elements(); i++) {
            long bits = switch (size) {
                case 1 -> elements.get(ValueLayout.JAVA_BYTE, i);
                case 2 -> elements.get(shorts, i * Short.BYTES);
                case 4 -> elements.get(ints, i * Integer.BYTES);
                default -> elements.get(longs, i * Long.BYTES);
            };
            if (unsigned) {
                bits = bits << unused >>> unused;
                if (bits < 0) {
                    throw new TensorFileException(
                            path,
                            where + "element " + i + " is " + Long.toUnsignedString(bits)
                                    + ", more than the largest 64-bit integer with a sign");
                }
            }
            switch (dtype) {
                case F32 ->
                    to.set(
                            ValueLayout.JAVA_FLOAT_UNALIGNED,
                            i * Float.BYTES,
                            size == Short.BYTES
                                    ? Float.float16ToFloat((short) bits)
                                    : Float.intBitsToFloat((int) bits));
                case F64 -> to.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, i * Double.BYTES, Double.longBitsToDouble(bits));
                case I64 -> to.set(ValueLayout.JAVA_LONG_UNALIGNED, i * Long.BYTES, bits);
                case I32 -> to.set(ValueLayout.JAVA_INT_UNALIGNED, i * Integer.BYTES, (int) bits);
                case U8, BF16 -> throw new AssertionError("no type of numpy becomes " + dtype + " by conversion");
            }
        }
        return array;
    }

    /** The header of an array, padded so that the elements are aligned. */
    static byte[] header(HostArray array) {
        String descr = switch (array.dtype()) {
            case F32 -> "<f4";
            case F64 -> "<f8";
            case I32 -> "<i4";
            case I64 -> "<i8";
            case U8 -> "|u1";
            case BF16 ->
                throw new IllegalArgumentException(
                        "numpy has no type for bf16; cast the tensor to f32 before it is written");
        };
        StringBuilder sizes = new StringBuilder();
        for (long size : array.shape()) {
            sizes.append(sizes.isEmpty() ? "" : " ").append(size).append(',');
        }
        if (array.rank() > 1) {
            sizes.setLength(sizes.length() - 1);
        }
        String text =
                String.format(Locale.ROOT, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, sizes);
        int prefix = NpyHeader.MAGIC.length + 4;
        int total = (prefix + text.length() + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        ByteBuffer header = ByteBuffer.allocate(total).order(ByteOrder.LITTLE_ENDIAN);
        header.put(NpyHeader.MAGIC).put((byte) 1).put((byte) 0).putShort((short) (total - prefix));
        header.put(text.getBytes(StandardCharsets.ISO_8859_1));
        while (header.position() < total - 1) {
            header.put((byte) ' ');
        }
        header.put((byte) '\n');
        return header.array();
    }
}
