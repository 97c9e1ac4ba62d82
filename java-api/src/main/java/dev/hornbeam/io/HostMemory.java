package dev.hornbeam.io;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** The bytes of tensors and files, moved without going through Java arrays. */
final class HostMemory {
    /** A buffer's size is an int; this leaves room and is large enough to be fast. */
    private static final long CHUNK = 1 << 26;

    /** Bytes that are copied on their way where they must be. */
    private static final long STAGE = 1 << 16;

    private HostMemory() {}

    /** What is done with a tensor's bytes. */
    @FunctionalInterface
    interface Use {
        /** The segment is gone afterwards. */
        void with(MemorySegment bytes) throws IOException;
    }

    /** Gives the elements in row-major order as bytes of host memory. */
    static void read(Tensor tensor, String op, Use use) throws IOException {
        long handle = Tape.handle(tensor, op, "tensor");
        Facts facts = Tape.facts(tensor);
        long dense = facts.device().kind() == Device.Kind.CPU
                ? HornbeamNative.dense(handle)
                : HornbeamNative.toDevice(handle, Device.cpu().code());
        try {
            use.with(memory(dense, facts.bytes()));
        } finally {
            HornbeamNative.release(dense);
        }
    }

    /** Fills a tensor that was just made on the CPU. */
    static void write(Tensor fresh, MemorySegment source) {
        long bytes = Tape.facts(fresh).bytes();
        MemorySegment.copy(source, 0, memory(Tape.handle(fresh, "read", "tensor"), bytes), 0, bytes);
    }

    /** The memory of a tensor that was just made on the CPU. */
    static MemorySegment memory(Tensor fresh) {
        return memory(Tape.handle(fresh, "read", "tensor"), Tape.facts(fresh).bytes());
    }

    private static MemorySegment memory(long handle, long bytes) {
        if (bytes == 0) {
            return MemorySegment.NULL;
        }
        MemorySegment cell = Tape.scratch().cell;
        HornbeamNative.data(handle, cell);
        return MemorySegment.ofAddress(cell.get(JAVA_LONG, 0)).reinterpret(bytes);
    }

    /** Writes all bytes of a segment. */
    static void writeAll(FileChannel channel, MemorySegment bytes) throws IOException {
        // Java arrays other than byte[] are no buffers of bytes.
        boolean buffer = bytes.isNative() || bytes.heapBase().orElse(null) instanceof byte[];
        long step = buffer ? CHUNK : STAGE;
        for (long from = 0; from < bytes.byteSize(); from += step) {
            MemorySegment part = bytes.asSlice(from, Math.min(step, bytes.byteSize() - from));
            writeAll(channel, buffer ? part.asByteBuffer() : ByteBuffer.wrap(part.toArray(ValueLayout.JAVA_BYTE)));
        }
    }

    /** Writes all bytes of a buffer. */
    static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
