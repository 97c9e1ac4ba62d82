package dev.hornbeam.profile;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.NativeErrors;
import dev.hornbeam.internal.ffi.Structs.ProfileRecord;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Records every call of the engine's ops, on all threads, from its start to {@link #stop}. There is one at a time.
 *
 * <pre>{@code
 * try (Profiler profiler = Profiler.start(10_000)) {
 *     // a training step
 *     Recording recording = profiler.stop();
 *     StepProfile.of(recording.ops(), 1, wallNanos).ops().forEach(System.out::println);
 * }
 * }</pre>
 *
 * <p>Records go to memory that is taken at the start, 224 bytes each; recording adds well under a microsecond to a call. While
 * nothing is recorded, a call pays for one branch.
 */
public final class Profiler implements AutoCloseable {
    /** Below this, the clocks of JVM and engine differ by what it takes to read them. */
    private static final long SAME_CLOCK_NANOS = 10_000;

    private static final AtomicBoolean TAKEN = new AtomicBoolean();

    private final long clockOffset;
    private boolean open = true;

    /**
     * What was recorded.
     *
     * @param ops in the order in which they ended: the parts of a call come before it
     * @param lost records for which there was no room
     */
    public record Recording(List<OpRecord> ops, long lost) {}

    private Profiler(long clockOffset) {
        this.clockOffset = clockOffset;
    }

    /**
     * Begins to record.
     *
     * @param capacity most records that are kept, 1 to 2<sup>24</sup>; more are counted as lost
     * @throws IllegalStateException when another profiler is open
     */
    public static Profiler start(int capacity) {
        if (!TAKEN.compareAndSet(false, true)) {
            throw new IllegalStateException("another Profiler is open; the engine makes one recording at a time:"
                    + " close that one before starting this one");
        }
        boolean started = false;
        try {
            long offset = clockOffset();
            HornbeamNative.profileStart(capacity);
            started = true;
            return new Profiler(offset);
        } finally {
            if (!started) {
                TAKEN.set(false);
            }
        }
    }

    /** The number that records have for calls of this thread. */
    public static int thread() {
        return HornbeamNative.profileThread();
    }

    /** What has to be added to the engine's clock to get the JVM's, by the quickest of some readings. */
    private static long clockOffset() {
        long offset = 0;
        long quickest = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            long before = System.nanoTime();
            long engine = HornbeamNative.profileClock();
            long after = System.nanoTime();
            if (after - before < quickest) {
                quickest = after - before;
                offset = before + (after - before) / 2 - engine;
            }
        }
        return Math.abs(offset) < SAME_CLOCK_NANOS ? 0 : offset;
    }

    /**
     * Ends the recording and reads it.
     *
     * @throws IllegalStateException when it has ended already
     */
    public Recording stop() {
        if (!open) {
            throw new IllegalStateException("this Profiler has stopped already; what it recorded was read then");
        }
        close();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment lost = arena.allocate(JAVA_LONG);
            long count = HornbeamNative.profileRead(MemorySegment.NULL, 0, lost);
            MemorySegment records = arena.allocate(ProfileRecord.LAYOUT, count);
            HornbeamNative.profileRead(records, count, lost);
            return new Recording(read(records, count), lost.get(JAVA_LONG, 0));
        }
    }

    /** Ends the recording, if it goes on; nothing of it is read. */
    @Override
    public void close() {
        if (open) {
            open = false;
            HornbeamNative.profileStop();
            TAKEN.set(false);
        }
    }

    private List<OpRecord> read(MemorySegment records, long count) {
        List<Engine.Op> ops = Engine.ops();
        Map<MemorySegment, String> algorithms = new HashMap<>();
        List<OpRecord> result = new ArrayList<>((int) count);
        for (long i = 0; i < count; i++) {
            MemorySegment r = records.asSlice(i * ProfileRecord.LAYOUT.byteSize(), ProfileRecord.LAYOUT);
            int partOf = r.get(JAVA_INT, ProfileRecord.PART_OF);
            int dtype = r.get(JAVA_INT, ProfileRecord.DTYPE);
            result.add(new OpRecord(
                    ops.get(r.get(JAVA_INT, ProfileRecord.OP)),
                    partOf < 0 ? Optional.empty() : Optional.of(ops.get(partOf)),
                    r.get(JAVA_INT, ProfileRecord.THREAD),
                    r.get(JAVA_LONG, ProfileRecord.START) + clockOffset,
                    r.get(JAVA_LONG, ProfileRecord.DURATION),
                    r.get(JAVA_LONG, ProfileRecord.BYTES_READ),
                    r.get(JAVA_LONG, ProfileRecord.BYTES_WRITTEN),
                    r.get(JAVA_DOUBLE, ProfileRecord.OPERATIONS),
                    algorithms.computeIfAbsent(r.get(ADDRESS, ProfileRecord.ALGORITHM), NativeErrors::string),
                    r.get(JAVA_DOUBLE, ProfileRecord.ESTIMATE),
                    dtype < 0 ? Optional.empty() : Optional.of(DType.ofCode(dtype)),
                    sizes(r, ProfileRecord.SHAPE, ProfileRecord.RANK),
                    sizes(r, ProfileRecord.OTHER_SHAPE, ProfileRecord.OTHER_RANK),
                    r.get(JAVA_INT, ProfileRecord.STRIDE_H),
                    r.get(JAVA_INT, ProfileRecord.STRIDE_W),
                    r.get(JAVA_INT, ProfileRecord.GROUPS)));
        }
        return List.copyOf(result);
    }

    private static List<Long> sizes(MemorySegment record, long offset, long rank) {
        Long[] sizes = new Long[record.get(JAVA_INT, rank)];
        for (int d = 0; d < sizes.length; d++) {
            sizes[d] = record.get(JAVA_LONG, offset + (long) d * Long.BYTES);
        }
        return List.of(sizes);
    }
}
