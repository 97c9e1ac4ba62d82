package dev.hornbeam.training;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * Damages the files of one reader, one of them at a time, and checks what the reader makes of each: it reads the file, or
 * refuses it with a {@link UserError} of one line that names a file of the set. Any other exception, more than
 * {@value #MOST_MEMORY} bytes of heap or {@value #MOST_SECONDS} seconds of computing for one file is a failure.
 *
 * <p>System properties: {@code hornbeam.fuzz}, how many files for each reader; {@code hornbeam.fuzz.seed} of the draws;
 * {@code hornbeam.fuzz.first}, the number of the first one. A failure says how to make the same file again, and leaves it in
 * {@code target/damaged}.
 */
public final class DamagedFiles {
    /** How many files for each reader. */
    public static final int TRIES = Integer.getInteger("hornbeam.fuzz", 200);

    private static final long SEED = Long.getLong("hornbeam.fuzz.seed", 1);
    private static final int FIRST = Integer.getInteger("hornbeam.fuzz.first", 0);
    private static final int MANY = 2_000;
    private static final long MOST_MEMORY = 32L << 20;
    private static final long MOST_SECONDS = 2;
    // Beyond this a reader counts as hanging, however little of a processor it got.
    private static final long HANGING_SECONDS = 60;
    private static final int MOST_FAILURES = 10;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** Reads everything in a folder. */
    @FunctionalInterface
    public interface Reader {
        /**
         * Reads, and checks that what was read makes sense.
         *
         * @param damaged the file that was damaged; what does not depend on it need not be read again. Empty for none:
         *     then everything is to be read
         * @return how much there was, more than 0 for files that are as they should be
         */
        long read(Path folder, String damaged) throws IOException;
    }

    /** Reads a file's content, which is given and not to be fetched. */
    @FunctionalInterface
    public interface ContentReader {
        /**
         * Reads, and checks that what was read makes sense.
         *
         * @param file its path, for messages
         * @param content of the file; may be changed
         * @return how much there was, more than 0 for a file that is as it should be
         */
        long read(Path file, byte[] content) throws IOException;
    }

    private final String name;
    private final Map<String, byte[]> files;
    private final Reader reader;
    private final ContentReader contents;
    private Predicate<String> often = _ -> true;
    private Predicate<String> damageable = _ -> true;
    private UnaryOperator<byte[]> packing = UnaryOperator.identity();
    private double leastRefused = 0.01;
    private boolean single;

    /**
     * Files and what reads them.
     *
     * @param name of the reader, for messages and the draws
     * @param files by their paths below the folder that the reader gets
     */
    public DamagedFiles(String name, Map<String, byte[]> files, Reader reader) {
        this(name, files, reader, null);
    }

    private DamagedFiles(String name, Map<String, byte[]> files, Reader reader, ContentReader contents) {
        this.name = name;
        this.files = new LinkedHashMap<>(files);
        this.reader = reader;
        this.contents = contents;
    }

    /** Files that a reader takes one by one, from memory. */
    public static DamagedFiles inMemory(String name, Map<String, byte[]> files, ContentReader reader) {
        return new DamagedFiles(name, files, null, reader);
    }

    /** Has half of the changes made in the files that {@code wanted} picks out, however few they are. */
    public DamagedFiles mostly(Predicate<String> wanted) {
        often = wanted;
        return this;
    }

    /** Has no changes made but in the files that {@code wanted} picks out. */
    public DamagedFiles only(Predicate<String> wanted) {
        damageable = wanted;
        return this;
    }

    /** Reads with one thread, for readers of which the memory outside of the heap is watched. */
    public DamagedFiles oneThread() {
        single = true;
        return this;
    }

    /** Packs files after they were damaged, so that the damage gets past checksums. */
    public DamagedFiles packed(UnaryOperator<byte[]> packer) {
        packing = packer;
        return this;
    }

    /** Expects fewer refusals than one in a hundred: that share of them. */
    public DamagedFiles refusingAtLeast(double share) {
        leastRefused = share;
        return this;
    }

    /** Damages {@link #TRIES} files. */
    public void check() {
        long start = System.nanoTime();
        AtomicInteger next = new AtomicInteger(FIRST);
        int threads =
                TRIES < MANY || single ? 1 : Math.min(2, Runtime.getRuntime().availableProcessors());
        Findings findings = new Findings();
        List<Worker> workers = new ArrayList<>();
        try {
            for (int i = 0; i < threads; i++) {
                workers.add(new Worker(next, findings));
            }
            workers.forEach(Worker::begin);
            boolean working = true;
            while (working) {
                working = false;
                for (Worker worker : workers) {
                    working |= worker.stillWorks();
                }
            }
        } finally {
            workers.forEach(Worker::remove);
        }
        if (!findings.failures.isEmpty()) {
            fail(findings.failed + " of " + TRIES + " damaged files were neither read nor refused:\n"
                    + String.join("\n", findings.failures.values()));
        }
        if (TRIES >= MANY) {
            double seconds = (System.nanoTime() - start) / 1e9;
            System.out.println(String.format(
                    Locale.ROOT,
                    "%s: %d damaged files, %d refused, %d read; %.0f s, %.3f ms of a processor for each; at most %d ms and"
                            + " %.1f MiB of heap",
                    name,
                    TRIES,
                    findings.refused,
                    TRIES - findings.refused,
                    seconds,
                    findings.cpuNanos / 1e6 / TRIES,
                    findings.mostMillis,
                    findings.mostMemory / 1048576.0));
        }
        assertTrue(
                TRIES < 50 || findings.refused >= leastRefused * TRIES,
                findings.refused + " of " + TRIES + " files were refused");
    }

    /** What came out of all threads. */
    private static final class Findings {
        // By kind and place of the exception: one bug shows in many files.
        private final Map<String, String> failures = new TreeMap<>();
        private int failed;
        private int refused;
        private long mostMillis;
        private long cpuNanos;
        private long mostMemory;

        synchronized void count(boolean refusal, long millis, long memory) {
            refused += refusal ? 1 : 0;
            mostMillis = Math.max(mostMillis, millis);
            mostMemory = Math.max(mostMemory, memory);
        }

        synchronized void add(long nanos) {
            cpuNanos += nanos;
        }

        synchronized boolean isNew(String key, String message) {
            failed++;
            return failures.size() < MOST_FAILURES && failures.putIfAbsent(key, message) == null;
        }

        synchronized boolean isFull() {
            return failures.size() >= MOST_FAILURES || failed > 1000;
        }
    }

    /** One damaged file. */
    @SuppressWarnings("ArrayRecordComponent") // Handed on once and never compared.
    private record Try(int number, String file, Damage.Damaged damaged, byte[] content) {}

    /** A thread with a folder of its own. */
    private final class Worker {
        private final AtomicInteger next;
        private final Findings findings;
        private final Path folder;
        private final Thread thread = Thread.ofPlatform().daemon().unstarted(this::work);
        private final List<String> names =
                files.keySet().stream().filter(damageable).toList();
        private final List<String> preferred;
        private final Map<String, FileChannel> channels = new HashMap<>();
        private final Map<String, Integer> lengths = new HashMap<>();
        private String dirty;
        private volatile Throwable broken;
        private volatile Try current;
        private volatile long since;

        Worker(AtomicInteger next, Findings findings) {
            this.next = next;
            this.findings = findings;
            List<String> wanted = names.stream().filter(often).toList();
            preferred = wanted.isEmpty() ? names : wanted;
            try {
                // In memory, where the system has such a folder: nothing here is worth a disk's time.
                Path memory = Path.of("/dev/shm");
                folder = Files.isWritable(memory)
                        ? Files.createTempDirectory(memory, "damaged")
                        : Files.createTempDirectory("damaged");
                for (String file : files.keySet()) {
                    Files.createDirectories(folder.resolve(file).getParent());
                    Files.write(folder.resolve(file), packing.apply(files.get(file)));
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void begin() {
            thread.start();
        }

        boolean stillWorks() {
            try {
                thread.join(200);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            Throwable failure = broken;
            if (failure != null) {
                throw new AssertionError(name + ": " + failure.getMessage(), failure);
            }
            Try now = current;
            if (now != null && System.nanoTime() - since > HANGING_SECONDS * 1_000_000_000L) {
                Throwable where = new Throwable("the reader is here");
                where.setStackTrace(thread.getStackTrace());
                throw new AssertionError(describe(now) + "\n  has been read for " + HANGING_SECONDS + " s", where);
            }
            return thread.isAlive();
        }

        void remove() {
            try {
                for (FileChannel channel : channels.values()) {
                    channel.close();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void work() {
            try {
                readAll("the files are fine");
                for (int i = next.getAndIncrement();
                        i - FIRST < TRIES && !findings.isFull();
                        i = next.getAndIncrement()) {
                    Try one = damaged(i);
                    if (reader != null) {
                        write(one.file, one.content);
                    }
                    since = System.nanoTime();
                    current = one;
                    check(one);
                    current = null;
                    if (findings.isFull()) {
                        return;
                    }
                }
                restore();
                readAll("the files are fine again");
            } catch (Throwable e) {
                broken = e;
            } finally {
                findings.add(THREADS.getCurrentThreadCpuTime());
            }
        }

        private void readAll(String message) throws IOException {
            if (reader != null) {
                assertTrue(reader.read(folder, "") > 0, message);
                return;
            }
            for (String file : names) {
                assertTrue(read(file, packing.apply(files.get(file)).clone()) > 0, message);
            }
        }

        private long read(String file, byte[] content) throws IOException {
            return reader != null ? reader.read(folder, file) : contents.read(folder.resolve(file), content);
        }

        // Files stay open: that is a third of the time of small ones.
        private void write(String file, byte[] content) throws IOException {
            if (!file.equals(dirty)) {
                restore();
            }
            dirty = file;
            overwrite(file, content);
        }

        private void restore() throws IOException {
            if (dirty != null) {
                overwrite(dirty, packing.apply(files.get(dirty)));
            }
        }

        private void overwrite(String file, byte[] content) throws IOException {
            FileChannel channel = channels.get(file);
            if (channel == null) {
                channel = FileChannel.open(folder.resolve(file), StandardOpenOption.WRITE);
                channels.put(file, channel);
            }
            ByteBuffer rest = ByteBuffer.wrap(content);
            while (rest.hasRemaining()) {
                channel.write(rest, rest.position());
            }
            if (lengths.getOrDefault(file, Integer.MAX_VALUE) > content.length) {
                channel.truncate(content.length);
            }
            lengths.put(file, content.length);
        }

        private Try damaged(int number) {
            Philox draw = new Philox(SEED, Purpose.TEST, name.hashCode(), number, 0);
            Philox choice = new Philox(SEED, Purpose.TEST, name.hashCode(), number, 1);
            List<String> pool = choice.below(0, 2) == 0 ? preferred : names;
            String file = pool.get(choice.below(1, pool.size()));
            byte[] donor = files.get(names.get(choice.below(2, names.size())));
            Damage.Damaged damaged = Damage.of(files.get(file), donor, draw);
            return new Try(number, file, damaged, packing.apply(damaged.bytes()));
        }

        private void check(Try one) {
            long memory = THREADS.getCurrentThreadAllocatedBytes();
            long nanos = THREADS.getCurrentThreadCpuTime();
            boolean refused = false;
            Throwable failure = null;
            try {
                read(one.file, reader != null ? one.content : one.content.clone());
            } catch (UserError e) {
                refused = true;
                failure = complaint(e);
            } catch (Throwable e) {
                failure = e;
            }
            nanos = THREADS.getCurrentThreadCpuTime() - nanos;
            memory = THREADS.getCurrentThreadAllocatedBytes() - memory;
            if (failure == null && memory > MOST_MEMORY) {
                failure = new AssertionError("took " + memory + " bytes of heap");
            }
            if (failure == null && nanos > MOST_SECONDS * 1_000_000_000L) {
                failure = new AssertionError("took " + nanos / 1e9 + " s");
            }
            findings.count(refused, nanos / 1_000_000, memory);
            if (failure != null) {
                StackTraceElement[] trace = failure.getStackTrace();
                String key = failure.getClass().getName()
                        + Arrays.stream(trace).limit(2).toList();
                if (findings.isNew(key, describe(one) + "\n  " + story(failure))) {
                    keep(one);
                }
            }
        }

        private AssertionError complaint(UserError error) {
            String message = error.getMessage();
            String wrong = null;
            if (message.lines().count() != 1) {
                wrong = "is not one line";
            } else if (message.chars().anyMatch(c -> c != '\t' && Character.isISOControl(c))) {
                wrong = "has control characters";
            } else if (!message.contains(folder.toString())) {
                wrong = "names no file";
            } else if (message.length() > 4_500) {
                wrong = "is too long";
            }
            if (wrong == null) {
                return null;
            }
            AssertionError complaint = new AssertionError("the message " + wrong + ": " + message, error);
            complaint.setStackTrace(error.getStackTrace());
            return complaint;
        }

        private String describe(Try one) {
            return name + ", damaged file " + one.number + ", " + one.file + " (now " + one.content.length
                    + " bytes): " + one.damaged.story() + ". Again with -Dhornbeam.fuzz=1 -Dhornbeam.fuzz.first="
                    + one.number + " -Dhornbeam.fuzz.seed=" + SEED;
        }

        private String story(Throwable failure) {
            StringBuilder text = new StringBuilder(failure.toString());
            Arrays.stream(failure.getStackTrace())
                    .limit(12)
                    .forEach(frame -> text.append("\n    at ").append(frame));
            return text.append(failure.getCause() == null ? "" : "\n    because of " + failure.getCause())
                    .toString();
        }

        private void keep(Try one) {
            Path place = Path.of(
                    "target",
                    "damaged",
                    name.replace(' ', '-') + "-" + one.number,
                    Path.of(one.file).getFileName().toString());
            try {
                Files.createDirectories(place.getParent());
                Files.write(place, one.content);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
