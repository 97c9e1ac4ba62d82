package dev.hornbeam.internal.ffi;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.tensor.TensorArgumentException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;

/**
 * Native memory of one thread for the arguments of the call that it is about to make: structs, shapes, arrays of handles,
 * and the arrays that an op writes its results to. It is taken once, so that a call allocates nothing.
 *
 * <p>A piece is free for the next use as soon as the call that it was filled for has returned.
 */
public final class Scratch {
    /** Most results of an op. */
    private static final int OUTPUTS = 5;

    /** Arrays of handles or numbers that one call can need at the same time. */
    private static final int ARRAYS = 6;

    public final MemorySegment conv;
    public final MemorySegment pool;
    public final MemorySegment norm;
    public final MemorySegment noise;
    public final MemorySegment normNoise;
    public final MemorySegment stream;
    public final MemorySegment optimizer;
    public final MemorySegment descriptor;
    public final MemorySegment memory;
    public final MemorySegment opInfo;
    public final MemorySegment outputs;
    public final MemorySegment shape;
    public final MemorySegment otherShape;
    public final MemorySegment order;
    /** Eight bytes: a number or an address that a function writes. */
    public final MemorySegment cell;

    private final MemorySegment[] arrays = new MemorySegment[ARRAYS];

    public Scratch() {
        // Lives as long as this object does: a thread that ends leaves nothing behind.
        SegmentAllocator memory = Arena.ofAuto();
        conv = memory.allocate(Structs.Conv2d.LAYOUT);
        pool = memory.allocate(Structs.Pool2d.LAYOUT);
        norm = memory.allocate(Structs.BatchNorm.LAYOUT);
        noise = memory.allocate(Structs.Noise.LAYOUT);
        normNoise = memory.allocate(Structs.Noise.LAYOUT);
        stream = memory.allocate(Structs.Stream.LAYOUT);
        optimizer = memory.allocate(Structs.Adam.LAYOUT);
        descriptor = memory.allocate(Structs.Descriptor.LAYOUT);
        this.memory = memory.allocate(Structs.Memory.LAYOUT);
        opInfo = memory.allocate(Structs.OpInfo.LAYOUT);
        outputs = memory.allocate(JAVA_LONG, OUTPUTS);
        shape = memory.allocate(JAVA_LONG, Structs.MAX_RANK);
        otherShape = memory.allocate(JAVA_LONG, Structs.MAX_RANK);
        order = memory.allocate(JAVA_INT, Structs.MAX_RANK);
        cell = memory.allocate(JAVA_DOUBLE);
    }

    /** The op's result number {@code index}. */
    public long output(int index) {
        return outputs.getAtIndex(JAVA_LONG, index);
    }

    /** {@link #shape} holding these sizes. */
    public MemorySegment shape(long... sizes) {
        return fill(shape, sizes);
    }

    /** {@link #otherShape} holding these numbers. */
    public MemorySegment otherShape(long... sizes) {
        return fill(otherShape, sizes);
    }

    private static MemorySegment fill(MemorySegment segment, long[] sizes) {
        if (sizes.length > Structs.MAX_RANK) {
            throw new TensorArgumentException("shape " + Arrays.toString(sizes) + " has " + sizes.length
                    + " dimensions, but a tensor has at most " + Structs.MAX_RANK);
        }
        for (int i = 0; i < sizes.length; i++) {
            segment.setAtIndex(JAVA_LONG, i, sizes[i]);
        }
        return segment;
    }

    /** {@link #order} holding these dimensions. */
    public MemorySegment order(int... dimensions) {
        if (dimensions.length > Structs.MAX_RANK) {
            throw new TensorArgumentException("dimensions " + Arrays.toString(dimensions) + " are " + dimensions.length
                    + ", but a tensor has at most " + Structs.MAX_RANK);
        }
        for (int i = 0; i < dimensions.length; i++) {
            order.setAtIndex(JAVA_INT, i, dimensions[i]);
        }
        return order;
    }

    /** The array number {@code slot}, with room for {@code count} eight-byte elements; its content is not cleared. */
    public MemorySegment array(int slot, int count) {
        MemorySegment array = arrays[slot];
        long bytes = Math.max(1, count) * (long) Long.BYTES;
        if (array == null || array.byteSize() < bytes) {
            array = Arena.ofAuto().allocate(Math.max(256, Long.highestOneBit(bytes) * 2), Long.BYTES);
            arrays[slot] = array;
        }
        return array;
    }
}
