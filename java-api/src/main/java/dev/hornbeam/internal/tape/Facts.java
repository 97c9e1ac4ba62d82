package dev.hornbeam.internal.tape;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Structs;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** What never changes about a tensor. Tensors of equal shape, type and device may share one. */
public final class Facts {
    private final Device device;
    private final DType dtype;
    private final long[] shape;
    private final long elements;

    private Facts(Device device, DType dtype, long[] shape, long elements) {
        this.device = device;
        this.dtype = dtype;
        this.shape = shape;
        this.elements = elements;
    }

    /** Asks the engine. */
    public static Facts of(long handle) {
        MemorySegment descriptor = ThreadContext.current().scratch.descriptor;
        HornbeamNative.describe(handle, descriptor);
        long[] shape = new long[descriptor.get(JAVA_INT, Structs.Descriptor.RANK)];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = descriptor.get(JAVA_LONG, Structs.Descriptor.SHAPE + (long) i * Long.BYTES);
        }
        return new Facts(
                Device.ofCode(descriptor.get(JAVA_INT, Structs.Descriptor.DEVICE)),
                DType.ofCode(descriptor.get(JAVA_INT, Structs.Descriptor.DTYPE)),
                shape,
                descriptor.get(JAVA_LONG, Structs.Descriptor.ELEMENTS));
    }

    /** Of a tensor that was just made with this shape. */
    public static Facts of(Device device, DType dtype, long[] shape) {
        long elements = 1;
        for (long size : shape) {
            elements *= size;
        }
        return new Facts(device, dtype, shape, elements);
    }

    /** Where it lives. */
    public Device device() {
        return device;
    }

    /** Type of its elements. */
    public DType dtype() {
        return dtype;
    }

    /** Its sizes; never written to, never handed out to callers of the library. */
    public long[] shape() {
        return shape;
    }

    /** Product of the sizes. */
    public long elements() {
        return elements;
    }

    /** Number of dimensions. */
    public int rank() {
        return shape.length;
    }

    /** Bytes of the elements. */
    public long bytes() {
        return elements * dtype.bytes();
    }

    /** Whether the other tensor has the same sizes. */
    public boolean sameShape(Facts other) {
        return this == other || Arrays.equals(shape, other.shape);
    }

    /** Type, sizes and device, as in messages. */
    @Override
    public String toString() {
        return dtype + Arrays.toString(shape) + (device.kind() == Device.Kind.CPU ? "" : " on " + device);
    }
}
