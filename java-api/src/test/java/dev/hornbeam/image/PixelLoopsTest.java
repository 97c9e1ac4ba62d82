package dev.hornbeam.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.image.PixelLoops.Disk;
import dev.hornbeam.image.PixelLoops.Drops;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.tensor.TensorArgumentException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** That arguments arrive; the golden tests of the corruptions say that results are right. */
final class PixelLoopsTest {
    private static final Philox STREAM = new Philox(5, Purpose.TEST, 1, 2, 3);

    private static byte[] image(int height, int width) {
        byte[] image = new byte[3 * height * width];
        for (int k = 0; k < image.length; k++) {
            image[k] = (byte) (100 + STREAM.below(k, 50));
        }
        return image;
    }

    @Test
    void noiseIsThatOfTheStream() {
        byte[] in = image(4, 5);
        float[] levels = new float[in.length];
        PixelLoops.noise(in, levels, in.length, 3, false, STREAM);
        for (int k = 0; k < in.length; k++) {
            assertEquals((in[k] & 0xff) + 3 * STREAM.normal(k), levels[k], 0, "value " + k);
        }
        PixelLoops.noise(in, levels, in.length, 0.5f, true, STREAM);
        for (int k = 0; k < in.length; k++) {
            int level = in[k] & 0xff;
            assertEquals(level + level * (0.5f * STREAM.normal(k)), levels[k], 0, "value " + k);
        }
    }

    @Test
    void levelsAreMixedClippedAndCut() {
        byte[] in = {0, 100, (byte) 200, (byte) 255};
        byte[] other = {10, 20, (byte) 255, (byte) 255};
        float[] levels = new float[4];
        PixelLoops.mix(in, other, levels, 4, 0.5f, 0.75f);
        assertArrayEquals(new float[] {7.5f, 65, 291.25f, 318.75f}, levels);
        byte[] out = new byte[6];
        PixelLoops.cut(levels, out, 1, 4);
        assertArrayEquals(new byte[] {0, 7, 65, (byte) 255, (byte) 255, 0}, out);
    }

    @Test
    void gaussianIsAWeightedMean() {
        byte[] in = new byte[3 * 3];
        in[4] = 80;
        float[] levels = new float[9];
        PixelLoops.gaussian(in, levels, 1, 3, new double[] {0.5, 0.25});
        assertArrayEquals(new float[] {0, 20, 0, 0, 40, 0, 0, 20, 0}, levels, 1e-4f);
    }

    @Test
    void aDiskOfOnePixelChangesNothing() {
        byte[] in = image(3, 4);
        float[] levels = new float[in.length];
        int[] none = {};
        float[] noWeights = {};
        Disk pixel = new Disk(new int[] {0}, 0, 1, 0.5f, new float[] {1}, none, none, noWeights, none, noWeights);
        PixelLoops.defocus(in, levels, 3, 4, pixel);
        for (int k = 0; k < in.length; k++) {
            assertEquals((in[k] & 0xff) + 0.5f, levels[k], 0);
        }
    }

    @Test
    void mudIsBrown() {
        byte[] in = image(6, 6);
        float[] levels = new float[in.length];
        Drops everywhere = new Drops(1, 0, 0.5f, 1, true, new float[] {1}, new float[] {1});
        PixelLoops.spatter(in, levels, 6, 6, everywhere, STREAM);
        for (int k = 0; k < in.length; k += 3) {
            assertArrayEquals(new float[] {63, 42, 20}, Arrays.copyOfRange(levels, k, k + 3));
        }
    }

    @Test
    void fogOverBlackIsNothingAndOverWhiteIsNoDarkerThanItsShare() {
        float[] levels = new float[8 * 8 * 3];
        PixelLoops.fog(new byte[levels.length], levels, 8, 8, 1, 2, STREAM);
        for (float level : levels) {
            assertEquals(0, level);
        }
        byte[] white = new byte[levels.length];
        Arrays.fill(white, (byte) 255);
        PixelLoops.fog(white, levels, 8, 8, 1, 2, STREAM);
        float most = 0;
        for (float level : levels) {
            assertTrue(level >= 127.4f && level <= 255.1f, "level " + level);
            most = Math.max(most, level);
        }
        assertEquals(255, most, 0.1f);
    }

    @Test
    void jpegAndPixelateKeepAFlatImage() {
        byte[] in = new byte[20 * 30 * 3];
        Arrays.fill(in, (byte) 128);
        byte[] steps = new byte[64];
        Arrays.fill(steps, (byte) 9);
        byte[] out = new byte[in.length];
        PixelLoops.jpeg(in, out, 20, 30, steps, steps);
        assertArrayEquals(in, out);
        Arrays.fill(out, (byte) 0);
        PixelLoops.pixelate(in, out, 20, 30, 7, 11);
        assertArrayEquals(in, out);
    }

    @Test
    void wrongArgumentsAreRefused() {
        byte[] in = new byte[12];
        assertThrows(IllegalArgumentException.class, () -> PixelLoops.noise(in, new float[11], 12, 1, false, STREAM));
        assertThrows(IllegalArgumentException.class, () -> PixelLoops.cut(new float[12], in, 1, 12));
        assertThrows(
                IllegalArgumentException.class, () -> PixelLoops.gaussian(in, new float[12], 2, 3, new double[] {1}));
        assertThrows(
                IllegalArgumentException.class, () -> PixelLoops.gaussian(in, new float[12], 0, 3, new double[] {1}));
        TensorArgumentException larger =
                assertThrows(TensorArgumentException.class, () -> PixelLoops.pixelate(in, new byte[12], 2, 2, 3, 1));
        assertTrue(larger.getMessage().contains("3 x 1"), larger.getMessage());
    }
}
