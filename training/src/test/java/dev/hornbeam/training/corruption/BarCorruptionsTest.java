package dev.hornbeam.training.corruption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The ten of C-bar on flat images, where their definitions say what comes out. */
final class BarCorruptionsTest {
    private static final int SIDE = 32;

    /** Returns the image of that level after each of a number of draws, one after the other. */
    private static byte[] corrupted(String name, int level, int severity, int draws) {
        byte[] all = new byte[draws * SIDE * SIDE * 3];
        byte[] image = new byte[SIDE * SIDE * 3];
        for (int i = 0; i < draws; i++) {
            Arrays.fill(image, (byte) level);
            CorruptedImages.corrupt(image, SIDE, SIDE, 3, Corruptions.named(name), severity, ConstantSet.CIFAR, 1, i);
            System.arraycopy(image, 0, all, i * image.length, image.length);
        }
        return all;
    }

    private static double share(byte[] image, int level) {
        int count = 0;
        for (byte value : image) {
            count += (value & 0xff) == level ? 1 : 0;
        }
        return (double) count / image.length;
    }

    private static double mean(byte[] image) {
        long sum = 0;
        for (byte value : image) {
            sum += value & 0xff;
        }
        return (double) sum / image.length;
    }

    private static double deviation(byte[] image) {
        double mean = mean(image);
        double squares = 0;
        for (byte value : image) {
            squares += ((value & 0xff) - mean) * ((value & 0xff) - mean);
        }
        return Math.sqrt(squares / image.length);
    }

    @Test
    void blueNoiseMakesTheShareBelowTheThresholdBlack() {
        // 0.3 * 4.2 - 2.5 = -1.24, below which are 10.7 % of a normal distribution; 0.3 * 0.7 - 2.5: 1.1 %.
        assertEquals(0.107, share(corrupted("blue_noise_sample", 200, 5, 100), 0), 0.005);
        assertEquals(0.011, share(corrupted("blue_noise_sample", 200, 1, 100), 0), 0.002);
        assertEquals(
                1,
                share(corrupted("blue_noise_sample", 200, 5, 10), 0)
                        + share(corrupted("blue_noise_sample", 200, 5, 10), 200));
    }

    @ParameterizedTest
    @ValueSource(ints = {12, 7, 28, 32})
    void spectralNoiseIsTheSumOfItsWaves(int side) {
        float[] drawn = new float[SpectralNoise.draws(side)];
        new Philox(3, Purpose.TEST, 0, 0, 0).uniforms(0, drawn);
        float[] field = new float[side * side];
        SpectralNoise.fill(field, side, square -> 1 / (square + 1), drawn, 0);
        // The same by the definition of the Fourier transform, phases from the reversed left half.
        int half = side / 2;
        double[] expected = new double[side * side];
        for (int row = 0; row < side; row++) {
            for (int column = 0; column < side; column++) {
                double phase = column < half
                        ? drawn[row * half + column]
                        : side % 2 == 1 && column == half
                                ? row == half ? 0 : drawn[side * half + Math.min(row, side - 1 - row)]
                                : drawn[(side - 1 - row) * half + side - 1 - column];
                double size = 1 / (Math.pow(row - side / 2.0, 2) + Math.pow(column - side / 2.0, 2) + 1);
                for (int y = 0; y < side; y++) {
                    for (int x = 0; x < side; x++) {
                        int wave = ((row + half) % side * y + (column + half) % side * x) % side;
                        expected[y * side + x] += size * Math.cos(2 * Math.PI * (phase + (double) wave / side));
                    }
                }
            }
        }
        double mean = Arrays.stream(expected).average().orElseThrow();
        double variance =
                Arrays.stream(expected).map(v -> (v - mean) * (v - mean)).sum() / expected.length;
        for (int i = 0; i < field.length; i++) {
            assertEquals(expected[i] / Math.sqrt(variance), field[i], 1e-5);
        }
    }

