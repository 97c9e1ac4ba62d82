package dev.hornbeam.io;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * An array in host memory, outside the engine: what .npy files hold. It can be larger than a Java array, and that of a file
 * is read only as it is looked at.
 *
 * <p>It is not closed: its memory goes with it.
 */
public final class HostArray {
    private final DType dtype;
    private final long[] shape;
    private final MemorySegment data;

    HostArray(DType dtype, long[] shape, MemorySegment data) {
        this.dtype = dtype;
        this.shape = shape;
        this.data = data;
    }

    /** Of these f32 elements, copied; without sizes a vector. */
    public static HostArray of(float[] elements, long... shape) {
        return of(DType.F32, MemorySegment.ofArray(elements.clone()), elements.length, shape);
    }

    /** Of these f64 elements, copied; without sizes a vector. */
    public static HostArray of(double[] elements, long... shape) {
        return of(DType.F64, MemorySegment.ofArray(elements.clone()), elements.length, shape);
    }

    /** Of these i64 elements, copied; without sizes a vector. */
    public static HostArray of(long[] elements, long... shape) {
        return of(DType.I64, MemorySegment.ofArray(elements.clone()), elements.length, shape);
    }

    /** Of these i32 elements, copied; without sizes a vector. */
    public static HostArray of(int[] elements, long... shape) {
        return of(DType.I32, MemorySegment.ofArray(elements.clone()), elements.length, shape);
    }

    /** Of these u8 elements, copied; without sizes a vector. */
    public static HostArray of(byte[] elements, long... shape) {
        return of(DType.U8, MemorySegment.ofArray(elements.clone()), elements.length, shape);
    }

    /** Over these u8 elements, not copied: whoever changes them changes the array. Without sizes a vector. */
    public static HostArray wrap(byte[] elements, long... shape) {
        return of(DType.U8, MemorySegment.ofArray(elements), elements.length, shape);
    }

    /** Of zeros. */
    static HostArray empty(DType dtype, long[] shape) {
        long bytes = dtype.bytes();
        for (long size : shape) {
            bytes *= size;
        }
        MemorySegment data = Arena.ofAuto().allocate(Math.max(1, bytes), Long.BYTES);
        return new HostArray(dtype, shape, data.asSlice(0, bytes));
    }

    /** Of a tensor's elements, copied. */
    public static HostArray of(Tensor tensor) {
        HostArray array = empty(tensor.dtype(), tensor.shape());
        try {
            HostMemory.read(tensor, "HostArray.of", array.data::copyFrom);
        } catch (IOException e) {
            throw new AssertionError("copying memory does no input or output", e);
        }
        return array;
    }

    private static HostArray of(DType dtype, MemorySegment data, long count, long[] shape) {
        long[] sizes = shape.length == 0 ? new long[] {count} : shape.clone();
        long elements = 1;
        for (long size : sizes) {
            elements *= size;
        }
        if (elements != count) {
            throw new TensorArgumentException("HostArray.of: " + count + " elements were given, but shape "
                    + Arrays.toString(sizes) + " has " + elements);
        }
        return new HostArray(dtype, sizes, data);
    }

    /** Type of the elements. */
    public DType dtype() {
        return dtype;
    }

    /** The sizes, a copy. */
    public long[] shape() {
        return shape.clone();
    }

    /** Number of dimensions. */
    public int rank() {
        return shape.length;
    }

    /** Size of a dimension, from 0. */
    public long size(int dimension) {
        return shape[dimension];
    }

    /** Number of elements. */
    public long elements() {
        return data.byteSize() / dtype.bytes();
    }

    MemorySegment data() {
        return data;
    }

    /** A tensor on the CPU with these elements, in the innermost scope. */
    public Tensor toTensor() {
        Tensor tensor = Tensor.empty(dtype, Device.cpu(), shape);
        HostMemory.write(tensor, data);
        return tensor;
    }

    /** Copies u8 elements into a part of an array: {@code count} of them, the first being element {@code first}. */
    public void read(long first, byte[] target, int from, int count) {
        require(DType.U8);
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, first, target, from, count);
    }

    /** Copies f32, bf16 or u8 elements as f32 into a part of an array; see {@link #read(long, byte[], int, int)}. */
    public void read(long first, float[] target, int from, int count) {
        if (dtype == DType.U8 || dtype == DType.BF16) {
            for (int i = 0; i < count; i++) {
                target[from + i] = (float) number(first + i);
            }
            return;
        }
        require(DType.F32);
        MemorySegment.copy(data, ValueLayout.JAVA_FLOAT_UNALIGNED, first * Float.BYTES, target, from, count);
    }

    private void require(DType needed) {
        if (dtype != needed) {
            throw new TensorArgumentException("the array has type " + dtype + ", but " + needed + " is asked for");
        }
    }

    private int length() {
        if (elements() > Integer.MAX_VALUE - 8) {
            throw new TensorArgumentException(
                    "the array has " + elements() + " elements, more than a Java array holds");
        }
        return (int) elements();
    }

    /** The elements, converted to f32. */
    public float[] toFloats() {
        if (dtype == DType.F32) {
            return data.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
        }
        float[] elements = new float[length()];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = (float) number(i);
        }
        return elements;
    }

    /** The elements as 64-bit integers; floats are truncated. */
    public long[] toLongs() {
        if (dtype == DType.I64) {
            return data.toArray(ValueLayout.JAVA_LONG_UNALIGNED);
        }
        long[] elements = new long[length()];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = (long) number(i);
        }
        return elements;
    }

    /** The elements of a u8 array. */
    public byte[] toBytes() {
        require(DType.U8);
        return data.toArray(ValueLayout.JAVA_BYTE);
    }

    private double number(long i) {
        return switch (dtype) {
            case F32 -> data.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i * Float.BYTES);
            case F64 -> data.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, i * Double.BYTES);
            case I64 -> data.get(ValueLayout.JAVA_LONG_UNALIGNED, i * Long.BYTES);
            case I32 -> data.get(ValueLayout.JAVA_INT_UNALIGNED, i * Integer.BYTES);
            case U8 -> data.get(ValueLayout.JAVA_BYTE, i) & 0xff;
            case BF16 ->
                Float.intBitsToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, i * Short.BYTES) << Short.SIZE);
        };
    }
}
