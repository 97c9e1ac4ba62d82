package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.TensorScope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files of weights with bytes changed, cut off, put in, left out or moved: each is read, or refused by one clear error, and
 * none makes a reader take more memory than the file's size times four, and the few megabytes that opening a file and
 * describing it may take in any case.
 *
 * <p>The property {@code hornbeam.fuzz} says how many of each file; {@code hornbeam.fuzz.seed} is the seed of the draws, {@code
 * hornbeam.fuzz.first} the number of the first one, with which a failure is made again.
 */
final class WeightsMutationTest {
    private static final int EACH = Integer.getInteger("hornbeam.fuzz", 350);
    private static final int SEED = Integer.getInteger("hornbeam.fuzz.seed", 11);
    private static final int FIRST = Integer.getInteger("hornbeam.fuzz.first", 0);
    private static final int MANY = 2_000;

    /** What a pickle's objects may take in the smallest of files, and a megabyte for the rest. */
    private static final long FIXED = 5L << 20;

    /** Numbers that sizes and offsets break at. */
    private static final long[] EXTREMES = {
        0,
        1,
        -1,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0xffff,
        0x7fffffff,
        0x80000000L,
        0xffffffffL,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        1L << 40
    };

    @TempDir
    private Path folder;

    private Map<String, byte[]> seeds() throws IOException {
        Map<String, byte[]> seeds = new LinkedHashMap<>();
        for (String name : new String[] {
            "expected.safetensors",
            "torch.pth",
            "torch-protocol4.pth",
            "torch-legacy.pth",
            "torch-legacy1.pth",
            "checkpoint.pth",
            "numpy.pkl",
            "numpy5.pkl",
            "flax.msgpack"
        }) {
            try (InputStream in = WeightsMutationTest.class.getResourceAsStream("/weights/" + name)) {
                seeds.put(name, in.readAllBytes());
            }
        }
        Map<String, HostArray> arrays = new LinkedHashMap<>();
        arrays.put("a/kernel", HostArray.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
        arrays.put("b", HostArray.of(new long[] {5, -6}));
        arrays.put("c", HostArray.of(new byte[] {1, 2, 3}));
        for (boolean compress : new boolean[] {false, true}) {
            Path file = folder.resolve("seed.npz");
            Npz.write(file, arrays, compress);
            seeds.put(compress ? "compressed.npz" : "stored.npz", Files.readAllBytes(file));
        }
        Path array = folder.resolve("seed.npy");
        Npy.write(array, HostArray.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
        seeds.put("array.npy", Files.readAllBytes(array));
        return seeds;
    }

    /** Draws of one mutation. */
    private static final class Draws {
        private final Philox philox;
        private long element;

        Draws(int mutation) {
            philox = new Philox(SEED, Philox.Purpose.TEST, 7, mutation, 0);
        }

        int below(int bound) {
            return philox.below(element++, bound);
        }
    }

    private static byte[] mutated(byte[] seed, Draws draws) {
        byte[] bytes = seed;
        int changes = 1 + draws.below(3);
        for (int i = 0; i < changes && bytes.length > 16; i++) {
            bytes = changed(bytes, draws);
        }
        return bytes;
    }

    private static byte[] changed(byte[] bytes, Draws draws) {
        int at = draws.below(bytes.length - 8);
        int length = 1 + draws.below(Math.min(64, bytes.length - at - 1));
        byte[] copy = bytes.clone();
        switch (draws.below(8)) {
            case 0, 1 -> copy[at] = (byte) draws.below(256);
            case 2 -> copy[at] ^= (byte) (1 << draws.below(8));
            case 3 -> {
                long extreme = EXTREMES[draws.below(EXTREMES.length)];
                ByteBuffer buffer = ByteBuffer.wrap(copy)
                        .order(draws.below(4) == 0 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
                switch (draws.below(3)) {
                    case 0 -> buffer.putShort(at, (short) extreme);
                    case 1 -> buffer.putInt(at, (int) extreme);
                    default -> buffer.putLong(at, extreme);
                }
            }
            case 4 -> {
                return spliced(bytes, at, at + length, new byte[0]);
            }
            case 5 -> {
                // Something put in: a piece of the file itself, a hundred times now and then.
                int from = draws.below(bytes.length - 8);
                byte[] piece = java.util.Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + length));
                ByteArrayOutputStream more = new ByteArrayOutputStream();
                for (int i = draws.below(8) == 0 ? 100 : 1; i > 0; i--) {
                    more.writeBytes(piece);
                }
                return spliced(bytes, at, at, more.toByteArray());
            }
            case 6 -> System.arraycopy(bytes, draws.below(bytes.length - length), copy, at, length);
            default -> {
                return java.util.Arrays.copyOf(bytes, draws.below(4) == 0 ? bytes.length - 1 - draws.below(16) : at);
            }
        }
        return copy;
    }

    private static byte[] spliced(byte[] bytes, int from, int to, byte[] by) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(bytes, 0, from);
        out.writeBytes(by);
        out.write(bytes, to, bytes.length - to);
        return out.toByteArray();
    }

