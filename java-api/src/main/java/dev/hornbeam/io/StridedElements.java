package dev.hornbeam.io;

import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;

/** The elements of a tensor where they lie in a mapped file: type, order of bytes, first element, sizes and strides. */
final class StridedElements {
    /** What NumPy and PyTorch allow. */
    static final int MOST_DIMENSIONS = 64;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Safetensors.Type type;
    private final boolean bigEndian;
    private final MemorySegment storage;
    private final long offset;
    private final long[] shape;
    private final long[] strides;

    private StridedElements(
            Safetensors.Type type,
            boolean bigEndian,
            MemorySegment storage,
            long offset,
            long[] shape,
            long[] strides) {
        this.type = type;
        this.bigEndian = bigEndian;
        this.storage = storage;
        this.offset = offset;
        this.shape = shape;
        this.strides = strides;
    }

    /**
     * Elements in a storage, every one of which lies in it.
     *
     * @param offset of the first element, counted in elements
     * @param strides in elements, at least 0
     * @throws IllegalArgumentException when they reach outside the storage, with numbers
     */
    static StridedElements of(
            Safetensors.Type type,
            boolean bigEndian,
            MemorySegment storage,
            long offset,
            long[] shape,
            long[] strides) {
        if (shape.length != strides.length || shape.length > MOST_DIMENSIONS) {
            throw new IllegalArgumentException(shape.length + " sizes and " + strides.length
                    + " strides, not equally many up to " + MOST_DIMENSIONS);
        }
        long present = storage.byteSize() / type.bytes();
        long count = 1;
        long last = offset;
        try {
            for (int i = 0; i < shape.length; i++) {
                if (shape[i] < 0 || strides[i] < 0) {
                    throw new IllegalArgumentException("sizes " + Arrays.toString(shape) + " and strides "
                            + Arrays.toString(strides) + " of which one is below 0");
                }
                count = Math.multiplyExact(count, shape[i]);
                last = Math.addExact(last, Math.multiplyExact(Math.max(0, shape[i] - 1), strides[i]));
            }
            Math.multiplyExact(count, (long) Long.BYTES);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("shape " + Arrays.toString(shape) + " is impossibly large", e);
        }
        if (offset < 0 || offset > present || (count > 0 && last >= present)) {
            throw new IllegalArgumentException("elements " + offset + " to " + last + " of a storage of " + present);
        }
        return new StridedElements(type, bigEndian, storage, offset, shape, strides);
    }

    /** Dense elements, of which the last dimension's or, in Fortran's order, the first dimension's are neighbours. */
    static StridedElements dense(
            Safetensors.Type type, boolean bigEndian, MemorySegment storage, long[] shape, boolean fortranOrder) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = 0; i < shape.length; i++) {
            int dimension = fortranOrder ? i : shape.length - 1 - i;
            strides[dimension] = stride;
            // A product that overflows is found with the shape's own.
            stride *= Math.max(1, shape[dimension]);
        }
        return of(type, bigEndian, storage, 0, shape, strides);
    }

    /** Name, type and shape. */
    StoredTensor describe(String name) {
        return new StoredTensor(name, type.name().toLowerCase(java.util.Locale.ROOT), type.readAs(), shape);
    }

    /**
     * A tensor of a mapped file: a copy on the CPU, in the innermost scope.
     *
     * @param described null where the file has no such tensor
     * @throws TensorFileException when its type is none that is read, or the file became shorter
     */
    static Tensor read(Path path, StoredTensor described, StridedElements elements, String name)
            throws TensorFileException {
        if (described == null) {
            throw new IllegalArgumentException(path + " has no tensor \"" + name + "\"");
        }
        if (described.readAs().isEmpty()) {
            throw new TensorFileException(
                    path,
                    "tensor \"" + name + "\" has type " + described.type() + ", which this library does not read");
        }
        try {
            return elements.toTensor();
        } catch (InternalError e) {
            throw new TensorFileException(path, "the file became shorter while it was read", e);
        }
    }

    private Tensor toTensor() {
        Tensor tensor = Tensor.empty(type.readAs(), Device.cpu(), shape);
        boolean done = false;
        try {
            copyTo(tensor);
            done = true;
        } finally {
            if (!done) {
                tensor.close();
            }
        }
        return tensor;
    }

    private void copyTo(Tensor tensor) {
        long count = tensor.elements();
        if (count == 0) {
            return;
        }
        boolean swap = bigEndian && type.bytes() > 1;
        if (isDense() && !swap && type.bytes() == type.readAs().bytes()) {
            HostMemory.write(tensor, storage.asSlice(offset * type.bytes(), count * type.bytes()));
            return;
        }
        MemorySegment target = HostMemory.memory(tensor);
        int last = shape.length - 1;
        long row = shape.length == 0 ? 1 : shape[last];
        long stride = shape.length == 0 ? 1 : strides[last];
        long[] at = new long[shape.length];
        long from = offset;
        for (long to = 0; to < count; to += row) {
            copyRow(from, stride, target, to, row, swap);
            for (int i = last - 1; i >= 0; i--) {
                from += strides[i];
                if (++at[i] < shape[i]) {
                    break;
                }
                from -= strides[i] * shape[i];
                at[i] = 0;
            }
        }
    }

    private boolean isDense() {
        long expected = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            if (shape[i] != 1 && strides[i] != expected) {
                return false;
            }
            expected *= shape[i];
        }
        return true;
    }

    private void copyRow(long from, long stride, MemorySegment target, long to, long count, boolean swap) {
        for (long i = 0; i < count; i++) {
            long bits = bits(from + i * stride, swap);
            switch (type) {
                case F16 -> target.setAtIndex(ValueLayout.JAVA_FLOAT, to + i, Float.float16ToFloat((short) bits));
                case BF16 -> target.setAtIndex(ValueLayout.JAVA_SHORT, to + i, (short) bits);
                case BOOL, U8 -> target.set(ValueLayout.JAVA_BYTE, to + i, (byte) bits);
                case U16 -> target.setAtIndex(ValueLayout.JAVA_INT, to + i, (int) bits & 0xffff);
                // These fill their place with their bits; the smaller of them were widened with their sign.
                case I8, I16, I32, F32 -> target.setAtIndex(ValueLayout.JAVA_INT, to + i, (int) bits);
                case U32 -> target.setAtIndex(ValueLayout.JAVA_LONG, to + i, bits & 0xffffffffL);
                case I64, F64 -> target.setAtIndex(ValueLayout.JAVA_LONG, to + i, bits);
                default -> throw new AssertionError(type);
            }
        }
    }

    private long bits(long element, boolean swap) {
        return switch (type.bytes()) {
            case 1 -> storage.get(ValueLayout.JAVA_BYTE, element);
            case 2 -> {
                short bits = storage.get(SHORT, element * Short.BYTES);
                yield swap ? Short.reverseBytes(bits) : bits;
            }
            case 4 -> {
                int bits = storage.get(INT, element * Integer.BYTES);
                yield swap ? Integer.reverseBytes(bits) : bits;
            }
            default -> {
                long bits = storage.get(LONG, element * Long.BYTES);
                yield swap ? Long.reverseBytes(bits) : bits;
            }
        };
    }
}
