package dev.hornbeam.training.noise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Targets;
import dev.hornbeam.training.data.TestImages;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class TargetNoiseTest {
    private static final int IMAGES = 4000;
    private static final ImageSet SET = withTargets();

    // Columns of mean 0, 5, 10 and deviation 1, 2, 3.
    private static ImageSet withTargets() {
        float[] values = new float[3 * IMAGES];
        new Philox(2, Purpose.TEST, 0, 0, 0).normals(0, values);
        for (int k = 0; k < values.length; k++) {
            values[k] = 5 * (k % 3) + (k % 3 + 1) * values[k];
        }
        return TestImages.random(IMAGES, 4, 4, 1, 2, 3).withTargets(Targets.of(3, values));
    }

    @ParameterizedTest
    @EnumSource(TargetNoise.class)
    void onlyChosenRowsChange(TargetNoise noise) {
        TargetNoise.Result result = noise.apply(SET, .3, 2, Choice.EXACT_COUNT, 8);
        assertEquals(1200, result.chosen().size());
        int changed = 0;
        for (int i = 0; i < IMAGES; i++) {
            if (result.chosen().contains(i)) {
                changed += java.util.Arrays.equals(
                                result.clean().row(i), result.noisy().row(i))
                        ? 0
                        : 1;
            } else {
                assertArrayEquals(result.clean().row(i), result.noisy().row(i));
            }
        }
        // Random signs keep a row of three once in eight times: 1050 of 1200 change, give or take 11.5.
        assertTrue(noise == TargetNoise.RANDOM_SIGN ? Math.abs(changed - 1050) < 58 : changed == 1200, changed + "");
        // Another subset has the same fate, given the same choice; moments are those of the subset, so take a kind
        // without.
        if (noise == TargetNoise.SIGN || noise == TargetNoise.UNIFORM || noise == TargetNoise.ROTATE) {
            float[] all = noise.apply(SET, .5, 2, Choice.INDEPENDENT, 8).noisy().row(77);
            assertArrayEquals(
                    all,
                    noise.apply(SET.subset(3, 77), .5, 2, Choice.INDEPENDENT, 8)
                            .noisy()
                            .row(77));
        }
    }

    private static float[] column(TargetNoise noise, double size, int column) {
        Targets noisy = noise.apply(SET, 1, size, Choice.INDEPENDENT, 4).noisy();
        float[] values = new float[IMAGES];
        for (int i = 0; i < IMAGES; i++) {
            values[i] = noisy.row(i)[column];
        }
        return values;
    }

    private static double mean(float[] values) {
        double sum = 0;
        for (float v : values) {
            sum += v;
        }
        return sum / values.length;
    }

    private static double deviation(float[] values) {
        double mean = mean(values);
        double sum = 0;
        for (float v : values) {
            sum += (v - mean) * (v - mean);
        }
        return Math.sqrt(sum / values.length);
    }

    /** Five standard errors of 4000 draws. */
    private static void assertMoments(double mean, double deviation, float[] values) {
        assertEquals(mean, mean(values), 5 * deviation / Math.sqrt(IMAGES));
        assertEquals(deviation, deviation(values), 5 * deviation / Math.sqrt(2.0 * IMAGES));
    }

    @Test
    void momentsAreThoseOfTheKinds() {
        assertMoments(10, 3 * Math.sqrt(1 + .25), column(TargetNoise.GAUSSIAN, .5, 2));
        assertMoments(5, 2 * Math.sqrt(1 + 9), column(TargetNoise.OFFSET, 3, 1));
        assertMoments(0, 5 / Math.sqrt(3), column(TargetNoise.UNIFORM, 5, 2));
        assertMoments(-10, 3, column(TargetNoise.SIGN, 0, 2));
        assertMoments(0, Math.sqrt(109), column(TargetNoise.RANDOM_SIGN, 0, 2));
        assertMoments(10, 3, column(TargetNoise.ROTATE, 0, 0));
        // Sixteen weights of one draw: their mean square is not exactly 1.
        assertEquals(5, mean(column(TargetNoise.LINEAR, 0, 1)), .2);
        assertEquals(2, deviation(column(TargetNoise.LINEAR, 0, 1)), 1);
    }

    /** A linear function of the pixels: twice the distance from the mean image is twice the distance from the mean. */
    @Test
    void linearAdversaryIsLinear() {
        byte[] pixels = new byte[4 * 16];
        byte[] values = {10, 20, 30, 60};
        for (int i = 0; i < 4; i++) {
            java.util.Arrays.fill(pixels, 16 * i, 16 * i + 16, values[i]);
        }
        ImageSet set = SET.subset(0, 1, 2, 3).withPixels(pixels);
        Targets noisy =
                TargetNoise.LINEAR.apply(set, 1, 0, Choice.INDEPENDENT, 4).noisy();
        for (int c = 0; c < 3; c++) {
            double step = noisy.row(1)[c] - noisy.row(0)[c];
            assertEquals(step, noisy.row(2)[c] - noisy.row(1)[c], 1e-3 * Math.abs(step) + 1e-5);
            assertEquals(3 * step, noisy.row(3)[c] - noisy.row(2)[c], 1e-3 * Math.abs(step) + 1e-5);
        }
    }

    @Test
    void mixtureTakesEachKindOften() {
        Targets mixed =
                TargetNoise.MIXTURE.apply(SET, 1, 5, Choice.INDEPENDENT, 4).noisy();
        int known = 0;
        for (TargetNoise kind :
                new TargetNoise[] {TargetNoise.LINEAR, TargetNoise.SIGN, TargetNoise.UNIFORM, TargetNoise.ROTATE}) {
            Targets alone = kind.apply(SET, 1, 5, Choice.INDEPENDENT, 4).noisy();
            int same = 0;
            for (int i = 0; i < IMAGES; i++) {
                same += java.util.Arrays.equals(alone.row(i), mixed.row(i)) ? 1 : 0;
            }
            // A quarter each: 1000, standard deviation 27.
            assertEquals(1000, same, 137, kind.toString());
            known += same;
        }
        assertEquals(IMAGES, known);
    }

    @Test
    void settingsAreChecked() {
        assertThrows(UserError.class, () -> TargetNoise.SIGN.apply(SET, 2, 1, Choice.INDEPENDENT, 1));
        assertThrows(UserError.class, () -> TargetNoise.OFFSET.apply(SET, 1, -1, Choice.INDEPENDENT, 1));
        ImageSet without = TestImages.random(3, 1, 1, 1, 2, 1);
        assertEquals(
                "random: has no regression targets to put noise on",
                assertThrows(UserError.class, () -> TargetNoise.SIGN.apply(without, 1, 1, Choice.INDEPENDENT, 1))
                        .getMessage());
    }
}