    @Test
    void brownishNoiseHasItsDeviation() {
        // 6.4 times 2.5, which 128 levels to either side are enough for, in every channel.
        byte[] image = corrupted("brownish_noise", 128, 1, 1);
        for (int c = 0; c < 3; c++) {
            byte[] channel = new byte[SIDE * SIDE];
            for (int i = 0; i < channel.length; i++) {
                channel[i] = image[3 * i + c];
            }
            assertEquals(16, deviation(channel), 0.2);
        }
        // The cut takes half a level off.
        assertEquals(127.5, mean(corrupted("brownish_noise", 128, 1, 100)), 2.5);
    }

    @Test
    void aWaveHasItsAmplitude() {
        byte[] image = corrupted("single_frequency_greyscale", 128, 5, 200);
        // 58.8 times the root of a half.
        assertEquals(58.8 / Math.sqrt(2), deviation(image), 1);
        for (int k = 0; k < image.length; k += 3) {
            assertTrue(Math.abs((image[k] & 0xff) - 128) <= 59);
            assertEquals(image[k], image[k + 1]);
            assertEquals(image[k], image[k + 2]);
        }
    }

    @Test
    void ringsAreRampsOfTheirHeight() {
        byte[] image = corrupted("cocentric_sine_waves", 128, 5, 200);
        // A ramp of 64 levels has the deviation 64 / √12.
        assertEquals(64 / Math.sqrt(12), deviation(image), 0.4);
        assertTrue(share(image, 128 - 33) == 0 && share(image, 128 + 33) == 0);
        assertTrue(share(image, 128 - 30) > 0.01 && share(image, 128 + 30) > 0.01);
    }

    @Test
    void halfOfTheSharesFieldsAreGrey() {
        assertEquals(0.25, share(corrupted("checkerboard_cutout", 10, 5, 400), 128), 0.02);
        assertEquals(0.05, share(corrupted("checkerboard_cutout", 10, 1, 400), 128), 0.01);
    }

    @Test
    void sparklesWhitenAndWhiteStaysWhite() {
        assertEquals(1, share(corrupted("sparkles", 255, 3, 20), 255));
        assertEquals(1, share(corrupted("inverse_sparkles", 255, 3, 20), 255));
        double before = 0;
        double inverseBefore = 0;
        for (int severity = 1; severity <= 5; severity++) {
            double now = mean(corrupted("sparkles", 0, severity, 50));
            double inverse = mean(corrupted("inverse_sparkles", 0, severity, 50));
            assertTrue(now > before && inverse > inverseBefore, now + " " + inverse);
            before = now;
            inverseBefore = inverse;
        }
    }

    @Test
    void perlinNoiseIsTheBrighterHalf() {
        // Half of the mixture at severity 5: from 63.75 up on black.
        byte[] image = corrupted("perlin_noise", 0, 5, 20);
        int least = 255;
        int most = 0;
        for (byte value : image) {
            least = Math.min(least, value & 0xff);
            most = Math.max(most, value & 0xff);
        }
        assertTrue(least >= 63 && least < 75, "least " + least);
        assertTrue(most <= 127 && most > 95, "most " + most);
    }

    @Test
    void plasmaMixesSinesIn() {
        // 44.8 levels: (1 - 44.8/255) * 128 = 105.5 and sines around it, of all phases.
        byte[] image = corrupted("plasma_noise", 128, 5, 200);
        assertEquals(105, mean(image), 2);
        assertEquals(44.8 / Math.sqrt(2), deviation(image), 1.5);
        assertTrue(share(image, 105 - 47) == 0 && share(image, 105 + 47) == 0);
    }

    @Test
    void waterBendsMoreTheStronger() {
        // On white: what comes from outside of the image is black, and slopes are shaded.
        double weak = 255 - mean(corrupted("caustic_refraction", 255, 1, 40));
        double strong = 255 - mean(corrupted("caustic_refraction", 255, 5, 40));
        assertTrue(weak > 1 && strong > 1.5 * weak && strong < 128, weak + " " + strong);
    }
}
