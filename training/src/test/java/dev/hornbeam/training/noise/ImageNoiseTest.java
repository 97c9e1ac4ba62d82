package dev.hornbeam.training.noise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.TestImages;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class ImageNoiseTest {
    @Property(tries = 100)
    void permutationsKeepPixels(
            @ForAll @IntRange(min = 1, max = 6) int height,
            @ForAll @IntRange(min = 1, max = 6) int width,
            @ForAll boolean colour,
            @ForAll long seed) {
        int channels = colour ? 3 : 1;
        ImageSet set = TestImages.random(9, height, width, channels, 3, 5);
        for (ImageNoise noise : new ImageNoise[] {ImageNoise.RANDOM_PIXELS, ImageNoise.SHUFFLED_PIXELS}) {
            NoisyImages noisy = noise.apply(set, 1, Choice.INDEPENDENT, seed);
            assertEquals(9, noisy.count());
            ImageSet after = noisy.noisy();
            for (int i = 0; i < 9; i++) {
                assertEquals(pixels(set.image(i), channels), pixels(after.image(i), channels));
            }
            assertArrayEquals(set.labels(), after.labels());
        }
    }

    // How often each colour occurs.
    private static Map<List<Byte>, Integer> pixels(byte[] image, int channels) {
        Map<List<Byte>, Integer> counts = new HashMap<>();
        for (int p = 0; p < image.length; p += channels) {
            Byte[] pixel = new Byte[channels];
            for (int c = 0; c < channels; c++) {
                pixel[c] = image[p + c];
            }
            counts.merge(List.of(pixel), 1, Integer::sum);
        }
        return counts;
    }

    /** Images of which pixel p has the value p show the permutation. */
    @Test
    void oneOrderForAllOrOneForEach() {
        byte[] ramp = new byte[2 * 64];
        for (int k = 0; k < ramp.length; k++) {
            ramp[k] = (byte) (k % 64);
        }
        ImageSet set = TestImages.random(2, 8, 8, 1, 2, 1).withPixels(ramp);
        ImageSet shuffled =
                ImageNoise.SHUFFLED_PIXELS.apply(set, 1, Choice.INDEPENDENT, 3).noisy();
        assertArrayEquals(shuffled.image(0), shuffled.image(1));
        assertFalse(Arrays.equals(set.image(0), shuffled.image(0)));
        ImageSet random =
                ImageNoise.RANDOM_PIXELS.apply(set, 1, Choice.INDEPENDENT, 3).noisy();
        assertFalse(Arrays.equals(random.image(0), random.image(1)));
        // An image's order does not depend on what else is in the set.
        assertArrayEquals(
                random.image(1),
                ImageNoise.RANDOM_PIXELS
                        .apply(set.subset(1), 1, Choice.INDEPENDENT, 3)
                        .noisy()
                        .image(0));
    }

    /** Mean and deviation of the noise are those of the data, less what clipping and cutting to 8 bits take. */
    @Test
    void gaussianHasTheDatasMoments() {
        ImageSet random = TestImages.random(400, 8, 8, 3, 4, 7);
        byte[] pixels = new byte[400 * 192];
        byte[] one = new byte[192];
        for (int i = 0; i < 400; i++) {
            random.copyImage(i, one, 0);
            for (int k = 0; k < 192; k++) {
                // Deviations of about 9 around 80, 120 and 160, which clipping does not touch.
                pixels[i * 192 + k] = (byte) (80 + 40 * (k % 3) + (one[k] & 31) - 15);
            }
        }
        ImageSet set = random.withPixels(pixels);
        NoisyImages noisy = ImageNoise.GAUSSIAN.apply(set, .5, Choice.EXACT_COUNT, 2);
        assertEquals(200, noisy.count());
        double[][] of = {moments(set, set.size()), moments(noisy.noisy().subset(noisy.positions()), 200)};
        for (int c = 0; c < 3; c++) {
            // Cutting takes half a level off the mean; 12,800 values: five standard errors.
            assertEquals(of[0][c] - .5, of[1][c], 5 * of[0][3 + c] / Math.sqrt(12_800));
            assertEquals(of[0][3 + c], of[1][3 + c], 5 * of[0][3 + c] / Math.sqrt(2 * 12_800) + .02);
        }
        int[] chosen = noisy.positions();
        ImageSet after = noisy.noisy();
        for (int i = 0; i < 400; i++) {
            boolean replaced = Arrays.binarySearch(chosen, i) >= 0;
            assertEquals(!replaced, Arrays.equals(set.image(i), after.image(i)), "image " + i);
        }
        assertNotEquals(set.checksum(), after.checksum());
    }

    // Means of three channels, then their deviations.
    private static double[] moments(ImageSet set, int images) {
        double[] sums = new double[6];
        for (int i = 0; i < images; i++) {
            byte[] image = set.image(i);
            for (int k = 0; k < image.length; k++) {
                int value = image[k] & 0xff;
                sums[k % 3] += value;
                sums[3 + k % 3] += (double) value * value;
            }
        }
        double n = images * 64.0;
        for (int c = 0; c < 3; c++) {
            sums[c] /= n;
            sums[3 + c] = Math.sqrt(sums[3 + c] / n - sums[c] * sums[c]);
        }
        return sums;
    }
}
