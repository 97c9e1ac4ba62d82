package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class AugmentationTest {
    private static float[] prepared(Preparation preparation, ImageSet set, int position, int epoch) {
        float[] out = new float[set.imageLength() + 3];
        preparation.prepare(set, position, epoch, out, 2, new byte[set.imageLength()]);
        assertEquals(0, out[0]);
        assertEquals(0, out[1]);
        assertEquals(0, out[out.length - 1]);
        return Arrays.copyOfRange(out, 2, out.length - 1);
    }

    @Test
    void withoutAugmentationPixelsAreOnlyNormalised() {
        ImageSet set = ImageSet.of(
                "x",
                Split.TRAIN,
                1,
                2,
                3,
                new byte[] {0, (byte) 255, 51, (byte) 204, 102, (byte) 153},
                new int[] {0},
                List.of("a"),
                List.of());
        Normalization normalization = new Normalization(List.of(0.5, 0.0, 0.2), List.of(0.5, 1.0, 0.1));
        // (x / 255 - mean) / std
        assertArrayEquals(
                new float[] {-1, 1, 0, 0.6f, 0.4f, 4}, prepared(Augmentation.none(normalization), set, 0, 3), 1e-6f);
    }

    /** The oracle: the padded image as an array, cut and mirrored pixel by pixel. */
    @Property(tries = 300)
    void cropsAndMirrorsLikeThePlainDefinition(
            @ForAll @IntRange(min = 1, max = 9) int height,
            @ForAll @IntRange(min = 1, max = 9) int width,
            @ForAll @IntRange(max = 12) int padding,
            @ForAll boolean flip,
            @ForAll boolean colour,
            @ForAll long seed,
            @ForAll @IntRange(max = 1000) int epoch) {
        int channels = colour ? 3 : 1;
        ImageSet set = TestImages.random(5, height, width, channels, 2, 9).subset(3, 4);
        Normalization normalization = new Normalization(
                colour ? List.of(0.4, 0.5, 0.6) : List.of(0.4), colour ? List.of(0.2, 0.3, 0.4) : List.of(0.2));
        float[] actual = prepared(Augmentation.of(normalization, padding, flip, seed), set, 1, epoch);

        Philox draw = new Philox(seed, Purpose.AUGMENT, 4, epoch, 0);
        int top = draw.below(0, 2 * padding + 1);
        int left = draw.below(1, 2 * padding + 1);
        boolean mirror = flip && draw.below(2, 2) == 1;
        int[][][] padded = new int[height + 2 * padding][width + 2 * padding][channels];
        byte[] image = set.image(1);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < channels; c++) {
                    padded[y + padding][x + padding][c] = image[(y * width + x) * channels + c] & 0xff;
                }
            }
        }
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < channels; c++) {
                    int pixel = padded[y + top][(mirror ? width - 1 - x : x) + left][c];
                    double expected = (pixel / 255.0 - normalization.mean().get(c))
                            / normalization.std().get(c);
                    assertEquals((float) expected, actual[(y * width + x) * channels + c]);
                }
            }
        }
    }

    @Test
    void drawsDifferByImageEpochAndStream() {
        ImageSet set = TestImages.random(2, 28, 28, 1, 2, 9);
        Augmentation augmentation = Augmentation.of(Normalization.none(1), 4, true, 11);
        float[] first = prepared(augmentation, set, 0, 0);
        assertArrayEquals(first, prepared(augmentation, set, 0, 0));
        int changed = 0;
        for (int epoch = 1; epoch <= 40; epoch++) {
            changed += Arrays.equals(first, prepared(augmentation, set, 0, epoch)) ? 0 : 1;
            changed += Arrays.equals(first, prepared(augmentation.withStream(epoch), set, 0, 0)) ? 0 : 1;
        }
        // 162 outcomes, so about one in 162 is the same by chance.
        assertTrue(changed >= 76, "changed " + changed + " of 80");
    }

    @Test
    void everyPlaceIsEquallyLikely() {
        // One white pixel in the middle of 3x3, padding 1: where it goes tells the offset.
        byte[] pixels = new byte[9];
        pixels[4] = (byte) 255;
        ImageSet set = ImageSet.of("x", Split.TRAIN, 3, 3, 1, pixels, new int[1], List.of("a"), List.of());
        Augmentation augmentation = Augmentation.of(Normalization.none(1), 1, false, 3);
        int[] counts = new int[9];
        int draws = 9000;
        for (int epoch = 0; epoch < draws; epoch++) {
            float[] image = prepared(augmentation, set, 0, epoch);
            for (int k = 0; k < 9; k++) {
                counts[k] += image[k] > 0.5 ? 1 : 0;
            }
        }
        // Chi-square with 8 degrees of freedom: 26.1 is exceeded once in a thousand seeds.
        double chiSquare = 0;
        for (int count : counts) {
            chiSquare += (count - draws / 9.0) * (count - draws / 9.0) / (draws / 9.0);
        }
        assertTrue(chiSquare < 26.1, "chi-square " + chiSquare + " of " + Arrays.toString(counts));
        assertEquals(draws, Arrays.stream(counts).sum());
    }

    @Test
    void settingsAreChecked() {
        assertThrows(UserError.class, () -> Augmentation.of(Normalization.none(1), -1, false, 0));
        ImageSet colour = TestImages.random(1, 2, 2, 3, 2, 9);
        UserError error =
                assertThrows(UserError.class, () -> prepared(Augmentation.none(Normalization.none(1)), colour, 0, 0));
        assertEquals(
                "random: images have 3 channels, but mean and standard deviation are given for 1", error.getMessage());
        assertThrows(UserError.class, () -> new Normalization(List.of(0.5), List.of(0.0)));
        assertThrows(UserError.class, () -> new Normalization(List.of(0.5), List.of(0.5, 0.5)));
        assertThrows(UserError.class, () -> new Normalization(List.of(Double.NaN), List.of(0.5)));
    }

    @Test
    void meanAndDeviationAreThoseOfThePixels() {
        byte[] pixels = {0, 10, (byte) 255, 10, 100, 10, 45, 10};
        ImageSet set = ImageSet.of("x", Split.TRAIN, 1, 2, 2, pixels, new int[2], List.of("a"), List.of());
        Normalization normalization = Normalization.of(set);
        // Channel 0: 0, 255, 100, 45 has mean 100 and variance (100² + 155² + 0 + 55²) / 4 = 9262.5.
        assertEquals(100 / 255.0, normalization.mean().get(0), 1e-15);
        assertEquals(Math.sqrt(9262.5) / 255, normalization.std().get(0), 1e-15);
        assertEquals(10 / 255.0, normalization.mean().get(1), 1e-15);
        assertEquals(1, normalization.std().get(1));
    }
}
