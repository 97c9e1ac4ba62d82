package dev.hornbeam.training.augmentation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.Batch;
import dev.hornbeam.training.data.BatchLoader;
import dev.hornbeam.training.data.BatchMixing;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.random.DrawSequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SampleMixingTest {
    private static final int SIDE = 8;
    private static final int CLASSES = 5;
    private static final long SEED = 21;

    @SuppressWarnings("ArrayRecordComponent") // Never compared as a whole.
    private record Seen(float[] images, float[] rows, int[] labels) {}

    private static ImageSet set(int count) {
        Philox draw = new Philox(3, Purpose.TEST, 0, 0, 0);
        byte[] pixels = new byte[count * SIDE * SIDE];
        int[] labels = new int[count];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) draw.below(i, 256);
        }
        Arrays.setAll(labels, i -> i % 4);
        return ImageSet.of("noise", Split.TRAIN, SIDE, SIDE, 1, pixels, labels, List.of("a", "b", "c", "d"), List.of());
    }

    private static List<Seen> load(ImageSet set, BatchMixing mixing, int workers, int from) {
        List<Seen> seen = new ArrayList<>();
        BatchLoader.Builder builder = BatchLoader.of(set, Augmentation.none(Normalization.none(1)))
                .batchSize(7)
                .shuffle(4)
                .workers(workers)
                .epochs(3);
        try (BatchLoader loader = (mixing == null ? builder : builder.mixing(mixing)).open()) {
            loader.seek(new BatchLoader.Position(from / loader.batchesPerEpoch(), from % loader.batchesPerEpoch()));
            while (loader.hasNext()) {
                Batch batch = loader.next();
                int n = batch.size();
                seen.add(new Seen(
                        Arrays.copyOf(batch.images(), n * SIDE * SIDE),
                        Arrays.copyOf(batch.softLabels(), mixing == null ? 0 : n * mixing.classes()),
                        Arrays.copyOf(batch.labels(), n)));
            }
        }
        return seen;
    }

    // What the batch draws first, and then the partners.
    private static int[] partners(DrawSequence draws, int n) {
        int[] order = new int[n];
        Arrays.setAll(order, i -> i);
        for (int i = n - 1; i > 0; i--) {
            int j = draws.below(i + 1);
            int moved = order[i];
            order[i] = order[j];
            order[j] = moved;
        }
        return order;
    }

    @Test
    void mixUpIsTheWeightedMean() {
        ImageSet set = set(25);
        List<Seen> plain = load(set, null, 0, 0);
        List<Seen> mixed = load(set, new SampleMixing(0.4, 0, 1, CLASSES, SEED), 0, 0);
        assertEquals(12, mixed.size());
        for (int b = 0; b < mixed.size(); b++) {
            Seen before = plain.get(b);
            Seen after = mixed.get(b);
            int n = before.labels().length;
            DrawSequence draws = new DrawSequence(SEED, Purpose.AUGMENT, b % 4, b / 4, 6);
            draws.uniform();
            double share = draws.beta(0.4, 0.4);
            int[] partners = partners(draws, n);
            assertArrayEquals(before.labels(), after.labels());
            for (int i = 0; i < n; i++) {
                for (int k = 0; k < SIDE * SIDE; k++) {
                    double expected = share * before.images()[i * SIDE * SIDE + k]
                            + (1 - share) * before.images()[partners[i] * SIDE * SIDE + k];
                    assertEquals(expected, after.images()[i * SIDE * SIDE + k], 1e-6);
                }
                float[] row = new float[CLASSES];
                row[before.labels()[i]] += (float) share;
                row[before.labels()[partners[i]]] += 1 - (float) share;
                assertArrayEquals(row, Arrays.copyOfRange(after.rows(), i * CLASSES, (i + 1) * CLASSES));
            }
        }
    }

    @Test
    void cutMixTakesOneWindowAndItsArea() {
        ImageSet set = set(28);
        List<Seen> plain = load(set, null, 0, 0);
        List<Seen> mixed = load(set, new SampleMixing(0, 1, 1, CLASSES, SEED), 0, 0);
        int windows = 0;
        for (int b = 0; b < mixed.size(); b++) {
            Seen before = plain.get(b);
            Seen after = mixed.get(b);
            int n = before.labels().length;
            DrawSequence draws = new DrawSequence(SEED, Purpose.AUGMENT, b % 4, b / 4, 6);
            draws.uniform();
            double side = Math.sqrt(1 - draws.beta(1, 1));
            int[] partners = partners(draws, n);
            int half = (int) (SIDE * side) / 2;
            int x = draws.below(SIDE);
            int y = draws.below(SIDE);
            int inside = 0;
            for (int i = 0; i < n; i++) {
                inside = 0;
                for (int k = 0; k < SIDE * SIDE; k++) {
                    boolean cut =
                            k % SIDE >= x - half && k % SIDE < x + half && k / SIDE >= y - half && k / SIDE < y + half;
                    inside += cut ? 1 : 0;
                    int from = cut ? partners[i] : i;
                    assertEquals(before.images()[from * SIDE * SIDE + k], after.images()[i * SIDE * SIDE + k]);
                }
                float[] row = new float[CLASSES];
                float own = 1 - inside / (float) (SIDE * SIDE);
                row[before.labels()[i]] += own;
                row[before.labels()[partners[i]]] += 1 - own;
                assertArrayEquals(row, Arrays.copyOfRange(after.rows(), i * CLASSES, (i + 1) * CLASSES));
            }
            windows += inside > 0 ? 1 : 0;
        }
        assertTrue(windows >= 6, windows + " of 12 batches had a window");
    }

    @Test
    void workersAndSeekingChangeNothing() {
        ImageSet set = set(25);
        BatchMixing mixing = new SampleMixing(0.2, 1, 0.7, CLASSES, SEED);
        List<Seen> alone = load(set, mixing, 0, 0);
        List<Seen> together = load(set, mixing, 3, 0);
        List<Seen> resumed = load(set, mixing, 1, 5);
        for (int i = 0; i < alone.size(); i++) {
            assertArrayEquals(alone.get(i).images(), together.get(i).images());
            assertArrayEquals(alone.get(i).rows(), together.get(i).rows());
            if (i >= 5) {
                assertArrayEquals(alone.get(i).images(), resumed.get(i - 5).images());
            }
        }
    }

    @Test
    void someBatchesStayAsTheyAre() {
        ImageSet set = set(28);
        List<Seen> plain = load(set, null, 0, 0);
        List<Seen> mixed = load(set, new SampleMixing(1, 0, 0.5, CLASSES, SEED), 0, 0);
        int same = 0;
        for (int b = 0; b < mixed.size(); b++) {
            boolean untouched = new Philox(SEED, Purpose.AUGMENT, b % 4, b / 4, 6).uniform(0) >= 0.5;
            assertEquals(
                    untouched, Arrays.equals(plain.get(b).images(), mixed.get(b).images()));
            if (untouched) {
                same++;
                for (int i = 0; i < mixed.get(b).labels().length; i++) {
                    assertEquals(
                            1, mixed.get(b).rows()[i * CLASSES + mixed.get(b).labels()[i]]);
                }
            }
            for (int i = 0; i < mixed.get(b).labels().length; i++) {
                float sum = 0;
                for (int c = 0; c < CLASSES; c++) {
                    sum += mixed.get(b).rows()[i * CLASSES + c];
                }
                assertEquals(1, sum, 1e-6);
            }
        }
        assertTrue(same > 0 && same < mixed.size());
    }

    @Test
    void settingsAreChecked() {
        assertThrows(UserError.class, () -> new SampleMixing(-1, 0, 1, 3, 0));
        assertThrows(UserError.class, () -> new SampleMixing(1, 0, 1.5, 3, 0));
    }
}
