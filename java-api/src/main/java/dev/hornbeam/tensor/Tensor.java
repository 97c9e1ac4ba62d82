package dev.hornbeam.tensor;

import dev.hornbeam.autograd.ops.ArgMax;
import dev.hornbeam.autograd.ops.Binary;
import dev.hornbeam.autograd.ops.BinaryScalar;
import dev.hornbeam.autograd.ops.Cast;
import dev.hornbeam.autograd.ops.Concat;
import dev.hornbeam.autograd.ops.Dense;
import dev.hornbeam.autograd.ops.Expand;
import dev.hornbeam.autograd.ops.GatherRows;
import dev.hornbeam.autograd.ops.InPlace;
import dev.hornbeam.autograd.ops.LogSoftmax;
import dev.hornbeam.autograd.ops.MatMul;
import dev.hornbeam.autograd.ops.Pad;
import dev.hornbeam.autograd.ops.Permute;
import dev.hornbeam.autograd.ops.Reduce;
import dev.hornbeam.autograd.ops.Reshape;
import dev.hornbeam.autograd.ops.Slice;
import dev.hornbeam.autograd.ops.Softmax;
import dev.hornbeam.autograd.ops.Sort;
import dev.hornbeam.autograd.ops.TakeAlongRows;
import dev.hornbeam.autograd.ops.ToDevice;
import dev.hornbeam.autograd.ops.TopK;
import dev.hornbeam.autograd.ops.Unary;
import dev.hornbeam.autograd.ops.Where;
import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Structs;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Leaf;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.TensorAccess;
import dev.hornbeam.internal.tape.ThreadContext;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.internal.tape.Version;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * An array of numbers with up to eight dimensions, in the native engine's memory.
 *
 * <p><b>Layout.</b> Row major. Images are NHWC, convolution kernels OHWI, linear weights [out, in].
 *
 * <p><b>Lifetime.</b> A tensor belongs to the innermost {@link TensorScope} that is open when it is made, and is closed
 * with it. Outside of scopes, and after {@link #keep()}, the caller closes it. Use after that is a
 * {@link ReleasedTensorException}. See docs/memory.md.
 *
 * <p><b>Gradients.</b> Ops on a tensor that {@linkplain #requireGrad() asks for its gradient} are recorded, and
 * {@code Autograd.backward} follows the record back. Second derivatives are not supported.
 *
 * <p><b>Errors.</b> Shapes, types and devices are checked against the real memory by the engine: a wrong call throws
 * {@link TensorArgumentException}, naming op and argument, and changes nothing.
 *
 * <p><b>Threads.</b> A tensor can be read by several threads; one that is written to must not be used by another thread
 * meanwhile. A recorded graph and a scope belong to one thread.
 */
public final class Tensor implements AutoCloseable {
    private static final long[] SCALAR = {};

    static {
        TensorAccess.provide(new Access());
    }

    private long handle;
    private Facts facts;
    private Node node;
    private Version version;
    private Tensor gradient;
    private TensorScope scope;
    private int placeInScope;
    private LeakReport.Watch watch;
    private Throwable created;
    private Throwable released;

    private Tensor(long handle, Facts facts, Node node, Version version) {
        this.handle = handle;
        this.facts = facts;
        this.node = node;
        this.version = version;
        if (node != null) {
            node.hold();
        }
        if (LeakReport.DEBUG) {
            created = new Throwable("Here the tensor was made");
        }
    }

    /** A new tensor, in the innermost scope or, without one, watched for leaks. */
    private static Tensor enter(long handle, Facts facts, Node node, Version version) {
        Tensor tensor = new Tensor(handle, facts, node, version);
        TensorScope scope = ThreadContext.current().scope;
        if (scope != null) {
            tensor.scope = scope;
            tensor.placeInScope = scope.add(tensor);
        } else {
            tensor.watch = LeakReport.watch(tensor, tensor.created);
        }
        return tensor;
    }

    // ------------------------------------------------------------------------------------------------- factories

    /** Zeros of type {@link DType#F32} on the {@link Device#standard() standard device}. */
    public static Tensor zeros(long... shape) {
        return full(0, DType.F32, Device.standard(), shape);
    }

    /** Zeros of any type on any device. */
    public static Tensor zeros(DType dtype, Device device, long... shape) {
        return full(0, dtype, device, shape);
    }

    /** Ones of type {@link DType#F32} on the {@link Device#standard() standard device}. */
    public static Tensor ones(long... shape) {
        return full(1, DType.F32, Device.standard(), shape);
    }

    /** A tensor of type {@link DType#F32} on the {@link Device#standard() standard device}; every element is {@code value}. */
    public static Tensor full(double value, long... shape) {
        return full(value, DType.F32, Device.standard(), shape);
    }

    /** A tensor in which every element is {@code value}, converted to its type. */
    public static Tensor full(double value, DType dtype, Device device, long... shape) {
        long handle = HornbeamNative.full(
                device.code(), dtype.code(), shape.length, Tape.scratch().shape(shape), value);
        return enter(handle, Facts.of(device, dtype, shape.clone()), null, null);
    }

    /** A tensor whose elements are whatever was in memory: for one that is written to next. */
    public static Tensor empty(DType dtype, Device device, long... shape) {
        long handle = HornbeamNative.empty(
                device.code(), dtype.code(), shape.length, Tape.scratch().shape(shape));
        return enter(handle, Facts.of(device, dtype, shape.clone()), null, null);
    }

    /** A scalar of type {@link DType#F32} on the {@link Device#standard() standard device}. */
    public static Tensor scalar(double value) {
        return full(value, DType.F32, Device.standard(), SCALAR);
    }

    /**
     * A tensor of type {@link DType#F32} on the {@link Device#standard() standard device} with these elements, in row-major order;
     * without sizes a vector.
     */
    public static Tensor of(float[] elements, long... shape) {
        return of(MemorySegment.ofArray(elements), elements.length, DType.F32, shape);
    }

    /**
     * A tensor of type {@link DType#F64} on the {@link Device#standard() standard device} with these elements, in row-major order;
     * without sizes a vector.
     */
    public static Tensor of(double[] elements, long... shape) {
        return of(MemorySegment.ofArray(elements), elements.length, DType.F64, shape);
    }

    /**
     * A tensor of type {@link DType#I64} on the {@link Device#standard() standard device} with these elements, in row-major order;
     * without sizes a vector.
     */
    public static Tensor of(long[] elements, long... shape) {
        return of(MemorySegment.ofArray(elements), elements.length, DType.I64, shape);
    }

    /**
     * A tensor of type {@link DType#I32} on the {@link Device#standard() standard device} with these elements, in row-major order;
     * without sizes a vector.
     */
    public static Tensor of(int[] elements, long... shape) {
        return of(MemorySegment.ofArray(elements), elements.length, DType.I32, shape);
    }

    /**
     * A tensor of type {@link DType#U8} on the {@link Device#standard() standard device} with these elements, in row-major order;
     * without sizes a vector.
     */
    public static Tensor of(byte[] elements, long... shape) {
        return of(MemorySegment.ofArray(elements), elements.length, DType.U8, shape);
    }

    private static Tensor of(MemorySegment source, long count, DType dtype, long[] shape) {
        long[] sizes = shape.length == 0 ? new long[] {count} : shape;
        long elements = 1;
        for (long size : sizes) {
            elements *= size;
        }
        if (elements != count) {
            throw new TensorArgumentException("Tensor.of: " + count + " elements were given, but shape "
                    + Arrays.toString(sizes) + " has " + elements);
        }
        Tensor tensor = empty(dtype, Device.standard(), sizes);
        tensor.transfer(source, 0, 0, count * dtype.bytes(), true, "Tensor.of");
        return tensor;
    }

    /** Uniform numbers in [{@code low}, {@code high}), of type {@link DType#F32}: element e from that of {@code stream}. */
    public static Tensor randomUniform(double low, double high, Philox stream, Device device, long... shape) {
        var scratch = Tape.scratch();
        long handle = HornbeamNative.randomUniform(
                device.code(), shape.length, scratch.shape(shape), low, high, fill(scratch.stream, stream));
        return enter(handle, Facts.of(device, DType.F32, shape.clone()), null, null);
    }

    /** Normal numbers of that mean and deviation, of type {@link DType#F32}: element e from that of {@code stream}. */
    public static Tensor randomNormal(double mean, double deviation, Philox stream, Device device, long... shape) {
        var scratch = Tape.scratch();
        long handle = HornbeamNative.randomNormal(
                device.code(), shape.length, scratch.shape(shape), mean, deviation, fill(scratch.stream, stream));
        return enter(handle, Facts.of(device, DType.F32, shape.clone()), null, null);
    }

    private static MemorySegment fill(MemorySegment at, Philox stream) {
        return Structs.Stream.fill(
                at, stream.seed(), stream.purpose().code(), stream.tensor(), stream.step(), stream.stream());
    }

    // ----------------------------------------------------------------------------------------------------- facts

    private Facts facts() {
        Facts known = facts;
        if (known == null) {
            known = Facts.of(handle("shape", "tensor"));
            facts = known;
        } else if (handle == 0) {
            throw releasedError("shape", "tensor");
        }
        return known;
    }

    /** The sizes, a copy. */
    public long[] shape() {
        return facts().shape().clone();
    }

    /** Number of dimensions. */
    public int rank() {
        return facts().shape().length;
    }

    /** Size of a dimension; -1 is the last one, -2 the one before it, and so on. */
    public long size(int dimension) {
        return facts().shape()[dimension("size", dimension)];
    }

    /** Number of elements. */
    public long elements() {
        return facts().elements();
    }

    /** Type of the elements. */
    public DType dtype() {
        return facts().dtype();
    }

    /** Where the tensor lives. */
    public Device device() {
        return facts().device();
    }

    /** Whether the elements lie in row-major order without gaps. */
    public boolean isDense() {
        MemorySegment descriptor = Tape.scratch().descriptor;
        HornbeamNative.describe(handle("isDense", "tensor"), descriptor);
        return descriptor.get(ValueLayout.JAVA_INT, Structs.Descriptor.DENSE) != 0;
    }

    /** Whether both show the same memory, as views of one tensor do. */
    public boolean sharesStorage(Tensor other) {
        return storage() == other.storage();
    }

    private long storage() {
        MemorySegment descriptor = Tape.scratch().descriptor;
        HornbeamNative.describe(handle("sharesStorage", "tensor"), descriptor);
        return descriptor.get(ValueLayout.JAVA_LONG, Structs.Descriptor.STORAGE);
    }

    private int dimension(String op, int dimension) {
        int rank = facts().rank();
        int counted = dimension < 0 ? dimension + rank : dimension;
        if (counted < 0 || counted >= rank) {
            throw new TensorArgumentException(
                    op + ": dimension " + dimension + " is outside a tensor with " + rank + " dimensions, " + facts);
        }
        return counted;
    }

    private int[] dimensions(String op, int... dimensions) {
        int[] counted = new int[dimensions.length];
        for (int i = 0; i < counted.length; i++) {
            counted[i] = dimension(op, dimensions[i]);
        }
        return counted;
    }

    // -------------------------------------------------------------------------------------------------- lifetime

    /** Whether the tensor was not closed yet. */
    public boolean isOpen() {
        return handle != 0;
    }

    /**
     * Releases the tensor, and the gradient that it collected. Closing again does nothing.
     *
     * @throws IllegalStateException when it belongs to a scope of another thread
     */
    @Override
    public void close() {
        if (handle == 0) {
            return;
        }
        if (scope != null) {
            scope.remove(placeInScope);
            scope = null;
        }
        release();
    }

    /** Takes the tensor out of every scope: from now on the caller closes it. Returns this tensor. */
    public Tensor keep() {
        return moveTo(null);
    }

    /**
     * Gives the tensor to another scope of this thread; null takes it out of every scope, as {@link #keep()} does. Returns
     * this tensor.
     */
    public Tensor moveTo(TensorScope target) {
        handle("moveTo", "tensor");
        if (target == scope && (target != null || watch != null)) {
            return this;
        }
        if (target != null) {
            target.requireThread("moveTo");
            if (!target.isOpen()) {
                throw new IllegalStateException("moveTo: the scope was closed already");
            }
        }
        if (scope != null) {
            scope.remove(placeInScope);
        }
        scope = target;
        if (target != null) {
            placeInScope = target.add(this);
            unwatch();
        } else {
            watch = LeakReport.watch(this, created);
        }
        return this;
    }

    /** The scope that will close the tensor, or null. */
    public TensorScope scope() {
        return scope;
    }

    void releaseFromScope() {
        scope = null;
        release();
    }

    void movedInScope(int place) {
        placeInScope = place;
    }

    private void unwatch() {
        if (watch != null) {
            watch.end();
            watch = null;
        }
    }

    private void release() {
        long held = handle;
        handle = 0;
        unwatch();
        if (LeakReport.DEBUG) {
            released = new Throwable("Here the tensor was released");
        }
        if (gradient != null) {
            gradient.close();
            gradient = null;
        }
        HornbeamNative.release(held);
        Node of = node;
        if (of != null) {
            node = null;
            of.drop();
        }
    }

    private long handle(String op, String argument) {
        long held = handle;
        if (held == 0) {
            throw releasedError(op, argument);
        }
        return held;
    }

    private ReleasedTensorException releasedError(String op, String argument) {
        String what = op + ": " + argument + (facts == null ? "" : " (" + facts + ")") + " was already closed";
        return released != null
                ? new ReleasedTensorException(what + "; the cause shows where", released)
                : new ReleasedTensorException(
                        what + ", by itself or with its TensorScope; run with -Dhornbeam.debug=true" + " to see where");
    }

    // ------------------------------------------------------------------------------------------------- gradients

    /**
     * Makes this tensor a leaf whose gradient is collected. Returns this tensor.
     *
     * @throws TensorArgumentException when its type is not floating
     */
    public Tensor requireGrad() {
        return requireGrad(true);
    }

    /**
     * Says whether this leaf's gradient is collected. Returns this tensor.
     *
     * @throws IllegalStateException when it is an op's result on the tape
     */
    public Tensor requireGrad(boolean wanted) {
        handle("requireGrad", "tensor");
        if (node != null && !(node instanceof Leaf)) {
            throw new IllegalStateException("requireGrad: the tensor is the result of " + node.name()
                    + " and carries a gradient already; detach() it first");
        }
        if (wanted && node == null) {
            Tape.requireFloating(this, "requireGrad", "tensor");
            node = new Leaf(this);
        } else if (!wanted) {
            node = null;
        }
        return this;
    }

    /** Whether ops on this tensor are recorded: it is a leaf that asks for its gradient, or was computed from one. */
    public boolean requiresGrad() {
        return node != null;
    }

    /** Whether the tensor is no recorded op's result. */
    public boolean isLeaf() {
        return node == null || node instanceof Leaf;
    }

    /** The gradient collected so far, or null. It belongs to this tensor, which closes it and adds to it in place. */
    public Tensor grad() {
        handle("grad", "tensor");
        return gradient;
    }

    /** Releases the collected gradient; the next backward starts a new one. */
    public void zeroGrad() {
        if (gradient != null) {
            gradient.close();
            gradient = null;
        }
    }

    /** Another tensor with the same memory that no gradient goes through. */
    public Tensor detach() {
        long alias = HornbeamNative.alias(handle("detach", "tensor"));
        Tensor detached = enter(alias, facts, null, version());
        return Tracer.isOn() ? Tracer.same(this, detached) : detached;
    }

    private Version version() {
        Version known = version;
        if (known == null) {
            known = new Version();
            version = known;
        }
        return known;
    }

    // ------------------------------------------------------------------------------------------- to and from Java

    /** The elements in row-major order, converted to f32. */
    public float[] toFloats() {
        float[] elements = new float[arrayLength("toFloats")];
        readAs(DType.F32, MemorySegment.ofArray(elements), "toFloats");
        return elements;
    }

    /** The elements in row-major order, converted to f64. */
    public double[] toDoubles() {
        double[] elements = new double[arrayLength("toDoubles")];
        readAs(DType.F64, MemorySegment.ofArray(elements), "toDoubles");
        return elements;
    }

    /** The elements in row-major order, converted to 64-bit integers: floats are truncated. */
    public long[] toLongs() {
        long[] elements = new long[arrayLength("toLongs")];
        readAs(DType.I64, MemorySegment.ofArray(elements), "toLongs");
        return elements;
    }

    /** The elements in row-major order, converted to bytes 0..255: floats are truncated, all numbers saturate. */
    public byte[] toBytes() {
        byte[] elements = new byte[arrayLength("toBytes")];
        readAs(DType.U8, MemorySegment.ofArray(elements), "toBytes");
        return elements;
    }

    private int arrayLength(String op) {
        long elements = facts().elements();
        if (elements > Integer.MAX_VALUE - 8) {
            throw new TensorArgumentException(
                    op + ": the tensor has " + elements + " elements, more than a Java array holds; read it in parts");
        }
        return (int) elements;
    }

    private void readAs(DType type, MemorySegment target, String op) {
        long held = handle(op, "tensor");
        if (facts.dtype() == type) {
            transfer(target, 0, 0, target.byteSize(), false, op);
        } else {
            Tensor converted = new Tensor(HornbeamNative.cast(held, type.code()), null, null, null);
            try {
                converted.transfer(target, 0, 0, target.byteSize(), false, op);
            } finally {
                converted.release();
            }
        }
    }

    /**
     * The only element.
     *
     * @throws TensorArgumentException when there are none or several
     */
    public double item() {
        long held = handle("item", "tensor");
        Facts of = facts();
        if (of.elements() != 1) {
            throw new TensorArgumentException(
                    "item: the tensor " + of + " has " + of.elements() + " elements; item() reads a tensor with one");
        }
        MemorySegment cell = Tape.scratch().cell;
        return switch (of.dtype()) {
            case F32 -> {
                HornbeamNative.read(held, cell, Float.BYTES);
                yield cell.get(ValueLayout.JAVA_FLOAT, 0);
            }
            case F64 -> {
                HornbeamNative.read(held, cell, Double.BYTES);
                yield cell.get(ValueLayout.JAVA_DOUBLE, 0);
            }
            default -> toDoubles()[0];
        };
    }

    /** The only element, as an integer: exact for labels and indices. */
    public long itemLong() {
        if (elements() != 1) {
            throw new TensorArgumentException("itemLong: the tensor " + facts + " has " + facts.elements()
                    + " elements; itemLong() reads a tensor with one");
        }
        return toLongs()[0];
    }

    /**
     * Reads f32 elements into a part of an array.
     *
     * @param first the first element to read, in row-major order
     * @param target takes {@code count} elements from index {@code from} on
     */
    public void read(long first, float[] target, int from, int count) {
        requireType(DType.F32, "read");
        requireRange("read", first, count, target.length, from);
        transfer(
                MemorySegment.ofArray(target),
                (long) from * Float.BYTES,
                first * Float.BYTES,
                (long) count * Float.BYTES,
                false,
                "read");
    }

    /** Reads i64 elements into a part of an array; see {@link #read(long, float[], int, int)}. */
    public void read(long first, long[] target, int from, int count) {
        requireType(DType.I64, "read");
        requireRange("read", first, count, target.length, from);
        transfer(
                MemorySegment.ofArray(target),
                (long) from * Long.BYTES,
                first * Long.BYTES,
                (long) count * Long.BYTES,
                false,
                "read");
    }

    /** Reads u8 elements into a part of an array; see {@link #read(long, float[], int, int)}. */
    public void read(long first, byte[] target, int from, int count) {
        requireType(DType.U8, "read");
        requireRange("read", first, count, target.length, from);
        transfer(MemorySegment.ofArray(target), from, first, count, false, "read");
    }

    /** Reads all elements' bytes, in native order, into the buffer's next bytes; its position moves on. */
    public void read(ByteBuffer target) {
        long bytes = facts().bytes();
        if (target.remaining() < bytes) {
            throw new TensorArgumentException("read: the tensor " + facts + " has " + bytes
                    + " bytes, but the buffer has room for " + target.remaining());
        }
        transfer(MemorySegment.ofBuffer(target), 0, 0, bytes, false, "read");
        target.position(target.position() + (int) bytes);
    }

    /**
     * Writes f32 elements from a part of an array.
     *
     * @param first the first element to write, in row-major order
     * @param source gives {@code count} elements from index {@code from} on
     */
    public void write(long first, float[] source, int from, int count) {
        requireType(DType.F32, "write");
        requireRange("write", first, count, source.length, from);
        transfer(
                MemorySegment.ofArray(source),
                (long) from * Float.BYTES,
                first * Float.BYTES,
                (long) count * Float.BYTES,
                true,
                "write");
    }

    /** Writes i64 elements from a part of an array; see {@link #write(long, float[], int, int)}. */
    public void write(long first, long[] source, int from, int count) {
        requireType(DType.I64, "write");
        requireRange("write", first, count, source.length, from);
        transfer(
                MemorySegment.ofArray(source),
                (long) from * Long.BYTES,
                first * Long.BYTES,
                (long) count * Long.BYTES,
                true,
                "write");
    }

    /** Writes u8 elements from a part of an array; see {@link #write(long, float[], int, int)}. */
    public void write(long first, byte[] source, int from, int count) {
        requireType(DType.U8, "write");
        requireRange("write", first, count, source.length, from);
        transfer(MemorySegment.ofArray(source), from, first, count, true, "write");
    }

    /** Writes all elements from the buffer's next bytes, in native order; its position moves on. */
    public void write(ByteBuffer source) {
        long bytes = facts().bytes();
        if (source.remaining() < bytes) {
            throw new TensorArgumentException("write: the tensor " + facts + " has " + bytes
                    + " bytes, but the buffer holds " + source.remaining());
        }
        transfer(MemorySegment.ofBuffer(source), 0, 0, bytes, true, "write");
        source.position(source.position() + (int) bytes);
    }

    /** Sets every element of an f32 tensor, in row-major order. Returns this tensor. */
    public Tensor copyFrom(float[] source) {
        requireType(DType.F32, "copyFrom");
        requireLength(source.length, "copyFrom");
        transfer(MemorySegment.ofArray(source), 0, 0, (long) source.length * Float.BYTES, true, "copyFrom");
        return this;
    }

    /** Sets every element of an i64 tensor, in row-major order. Returns this tensor. */
    public Tensor copyFrom(long[] source) {
        requireType(DType.I64, "copyFrom");
        requireLength(source.length, "copyFrom");
        transfer(MemorySegment.ofArray(source), 0, 0, (long) source.length * Long.BYTES, true, "copyFrom");
        return this;
    }

    /** Sets every element of a u8 tensor, in row-major order. Returns this tensor. */
    public Tensor copyFrom(byte[] source) {
        requireType(DType.U8, "copyFrom");
        requireLength(source.length, "copyFrom");
        transfer(MemorySegment.ofArray(source), 0, 0, source.length, true, "copyFrom");
        return this;
    }

    private void requireType(DType type, String op) {
        if (facts().dtype() != type) {
            throw new TensorArgumentException(
                    op + ": the tensor " + facts + " has type " + facts.dtype() + ", but the array holds " + type);
        }
    }

    private void requireLength(long length, String op) {
        if (facts().elements() != length) {
            throw new TensorArgumentException(op + ": the tensor " + facts + " has " + facts.elements()
                    + " elements, but the array has " + length);
        }
    }

    private void requireRange(String op, long first, int count, int length, int from) {
        if (first < 0 || count < 0 || first > facts().elements() - count) {
            throw new TensorArgumentException(op + ": elements " + first + " to " + (first + count - 1)
                    + " are not all inside the tensor " + facts);
        }
        if (from < 0 || from > length - count) {
            throw new TensorArgumentException(op + ": indices " + from + " to " + ((long) from + count - 1)
                    + " are not all inside the array of length " + length);
        }
    }

    /** Copies bytes between a host segment and the elements, which count in row-major order. */
    private void transfer(MemorySegment host, long hostFrom, long from, long bytes, boolean in, String op) {
        long held = in ? Tape.destination(this, op, "tensor") : handle(op, "tensor");
        long whole = facts().bytes();
        if (bytes == 0) {
            return;
        }
        if (facts.device().kind() == Device.Kind.CPU && isDense()) {
            // Copied by Java, not by the engine: a page of a mapped file that cannot be read is then a Java error.
            MemorySegment cell = Tape.scratch().cell;
            HornbeamNative.data(held, cell);
            MemorySegment memory =
                    MemorySegment.ofAddress(cell.get(ValueLayout.JAVA_LONG, 0)).reinterpret(whole);
            if (in) {
                MemorySegment.copy(host, hostFrom, memory, from, bytes);
            } else {
                MemorySegment.copy(memory, from, host, hostFrom, bytes);
            }
        } else {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment all = arena.allocate(whole);
                if (!in || bytes < whole) {
                    HornbeamNative.read(held, all, whole);
                }
                if (in) {
                    MemorySegment.copy(host, hostFrom, all, from, bytes);
                    writeAll(held, all, whole);
                } else {
                    MemorySegment.copy(all, from, host, hostFrom, bytes);
                }
            }
        }
        if (in) {
            changed();
        }
    }

    /** Sets all elements; a strided view takes them by way of a dense tensor. */
    private void writeAll(long held, MemorySegment all, long bytes) {
        if (isDense()) {
            HornbeamNative.write(held, all, bytes);
            return;
        }
        long dense = HornbeamNative.empty(
                facts.device().code(),
                facts.dtype().code(),
                facts.rank(),
                Tape.scratch().shape(facts.shape()));
        try {
            HornbeamNative.write(dense, all, bytes);
            HornbeamNative.copy(held, dense);
        } finally {
            HornbeamNative.release(dense);
        }
    }

    private void changed() {
        if (version != null) {
            version.change();
        }
    }

    // -------------------------------------------------------------------------------------- changes in place

    /**
     * Sets this tensor to {@code source}, converted and broadcast; not recorded. The source may be on another device. Returns
     * this tensor.
     */
    public Tensor copyFrom(Tensor source) {
        // None, or a closed one, is for the op to refuse.
        if (source == null
                || handle == 0
                || source.handle == 0
                || source.device().equals(device())) {
            InPlace.copy(this, source);
        } else {
            try (TensorScope _ = TensorScope.open()) {
                InPlace.copy(this, source.detach().to(device()));
            }
        }
        return this;
    }

    /** Sets every element to {@code value}; not recorded. Returns this tensor. */
    public Tensor fill(double value) {
        InPlace.fill(this, value);
        return this;
    }

    /** Adds {@code alpha * source}, of the same shape, in place; not recorded. Returns this tensor. */
    public Tensor addScaled(Tensor source, double alpha) {
        InPlace.addScaled(this, source, alpha);
        return this;
    }

    /** Becomes {@code beta * this + alpha * source}, in place; not recorded. Returns this tensor. */
    public Tensor blend(Tensor source, double beta, double alpha) {
        InPlace.blend(this, source, beta, alpha);
        return this;
    }

    /** Sets the rows {@code index[j]} to {@code source[j]}, in place; the last of equal indices wins; not recorded. */
    public Tensor setRows(Tensor index, Tensor source) {
        InPlace.scatterRows(this, index, source, false);
        return this;
    }

    /** Adds {@code source[j]} to the rows {@code index[j]}, in place, in order of j; not recorded. */
    public Tensor addRows(Tensor index, Tensor source) {
        InPlace.scatterRows(this, index, source, true);
        return this;
    }

    // ------------------------------------------------------------------------------------------ types and devices

    /** A dense copy of another type. Floats become integers by truncation. */
    public Tensor cast(DType dtype) {
        return Cast.cast(this, dtype);
    }

    /** This tensor itself where it has that type, else a {@link #cast} of it. */
    public Tensor as(DType dtype) {
        return facts().dtype() == dtype ? this : Cast.cast(this, dtype);
    }

    /** A dense copy on a device. */
    public Tensor to(Device device) {
        return ToDevice.toDevice(this, device);
    }

    /** A dense copy with memory of its own. */
    public Tensor copy() {
        return Cast.cast(this, dtype());
    }

    /** This tensor's elements without gaps: another handle of it where it is dense already, else a copy. */
    public Tensor dense() {
        return Dense.dense(this);
    }

    // ------------------------------------------------------------------------------------------------------ views

    /** The same elements in another shape; one size may be -1. A view where possible, else a copy. */
    public Tensor reshape(long... shape) {
        return Reshape.reshape(this, shape);
    }

    /** Joins the dimensions from {@code first} on into one: an image batch [n,h,w,c] by 1 becomes [n, h*w*c]. */
    public Tensor flatten(int first) {
        long[] sizes = facts().shape();
        int from = dimension("flatten", first);
        long[] shape = Arrays.copyOf(sizes, from + 1);
        for (int i = from + 1; i < sizes.length; i++) {
            shape[from] *= sizes[i];
        }
        return Reshape.reshape(this, shape);
    }

    /** A view of the elements [start, stop) along a dimension. */
    public Tensor slice(int dimension, long start, long stop) {
        return Slice.slice(this, dimension("slice", dimension), start, stop, 1);
    }

    /** A view of every {@code step}-th element of [start, stop) along a dimension. */
    public Tensor slice(int dimension, long start, long stop, long step) {
        return Slice.slice(this, dimension("slice", dimension), start, stop, step);
    }

    /** A view of one index along a dimension, which disappears. */
    public Tensor select(int dimension, long index) {
        int at = dimension("select", dimension);
        long[] sizes = facts().shape();
        if (index < 0 || index >= sizes[at]) {
            throw new TensorArgumentException(
                    "select: index " + index + " is outside dimension " + at + " of " + facts);
        }
        long[] shape = new long[sizes.length - 1];
        System.arraycopy(sizes, 0, shape, 0, at);
        System.arraycopy(sizes, at + 1, shape, at, shape.length - at);
        Tensor one = Slice.slice(this, at, index, index + 1, 1);
        return Reshape.reshape(one, shape);
    }

    /** A view whose dimension i is this tensor's dimension {@code order[i]}. */
    public Tensor permute(int... order) {
        return Permute.permute(this, dimensions("permute", order));
    }

    /** A view with two dimensions exchanged. */
    public Tensor transpose(int a, int b) {
        int[] order = new int[facts().rank()];
        Arrays.setAll(order, i -> i);
        int first = dimension("transpose", a);
        int second = dimension("transpose", b);
        order[first] = second;
        order[second] = first;
        return Permute.permute(this, order);
    }

    /** A view in which dimensions of size 1, or missing leading ones, repeat. */
    public Tensor expand(long... shape) {
        return Expand.expand(this, shape);
    }

    /** With a dimension of size 1 put in before {@code dimension}; {@code rank()} puts it last. */
    public Tensor unsqueeze(int dimension) {
        long[] sizes = facts().shape();
        int at = dimension < 0 ? dimension + sizes.length + 1 : dimension;
        if (at < 0 || at > sizes.length) {
            throw new TensorArgumentException("unsqueeze: dimension " + dimension + " is outside 0 to " + sizes.length);
        }
        long[] shape = new long[sizes.length + 1];
        System.arraycopy(sizes, 0, shape, 0, at);
        shape[at] = 1;
        System.arraycopy(sizes, at, shape, at + 1, sizes.length - at);
        return Reshape.reshape(this, shape);
    }

    // --------------------------------------------------------------------------------------------------- movement

    /** Joins tensors of one type along a dimension; their other sizes are equal. */
    public static Tensor concat(int dimension, Tensor... tensors) {
        return Concat.concat(dimension, tensors);
    }

    /** Puts {@code before[i]} and {@code after[i]} elements of {@code value} around dimension i; negative numbers cut. */
    public Tensor pad(long[] before, long[] after, double value) {
        return Pad.pad(this, before, after, value);
    }

    /** The rows [index[j], ...] of this tensor, for {@code index} of type i64 [m]. */
    public Tensor gatherRows(Tensor index) {
        return GatherRows.gatherRows(this, index);
    }

    /** The elements [i, index[i]] of this matrix [n, k], for {@code index} of type i64 [n]. */
    public Tensor takeAlongRows(Tensor index) {
        return TakeAlongRows.takeAlongRows(this, index);
    }

    /** Where this u8 tensor is not 0 the element of {@code a}, else that of {@code b}; all three broadcast. */
    public Tensor where(Tensor a, Tensor b) {
        return Where.where(this, a, b);
    }

    // ------------------------------------------------------------------------------------------------ elementwise

    /** -x. */
    public Tensor neg() {
        return Unary.unary(Unary.Kind.NEG, this);
    }

    /** |x|; the derivative at 0 is 0. */
    public Tensor abs() {
        return Unary.unary(Unary.Kind.ABS, this);
    }

    /** e to the x. */
    public Tensor exp() {
        return Unary.unary(Unary.Kind.EXP, this);
    }

    /** The natural logarithm. */
    public Tensor log() {
        return Unary.unary(Unary.Kind.LOG, this);
    }

    /** The square root. */
    public Tensor sqrt() {
        return Unary.unary(Unary.Kind.SQRT, this);
    }

    /** 1 / sqrt(x). */
    public Tensor rsqrt() {
        return Unary.unary(Unary.Kind.RSQRT, this);
    }

    /** x * x. */
    public Tensor square() {
        return Unary.unary(Unary.Kind.SQUARE, this);
    }

    /** -1, 0 or 1. */
    public Tensor sign() {
        return Unary.unary(Unary.Kind.SIGN, this);
    }

    /** 1 / x. */
    public Tensor reciprocal() {
        return Unary.unary(Unary.Kind.RECIPROCAL, this);
    }

    /** max(x, 0). */
    public Tensor relu() {
        return Unary.unary(Unary.Kind.RELU, this);
    }

    /** x where it is positive, else {@code slope * x}. */
    public Tensor leakyRelu(double slope) {
        return Unary.unary(Unary.Kind.LEAKY_RELU, this, slope, 0);
    }

    /** x times the normal distribution function of x: the exact GELU (Hendrycks and Gimpel 2016). */
    public Tensor gelu() {
        return Unary.unary(Unary.Kind.GELU, this);
    }

    /** The GELU's form with tanh. */
    public Tensor geluTanh() {
        return Unary.unary(Unary.Kind.GELU_TANH, this);
    }

    /** 1 / (1 + exp(-x)). */
    public Tensor sigmoid() {
        return Unary.unary(Unary.Kind.SIGMOID, this);
    }

    /** The hyperbolic tangent. */
    public Tensor tanh() {
        return Unary.unary(Unary.Kind.TANH, this);
    }

    /** x, but at least {@code low} and at most {@code high}. */
    public Tensor clamp(double low, double high) {
        return Unary.unary(Unary.Kind.CLAMP, this, low, high);
    }

    /** The sum; shapes broadcast. */
    public Tensor add(Tensor other) {
        return Binary.binary(Binary.Kind.ADD, this, other);
    }

    /** The difference; shapes broadcast. */
    public Tensor sub(Tensor other) {
        return Binary.binary(Binary.Kind.SUB, this, other);
    }

    /** The product of elements; shapes broadcast. */
    public Tensor mul(Tensor other) {
        return Binary.binary(Binary.Kind.MUL, this, other);
    }

    /** The quotient; shapes broadcast. */
    public Tensor div(Tensor other) {
        return Binary.binary(Binary.Kind.DIV, this, other);
    }

    /** The larger elements; shapes broadcast. Equal ones share the gradient evenly. */
    public Tensor maximum(Tensor other) {
        return Binary.binary(Binary.Kind.MAX, this, other);
    }

    /** The smaller elements; shapes broadcast. Equal ones share the gradient evenly. */
    public Tensor minimum(Tensor other) {
        return Binary.binary(Binary.Kind.MIN, this, other);
    }

    /** Where the elements are equal, as u8 0 or 1; shapes broadcast. */
    public Tensor eq(Tensor other) {
        return Binary.binary(Binary.Kind.EQ, this, other);
    }

    /** Where the elements differ, as u8 0 or 1; shapes broadcast. */
    public Tensor ne(Tensor other) {
        return Binary.binary(Binary.Kind.NE, this, other);
    }

    /** Where this is smaller, as u8 0 or 1; shapes broadcast. */
    public Tensor lt(Tensor other) {
        return Binary.binary(Binary.Kind.LT, this, other);
    }

    /** Where this is smaller or equal, as u8 0 or 1; shapes broadcast. */
    public Tensor le(Tensor other) {
        return Binary.binary(Binary.Kind.LE, this, other);
    }

    /** Where this is larger, as u8 0 or 1; shapes broadcast. */
    public Tensor gt(Tensor other) {
        return Binary.binary(Binary.Kind.GT, this, other);
    }

    /** Where this is larger or equal, as u8 0 or 1; shapes broadcast. */
    public Tensor ge(Tensor other) {
        return Binary.binary(Binary.Kind.GE, this, other);
    }

    /** x + number. */
    public Tensor add(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.ADD, this, number);
    }

    /** x - number. */
    public Tensor sub(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.SUB, this, number);
    }

    /** x * number. */
    public Tensor mul(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.MUL, this, number);
    }

    /** x / number. */
    public Tensor div(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.DIV, this, number);
    }

    /** max(x, number). */
    public Tensor maximum(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.MAX, this, number);
    }

    /** min(x, number). */
    public Tensor minimum(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.MIN, this, number);
    }

    /** Where x = number, as u8 0 or 1. */
    public Tensor eq(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.EQ, this, number);
    }

    /** Where x differs from the number, as u8 0 or 1. */
    public Tensor ne(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.NE, this, number);
    }

    /** Where x &lt; number, as u8 0 or 1. */
    public Tensor lt(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.LT, this, number);
    }

    /** Where x &lt;= number, as u8 0 or 1. */
    public Tensor le(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.LE, this, number);
    }

    /** Where x &gt; number, as u8 0 or 1. */
    public Tensor gt(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.GT, this, number);
    }

    /** Where x &gt;= number, as u8 0 or 1. */
    public Tensor ge(double number) {
        return BinaryScalar.binaryScalar(Binary.Kind.GE, this, number);
    }

    // ------------------------------------------------------------------------------------------------- reductions

    /** The sum of all elements, a scalar. */
    public Tensor sum() {
        return Reduce.reduce(Reduce.Kind.SUM, this, false);
    }

    /** The sum over some dimensions; {@code keep} leaves them with size 1. */
    public Tensor sum(boolean keep, int... dimensions) {
        return reduce(Reduce.Kind.SUM, "sum", keep, dimensions);
    }

    /** The mean of all elements, a scalar. */
    public Tensor mean() {
        return Reduce.reduce(Reduce.Kind.MEAN, this, false);
    }

    /** The mean over some dimensions; {@code keep} leaves them with size 1. */
    public Tensor mean(boolean keep, int... dimensions) {
        return reduce(Reduce.Kind.MEAN, "mean", keep, dimensions);
    }

    /** The largest element, a scalar; equal ones share the gradient evenly. */
    public Tensor max() {
        return Reduce.reduce(Reduce.Kind.MAX, this, false);
    }

    /** The largest over some dimensions; {@code keep} leaves them with size 1. */
    public Tensor max(boolean keep, int... dimensions) {
        return reduce(Reduce.Kind.MAX, "max", keep, dimensions);
    }

    /** The smallest element, a scalar; equal ones share the gradient evenly. */
    public Tensor min() {
        return Reduce.reduce(Reduce.Kind.MIN, this, false);
    }

    /** The smallest over some dimensions; {@code keep} leaves them with size 1. */
    public Tensor min(boolean keep, int... dimensions) {
        return reduce(Reduce.Kind.MIN, "min", keep, dimensions);
    }

    private Tensor reduce(Reduce.Kind kind, String op, boolean keep, int... dimensions) {
        if (dimensions.length == 0) {
            throw new TensorArgumentException(op + ": no dimensions are given; " + op + "() reduces all");
        }
        return Reduce.reduce(kind, this, keep, dimensions(op, dimensions));
    }

    /** The i64 index of the largest element along the last dimension; the first of equals, NaN counts as largest. */
    public Tensor argMax() {
        return ArgMax.argMax(this);
    }

    /** The k largest along the last dimension, in falling order, with their indices. */
    public TopK.Result topK(long k) {
        return TopK.topK(this, k);
    }

    /** The sorted elements of a vector, with the permutation that sorts it; stable, NaN last. */
    public Sort.Result sort(boolean descending) {
        return Sort.sort(this, descending);
    }

    // ---------------------------------------------------------------------------------------------- linear algebra

    /** The matrix product [.., m, k] by [.., k, n]; leading sizes are equal, or one side is one matrix for every batch. */
    public Tensor matmul(Tensor other) {
        return MatMul.matmul(this, other, false, false);
    }

    /** The matrix product of either side as it is or with its last two dimensions exchanged. */
    public Tensor matmul(Tensor other, boolean transposeThis, boolean transposeOther) {
        return MatMul.matmul(this, other, transposeThis, transposeOther);
    }

    // ----------------------------------------------------------------------------------------------------- softmax

    /** exp(x) / sum exp(x), over the last dimension. */
    public Tensor softmax() {
        return Softmax.softmax(this);
    }

    /** The logarithm of {@link #softmax()}, without its loss of digits. */
    public Tensor logSoftmax() {
        return LogSoftmax.logSoftmax(this);
    }

    /** Type, sizes and, for small tensors, the elements. */
    @Override
    public String toString() {
        if (handle == 0) {
            return "Tensor(closed" + (facts == null ? "" : ", " + facts) + ")";
        }
        Facts of = facts();
        if (of.elements() > 16 || of.device().kind() != Device.Kind.CPU) {
            return "Tensor(" + of + ")";
        }
        String elements = of.dtype().isFloating() ? Arrays.toString(toFloats()) : Arrays.toString(toLongs());
        return "Tensor(" + of + " " + elements + ")";
    }

    /** What {@link TensorAccess} promises. */
    private static final class Access extends TensorAccess {
        @Override
        public Tensor result(long handle, Facts facts, Node node, Version version) {
            return enter(handle, facts, node, version);
        }

        @Override
        public Tensor owned(long handle, Facts facts) {
            return new Tensor(handle, facts, null, null);
        }

        @Override
        public long handle(Tensor tensor, String op, String argument) {
            return tensor.handle(op, argument);
        }

        @Override
        public Node node(Tensor tensor) {
            return tensor.node;
        }

        @Override
        public Facts facts(Tensor tensor) {
            return tensor.facts();
        }

        @Override
        public Facts knownFacts(Tensor tensor) {
            return tensor.facts;
        }

        @Override
        public Version version(Tensor tensor) {
            return tensor.version();
        }

        @Override
        public void changed(Tensor tensor) {
            tensor.changed();
        }

        @Override
        public boolean isOpen(Tensor tensor) {
            return tensor.handle != 0;
        }

        @Override
        public long gradientHandle(Tensor leaf) {
            Tensor of = leaf.gradient;
            if (of != null && of.handle == 0) {
                leaf.gradient = null;
                return 0;
            }
            return of == null ? 0 : of.handle;
        }

        @Override
        public void gradientChanged(Tensor leaf) {
            leaf.gradient.changed();
        }

        @Override
        public void setGradient(Tensor leaf, long handle) {
            leaf.gradient = new Tensor(handle, leaf.facts, null, null);
        }
    }
}
