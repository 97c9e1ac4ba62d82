package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class BatchLoaderTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    /** What a batch held, copied out of the loader's arrays. */
    private record Seen(int epoch, int index, boolean last, List<Integer> positions, List<Integer> labels, int pixels) {
        static Seen of(Batch batch) {
            return new Seen(
                    batch.epoch(),
                    batch.index(),
                    batch.lastOfEpoch(),
                    Arrays.stream(batch.positions(), 0, batch.size()).boxed().toList(),
                    Arrays.stream(batch.labels(), 0, batch.size()).boxed().toList(),
                    Arrays.hashCode(Arrays.copyOf(
                            batch.images(), batch.size() * batch.height() * batch.width() * batch.channels())));
        }
    }

    private static List<Seen> read(BatchLoader loader, int count) {
        List<Seen> seen = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            seen.add(Seen.of(loader.next()));
        }
        return seen;
    }

    private static BatchLoader.Builder loader(ImageSet set, int batchSize) {
        return BatchLoader.of(set, Augmentation.of(Normalization.none(1), 2, true, 5))
                .batchSize(batchSize)
                .shuffle(17);
    }

    @Property(tries = 150)
    void batchesDoNotDependOnWorkersOrPrefetch(
            @ForAll @IntRange(min = 1, max = 60) int images,
            @ForAll @IntRange(min = 1, max = 20) int batchSize,
            @ForAll @IntRange(min = 1, max = 4) int workers,
            @ForAll @IntRange(min = 1, max = 9) int prefetch) {
        ImageSet set = TestImages.random(images, 4, 5, 1, 3, 1);
        assertTimeoutPreemptively(LONG, () -> {
            try (BatchLoader alone = loader(set, batchSize).workers(0).open();
                    BatchLoader together = loader(set, batchSize)
                            .workers(workers)
                            .prefetch(prefetch)
                            .open()) {
                int batches = 3 * alone.batchesPerEpoch() + 1;
                assertEquals(read(alone, batches), read(together, batches));
            }
        });
    }

    @Property(tries = 100)
    void everyEpochVisitsEveryImageOnce(
            @ForAll @IntRange(min = 1, max = 50) int images,
            @ForAll @IntRange(min = 1, max = 20) int batchSize,
            @ForAll boolean dropLast) {
        int size = Math.max(images, batchSize);
        ImageSet set = TestImages.random(size, 2, 2, 1, 3, 1);
        BatchLoader.Builder settings = loader(set, batchSize).workers(2).epochs(3);
        assertTimeoutPreemptively(LONG, () -> {
            try (BatchLoader loader = (dropLast ? settings.dropLast() : settings).open()) {
                for (int epoch = 0; epoch < 3; epoch++) {
                    List<Seen> seen = read(loader, loader.batchesPerEpoch());
                    int[] positions = seen.stream()
                            .flatMap(batch -> batch.positions().stream())
                            .mapToInt(Integer::intValue)
                            .sorted()
                            .toArray();
                    int[] order = new Philox(17, Purpose.SHUFFLE, 0, epoch, 0).permutation(size);
                    int delivered = dropLast ? size / batchSize * batchSize : size;
                    assertArrayEquals(
                            Arrays.stream(order).limit(delivered).sorted().toArray(), positions);
                    assertTrue(seen.getLast().last());
                    assertEquals(1, seen.stream().filter(Seen::last).count());
                    for (Seen batch : seen) {
                        for (int i = 0; i < batch.positions().size(); i++) {
                            assertEquals(
                                    set.label(batch.positions().get(i)),
                                    batch.labels().get(i));
                        }
                    }
                }
                assertFalse(loader.hasNext());
                assertThrows(NoSuchElementException.class, loader::next);
            }
        });
    }

    @Property(tries = 100)
    void aSavedPositionGoesOnWithTheSameBatches(
            @ForAll @IntRange(min = 1, max = 40) int images,
            @ForAll @IntRange(min = 1, max = 9) int batchSize,
            @ForAll @IntRange(max = 3) int workers,
            @ForAll @IntRange(max = 40) int before,
            @ForAll @IntRange(max = 40) int elsewhere) {
        ImageSet set = TestImages.random(images, 3, 3, 1, 3, 1);
        assertTimeoutPreemptively(LONG, () -> {
            try (BatchLoader first = loader(set, batchSize).workers(2).open();
                    BatchLoader second = loader(set, batchSize).workers(workers).open()) {
                read(first, before);
                BatchLoader.Position position = first.position();
                assertEquals(before, position.epoch() * first.batchesPerEpoch() + position.batch());
                List<Seen> expected = read(first, 12);
                assertEquals(position.epoch(), expected.getFirst().epoch());
                assertEquals(position.batch(), expected.getFirst().index());
                read(second, elsewhere);
                second.seek(position);
                assertEquals(position, second.position());
                assertEquals(expected, read(second, 12));
                // Back to where it was, in the same loader.
                first.seek(position);
                assertEquals(expected, read(first, 12));
            }
        });
    }

    @Test
    void withoutShufflingTheOrderIsThatOfTheSet() {
        ImageSet set = TestImages.random(7, 2, 2, 3, 3, 1);
        try (BatchLoader loader = BatchLoader.of(set, Augmentation.none(Normalization.none(3)))
                .batchSize(3)
                .epochs(1)
                .open()) {
            List<Seen> seen = read(loader, 3);
            assertEquals(List.of(0, 1, 2), seen.get(0).positions());
            assertEquals(List.of(6), seen.get(2).positions());
            assertFalse(loader.hasNext());
        }
        try (BatchLoader loader = BatchLoader.of(set, Augmentation.none(Normalization.none(3)))
                .batchSize(7)
                .open()) {
            Batch batch = loader.next();
            byte[] image = set.image(6);
            for (int k = 0; k < 12; k++) {
                assertEquals((image[k] & 0xff) / 255f, batch.images()[6 * 12 + k]);
            }
        }
    }

    @Test
    void epochsDiffer() {
        ImageSet set = TestImages.random(64, 2, 2, 1, 3, 1);
        try (BatchLoader loader = loader(set, 64).open()) {
            List<Seen> seen = read(loader, 3);
            assertEquals(3, seen.stream().map(Seen::positions).distinct().count());
        }
    }

    @Test
    void aFailureIsThrownWhereItsBatchIsDue() {
        ImageSet set = TestImages.random(40, 2, 2, 1, 3, 1);
        IllegalArgumentException cause = new IllegalArgumentException("bad image");
        Preparation failing = (images, position, epoch, out, offset, scratch) -> {
            if (position == 25) {
                throw cause;
            }
        };
        for (int workers : new int[] {0, 1, 3}) {
            assertTimeoutPreemptively(LONG, () -> {
                try (BatchLoader loader = BatchLoader.of(set, failing)
                        .batchSize(10)
                        .workers(workers)
                        .open()) {
                    read(loader, 2);
                    for (int attempt = 0; attempt < 2; attempt++) {
                        IllegalStateException error = assertThrows(IllegalStateException.class, loader::next);
                        assertSame(cause, error.getCause());
                        assertTrue(error.getMessage().startsWith("preparing batch 2 of epoch 0 failed: "));
                    }
                    loader.seek(new BatchLoader.Position(0, 3));
                    assertEquals(30, loader.next().positions()[0]);
                }
            });
        }
    }

    @Test
    void errorsForTheUserArePassedOn() {
        UserError cause = new UserError("file gone");
        Preparation failing = (images, position, epoch, out, offset, scratch) -> {
            throw cause;
        };
        try (BatchLoader loader =
                BatchLoader.of(TestImages.random(4, 2, 2, 1, 3, 1), failing).open()) {
            assertSame(cause, assertThrows(UserError.class, loader::next));
        }
    }

    @Test
    void closingEndsTheThreads() {
        BatchLoader loader =
                loader(TestImages.random(100, 2, 2, 1, 3, 1), 10).workers(3).open();
        loader.next();
        assertTrue(loaderThreads() >= 3);
        loader.close();
        loader.close();
        assertEquals(0, loaderThreads());
        assertThrows(IllegalStateException.class, loader::next);
        assertThrows(IllegalStateException.class, () -> loader.seek(new BatchLoader.Position(0, 0)));
    }

    private static long loaderThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("hornbeam-loader-"))
                .count();
    }

    @Test
    void settingsAreChecked() {
        ImageSet set = TestImages.random(10, 2, 2, 1, 3, 1);
        assertEquals(
                "batch size is 0; expected at least 1",
                assertThrows(UserError.class, () -> loader(set, 0).open()).getMessage());
        assertThrows(UserError.class, () -> loader(set, 1).workers(-1).open());
        assertThrows(UserError.class, () -> loader(set, 1).prefetch(0).open());
        assertThrows(UserError.class, () -> loader(set, 1).epochs(0).open());
        assertThrows(UserError.class, () -> loader(set.subset(), 1).open());
        assertEquals(
                "random: 10 images are too few for one full batch of 11; choose a smaller batch",
                assertThrows(UserError.class, () -> loader(set, 11).dropLast().open())
                        .getMessage());
        try (BatchLoader loader = loader(set, 5).open()) {
            UserError error = assertThrows(UserError.class, () -> loader.seek(new BatchLoader.Position(1, 2)));
            assertTrue(
                    error.getMessage().startsWith("cannot go on at batch 2 of epoch 1: an epoch has 2 batches here."));
        }
    }

    @ParameterizedTest
    @CsvSource({"0,false", "2,false", "0,true", "2,true"})
    void deliveringTakesNoMemory(int workers, boolean augmented) {
        ImageSet set = TestImages.random(256, 8, 8, 1, 3, 1);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        BatchLoader.Builder settings = augmented
                ? loader(set, 32)
                : BatchLoader.of(set, Augmentation.none(Normalization.none(1))).batchSize(32);
        try (BatchLoader loader = settings.workers(workers).open()) {
            IntStream.range(0, 100).forEach(i -> loader.next());
            long before = allocated(threads);
            int size = 0;
            for (int i = 0; i < 2000; i++) {
                size += loader.next().size();
            }
            long bytes = allocated(threads) - before;
            assertEquals(64_000, size);
            // Less than one small object for each of the 64,000 images: what is seen here is the counting itself.
            assertTrue(bytes < 128_000, bytes + " bytes for 2000 batches");
        }
    }

    // Bytes taken so far by this thread and the loader's.
    private static long allocated(ThreadMXBean threads) {
        long sum = threads.getCurrentThreadAllocatedBytes();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("hornbeam-loader-")) {
                sum += threads.getThreadAllocatedBytes(thread.threadId());
            }
        }
        return sum;
    }
}
