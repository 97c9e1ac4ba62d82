package dev.hornbeam.tensor;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.NativeErrors;
import dev.hornbeam.internal.ffi.NativeLibrary;
import dev.hornbeam.internal.ffi.Structs;
import dev.hornbeam.internal.tape.ThreadContext;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The native engine of this process: facts about it and its settings. */
public final class Engine {
    private Engine() {}

    /**
     * An op of the engine's registry.
     *
     * @param name as in the C ABI without the prefix, such as {@code conv2d}
     * @param family the group that it belongs to, such as {@code convolution}
     * @param gradient names of its backward ops separated by spaces, {@code composed} when autograd builds the gradient
     *     from other ops, {@code none} when it is not differentiable
     */
    public record Op(String name, String family, String gradient) {}

    /**
     * What the machine can do at most, measured.
     *
     * @param gflops 10<sup>9</sup> f32 multiplications and additions a second on registers; 0 on a CPU without AVX2
     * @param gigabytes 10<sup>9</sup> bytes a second that a = b + s c moves through memory
     */
    public record Peaks(double gflops, double gigabytes) {}

    /**
     * Loads the native library if that has not happened yet.
     *
     * @throws HornbeamException with the reason, when it cannot be loaded
     */
    public static void load() {
        HornbeamException failure = NativeLibrary.failure();
        if (failure != null) {
            throw failure;
        }
    }

    /** The file of the native library in use. */
    public static Path library() {
        load();
        return NativeLibrary.path();
    }

    /** Facts about library and machine as a JSON object: versions, kernel tiers, threads, compiler, CPU, caches, devices. */
    public static String info() {
        long bytes = HornbeamNative.info(MemorySegment.NULL, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(bytes);
            HornbeamNative.info(buffer, bytes);
            return buffer.getString(0);
        }
    }

    /** The CPU kernels in use: {@code scalar}, {@code avx2}, {@code avx512} or {@code amx}. */
    public static String tier() {
        return NativeErrors.string(HornbeamNative.tier());
    }

    /**
     * Chooses the CPU kernels of the whole process; not to be called while ops run.
     *
     * @param tier {@code scalar}, {@code avx2}, {@code avx512}, {@code amx}, or {@code auto} for the best that this CPU has
     * @throws UnsupportedOperationException when the CPU lacks the instructions
     */
    public static void setTier(String tier) {
        try (Arena arena = Arena.ofConfined()) {
            HornbeamNative.setTier(arena.allocateFrom(tier));
        }
    }

    /** Threads that an op may use. Results do not depend on their number. */
    public static int threads() {
        return HornbeamNative.threads();
    }

    /** Sets the threads that an op may use, 1..1024; 0 gives the default, the CPUs this process may run on. */
    public static void setThreads(int threads) {
        HornbeamNative.setThreads(threads);
    }

    /** Measures, for about a second, what this machine can do at most with {@link #threads()} threads. */
    public static Peaks measurePeaks() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment values = arena.allocate(ValueLayout.JAVA_DOUBLE, 2);
            HornbeamNative.measurePeaks(values.asSlice(0, 8), values.asSlice(8, 8));
            return new Peaks(
                    values.getAtIndex(ValueLayout.JAVA_DOUBLE, 0), values.getAtIndex(ValueLayout.JAVA_DOUBLE, 1));
        }
    }

    /** Whether products are added up one by one, in f32; false unless set. */
    public static boolean isExact() {
        return HornbeamNative.exact() != 0;
    }

    /**
     * Chooses between exactness and speed in convolutions and, on CUDA devices, all products, for the whole process; not to
     * be called while ops run.
     *
     * <p>By default 3×3 convolutions use Winograd's algorithm where it is faster. It rounds more: errors of single results are
     * some ten times those of the direct sum (docs/numerics.md). CUDA devices multiply f32 on tensor cores, in three products
     * of tf32 unless HORNBEAM_CUDA_F32 says otherwise; exact, they take plain f32 multiply-adds. Either way the same call
     * gives the same bits.
     */
    public static void setExact(boolean exact) {
        HornbeamNative.setExact(exact ? 1 : 0);
    }

    /** Whether the device can be used here. */
    public static boolean isAvailable(Device device) {
        return HornbeamNative.deviceAvailable(device.code()) != 0;
    }

    /** Why the device cannot be used here; empty when it can. */
    public static Optional<String> whyUnavailable(Device device) {
        return isAvailable(device) ? Optional.empty() : Optional.of(NativeErrors.lastError());
    }

    /** Statistics of the CPU's allocator. */
    public static MemoryStatistics memory() {
        return memory(Device.cpu());
    }

    /** Statistics of the device's allocator. */
    public static MemoryStatistics memory(Device device) {
        MemorySegment stats = ThreadContext.current().scratch.memory;
        HornbeamNative.memoryStats(device.code(), stats);
        return new MemoryStatistics(
                stats.get(JAVA_LONG, Structs.Memory.IN_USE),
                stats.get(JAVA_LONG, Structs.Memory.PEAK),
                stats.get(JAVA_LONG, Structs.Memory.RESERVED),
                stats.get(JAVA_LONG, Structs.Memory.LIMIT),
                stats.get(JAVA_LONG, Structs.Memory.ALLOCATIONS),
                stats.get(JAVA_LONG, Structs.Memory.SYSTEM_CALLS),
                stats.get(JAVA_LONG, Structs.Memory.LIVE_TENSORS),
                stats.get(JAVA_LONG, Structs.Memory.LIVE_STORAGES));
    }

    /** Starts the measurement of {@link MemoryStatistics#peak} anew. */
    public static void resetPeak(Device device) {
        HornbeamNative.memoryResetPeak(device.code());
    }

    /** Bounds the bytes that the device's allocator may take from the system; 0 for no bound. */
    public static void setMemoryLimit(Device device, long bytes) {
        HornbeamNative.memoryLimit(device.code(), bytes);
    }

    /** Gives wholly unused blocks back to the system. */
    public static void trim(Device device) {
        HornbeamNative.memoryTrim(device.code());
    }

    /** Every op of the engine, in the registry's order. */
    public static List<Op> ops() {
        int count = HornbeamNative.opCount();
        List<Op> ops = new ArrayList<>(count);
        MemorySegment info = ThreadContext.current().scratch.opInfo;
        for (int i = 0; i < count; i++) {
            HornbeamNative.opDescribe(i, info);
            ops.add(new Op(
                    NativeErrors.string(info.get(ValueLayout.ADDRESS, Structs.OpInfo.NAME)),
                    NativeErrors.string(info.get(ValueLayout.ADDRESS, Structs.OpInfo.FAMILY)),
                    NativeErrors.string(info.get(ValueLayout.ADDRESS, Structs.OpInfo.GRADIENT))));
        }
        return List.copyOf(ops);
    }
}
