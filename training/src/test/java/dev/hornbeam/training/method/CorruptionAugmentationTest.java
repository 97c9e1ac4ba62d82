package dev.hornbeam.training.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Split;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class CorruptionAugmentationTest {
    private static final int N = 21;
    private static final int SIDE = 32;
    private static final int LENGTH = SIDE * SIDE * 3;
    private static final Normalization NORMALIZATION =
            new Normalization(List.of(0.49, 0.482, 0.447), List.of(0.247, 0.243, 0.261));

    private final byte[] pixels = new byte[N * LENGTH];

    CorruptionAugmentationTest() {
        Philox draws = new Philox(5, Philox.Purpose.TEST, 0, 0, 0);
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) draws.below(i, 256);
        }
    }

    @AfterEach
    void allThreads() {
        Engine.setThreads(0);
    }

    private static float[] normalised(byte[] bytes) {
        float[] table = NORMALIZATION.table();
        float[] values = new float[bytes.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = table[256 * (i % 3) + (bytes[i] & 0xff)];
        }
        return values;
    }

    private float[] perturbed(String corruption, List<Integer> severities, long step) {
        try (TensorScope _ = TensorScope.open()) {
            Samples samples = new Samples(Tensor.of(new long[N]), new int[N], 0, step);
            Tensor images = Tensor.of(normalised(pixels), N, SIDE, SIDE, 3);
            float[] result = new CorruptionAugmentation(Corruptions.named(corruption), severities, NORMALIZATION, 9)
                    .perturb(images, samples, null)
                    .toFloats();
            assertArrayEquals(normalised(pixels), images.toFloats(), "the batch itself is left alone");
            return result;
        }
    }

    private static float[] image(float[] batch, int place) {
        return Arrays.copyOfRange(batch, place * LENGTH, (place + 1) * LENGTH);
    }

    // Contrast draws nothing, so what comes out is known to the bit.
    @Test
    void halfOfTheBatchIsCorruptedAsTestImagesAre() {
        ImageSet clean = ImageSet.of("clean", Split.TEST, SIDE, SIDE, 3, pixels, new int[N], List.of("any"), List.of());
        float[][] known = new float[6][];
        known[0] = normalised(pixels);
        for (int severity = 1; severity <= 5; severity++) {
            ImageSet all = CorruptedImages.of(clean, Corruptions.named("contrast"), severity, 1, 1);
            byte[] bytes = new byte[pixels.length];
            for (int i = 0; i < N; i++) {
                all.copyImage(i, bytes, i * LENGTH);
            }
            known[severity] = normalised(bytes);
        }
        Set<Integer> everChanged = new TreeSet<>();
        Set<Integer> severities = new TreeSet<>();
        for (int step = 0; step < 12; step++) {
            float[] batch = perturbed("contrast", List.of(1, 3, 5), step);
            int changed = 0;
            for (int i = 0; i < N; i++) {
                int severity = 0;
                while (severity < 6 && !Arrays.equals(image(batch, i), image(known[severity], i))) {
                    severity++;
                }
                assertTrue(severity < 6, "image " + i + " is neither clean nor corrupted");
                if (severity > 0) {
                    changed++;
                    everChanged.add(i);
                    severities.add(severity);
                }
            }
            assertEquals(N / 2, changed, "step " + step);
        }
        assertEquals(Set.of(1, 3, 5), severities);
        assertEquals(N, everChanged.size(), "every place has its turn");
    }

    @Test
    void drawsDependOnTheStepAndNotOnThreads() {
        Engine.setThreads(1);
        float[] one = perturbed("gaussian_noise", List.of(2, 4), 3);
        Engine.setThreads(3);
        assertArrayEquals(one, perturbed("gaussian_noise", List.of(2, 4), 3));
        assertFalse(Arrays.equals(one, perturbed("gaussian_noise", List.of(2, 4), 4)));
    }

    @Test
    void severitiesMustBeGiven() {
        UserError e = assertThrows(UserError.class, () -> perturbed("contrast", List.of(), 0));
        assertTrue(e.getMessage().contains("contrast has no severities"), e.getMessage());
    }
}