    @Test
    @Timeout(value = 3, unit = TimeUnit.HOURS)
    void mutatedFilesAreReadOrRefused() throws IOException {
        Map<String, byte[]> seeds = seeds();
        String[] names = seeds.keySet().toArray(String[]::new);
        Map<String, Integer> refused = new LinkedHashMap<>();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Path file = folder.resolve("mutated");
        long largest = 0;
        int mutations = EACH == 1 ? 1 : EACH * names.length;
        long start = System.nanoTime();
        for (int i = FIRST; i < FIRST + mutations; i++) {
            String name = names[i % names.length];
            byte[] bytes = mutated(seeds.get(name), new Draws(i));
            Files.write(file, bytes);
            String again = "mutation " + i + " of " + name + " (again with -Dhornbeam.fuzz=1 -Dhornbeam.fuzz.first=" + i
                    + " -Dhornbeam.fuzz.seed=" + SEED + ")";
            Engine.resetPeak(Device.cpu());
            long nativeBefore = Engine.memory().inUse();
            long heapBefore = threads.getCurrentThreadAllocatedBytes();
            try {
                read(name, file);
            } catch (TensorFileException e) {
                refused.merge(name, 1, Integer::sum);
                String message = e.getMessage();
                assertTrue(message.startsWith(file + ": "), message);
                assertEquals(1, message.lines().count(), message);
            } catch (RuntimeException | Error e) {
                throw new AssertionError(again, e);
            }
            long heap = threads.getCurrentThreadAllocatedBytes() - heapBefore;
            long outside = Engine.memory().peak() - nativeBefore;
            largest = Math.max(largest, heap + outside - 4L * bytes.length);
            assertTrue(
                    heap + outside <= FIXED + 4L * bytes.length,
                    again + ", " + bytes.length + " bytes: took " + heap + " bytes of heap and " + outside
                            + " outside");
        }
        for (String name : names) {
            assertTrue(
                    EACH < 100 || refused.getOrDefault(name, 0) > EACH / 4,
                    name + ": " + refused + " of " + EACH + " refused");
        }
        if (EACH >= MANY) {
            System.out.println(EACH + " mutations of each; refused " + refused + "; at most " + largest
                    + " bytes beyond four times a file's size; " + (System.nanoTime() - start) / 1_000_000_000 + " s");
        }
    }

    private static void read(String name, Path file) throws IOException {
        if (name.equals("array.npy")) {
            HostArray array = Npy.read(file);
            if (array.dtype().isFloating()) {
                array.toFloats();
            } else {
                array.toLongs();
            }
            return;
        }
        try (WeightsSource source = WeightsSource.open(file)) {
            for (StoredTensor tensor : source.tensors().values()) {
                if (tensor.readAs().isPresent()) {
                    try (var _ = TensorScope.open()) {
                        source.readTensor(tensor.name());
                    }
                }
            }
        }
    }
}
