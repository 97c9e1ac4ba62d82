package dev.hornbeam.io;

import dev.hornbeam.tensor.DType;
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
import java.util.Arrays;
import java.util.Locale;

/**
 * One array in numpy's .npy format, versions 1 to 3: f4, f8, i4, i8, u1 and b1, little endian, in C order. b1 is read as
 * u8.
 */
public final class Npy {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

    /** Enough for any array that numpy describes without fields. */
    private static final int LARGEST_HEADER = 1 << 16;

    private static final int ALIGNMENT = 64;

    private Npy() {}

    /**
     * Opens an array. The file is mapped: elements are read as they are looked at.
     *
     * @throws TensorFileException when it is no .npy file, a damaged one, or has a type or order that is not read
     */
    public static HostArray read(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
            return array(path, "", file);
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

    /** The array that the bytes hold, all of them. */
    static HostArray array(Path path, String where, MemorySegment file) throws TensorFileException {
        if (file.byteSize() < 10
                || !Arrays.equals(file.asSlice(0, MAGIC.length).toArray(ValueLayout.JAVA_BYTE), MAGIC)) {
            throw new TensorFileException(path, where + "not a .npy file: it does not begin with \\x93NUMPY");
        }
        int version = file.get(ValueLayout.JAVA_BYTE, 6);
        if (version < 1 || version > 3) {
            throw new TensorFileException(path, where + "version " + version + " of the .npy format is not read");
        }
        long length;
        long at;
        if (version == 1) {
            at = 10;
            length = Short.toUnsignedInt(
                    file.get(ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 8));
        } else {
            at = 12;
            length = file.byteSize() < at
                    ? Long.MAX_VALUE
                    : Integer.toUnsignedLong(
                            file.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 8));
        }
        if (length > LARGEST_HEADER || length > file.byteSize() - at) {
            throw new TensorFileException(path, where + "the header's length is wrong, or the file is cut off");
        }
        String text = new String(
                file.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE),
                version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
        NpyHeader parsed = NpyHeader.parse(path, where, text);
        DType dtype =
                switch (parsed.descr()) {
                    case "<f4" -> DType.F32;
                    case "<f8" -> DType.F64;
                    case "<i4" -> DType.I32;
                    case "<i8" -> DType.I64;
                    case "|u1", "|b1" -> DType.U8;
                    default ->
                        throw new TensorFileException(
                                path,
                                where + "type '" + parsed.descr()
                                        + "' is not read: only <f4, <f8, <i4, <i8, |u1 and |b1 are (convert with numpy's"
                                        + " astype)");
                };
        if (parsed.fortranOrder() && parsed.shape().length > 1) {
            throw new TensorFileException(
                    path, where + "the array is in Fortran order, which is not read (convert with ascontiguousarray)");
        }
        long bytes = dtype.bytes();
        try {
            for (long extent : parsed.shape()) {
                bytes = Math.multiplyExact(bytes, extent);
            }
        } catch (ArithmeticException e) {
            throw new TensorFileException(
                    path, where + "shape " + Arrays.toString(parsed.shape()) + " is impossibly large", e);
        }
        long dataAt = at + length;
        long present = file.byteSize() - dataAt;
        if (bytes != present) {
            throw new TensorFileException(path, where + dtype + Arrays.toString(parsed.shape()) + " has " + bytes
                    + " bytes, but " + present + " follow the header: the file is "
                    + (bytes > present ? "cut off" : "too long"));
        }
        return new HostArray(dtype, parsed.shape(), file.asSlice(dataAt, bytes));
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
        int prefix = MAGIC.length + 4;
        int total = (prefix + text.length() + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        ByteBuffer header = ByteBuffer.allocate(total).order(ByteOrder.LITTLE_ENDIAN);
        header.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) (total - prefix));
        header.put(text.getBytes(StandardCharsets.ISO_8859_1));
        while (header.position() < total - 1) {
            header.put((byte) ' ');
        }
        header.put((byte) '\n');
        return header.array();
    }
}
