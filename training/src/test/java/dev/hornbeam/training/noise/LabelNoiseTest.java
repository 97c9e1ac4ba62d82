package dev.hornbeam.training.noise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.TestImages;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LabelNoiseTest {
    private static int count(boolean[] flags) {
        int count = 0;
        for (boolean flag : flags) {
            count += flag ? 1 : 0;
        }
        return count;
    }

    /** The share of wrong labels: r (K-1)/K for the inclusive kind, r for the others; five standard deviations. */
    @ParameterizedTest
    @CsvSource({
        "SYMMETRIC_INCLUSIVE, 0.4, 0.36",
        "SYMMETRIC_INCLUSIVE, 0.8, 0.72",
        "SYMMETRIC_EXCLUSIVE, 0.5, 0.5",
        "PAIRFLIP, 0.45, 0.45"
    })
    void independentChoiceHasTheExpectedRate(LabelNoise kind, double rate, double wrong) {
        ImageSet set = TestImages.random(50_000, 1, 1, 1, 10, 1);
        NoisyLabels noisy = kind.apply(set, rate, Choice.INDEPENDENT, 3);
        assertEquals(50_000 * rate, count(noisy.chosen()), 5 * Math.sqrt(50_000 * rate * (1 - rate)));
        assertEquals(50_000 * wrong, noisy.wrongCount(), 5 * Math.sqrt(50_000 * wrong * (1 - wrong)));
        assertEquals(noisy.wrongCount(), count(noisy.wrong()));
    }

    @Property(tries = 200)
    void exactCountIsExact(
            @ForAll @IntRange(min = 1, max = 300) int images,
            @ForAll @IntRange(min = 2, max = 12) int classes,
            @ForAll @DoubleRange(max = 1) double rate,
            @ForAll long seed) {
        ImageSet set = TestImages.random(images, 1, 1, 1, classes, 1);
        int expected = (int) Math.round(rate * images);
        for (LabelNoise kind : LabelNoise.values()) {
            NoisyLabels noisy = kind.apply(set, rate, Choice.EXACT_COUNT, seed);
            assertEquals(expected, count(noisy.chosen()));
            if (kind != LabelNoise.SYMMETRIC_INCLUSIVE) {
                assertEquals(expected, noisy.wrongCount());
                assertArrayEquals(noisy.chosen(), noisy.wrong());
            }
            int[] labels = noisy.labels();
            for (int i = 0; i < images; i++) {
                assertTrue(labels[i] >= 0 && labels[i] < classes);
                assertTrue(noisy.chosen()[i] || labels[i] == set.label(i));
                if (kind == LabelNoise.PAIRFLIP && noisy.chosen()[i]) {
                    assertEquals((set.label(i) + 1) % classes, labels[i]);
                }
            }
            assertArrayEquals(set.labels(), noisy.cleanLabels());
            assertArrayEquals(labels, set.withLabels(labels).labels());
        }
    }

    /** Chi-square of the new labels of one class, 9 and 8 degrees of freedom at one in a thousand. */
    @Test
    void symmetricNoiseIsUniform() {
        ImageSet set = TestImages.random(100_000, 1, 1, 1, 10, 1);
        for (LabelNoise kind : new LabelNoise[] {LabelNoise.SYMMETRIC_INCLUSIVE, LabelNoise.SYMMETRIC_EXCLUSIVE}) {
            int[] labels = kind.apply(set, 1, Choice.INDEPENDENT, 8).labels();
            double[] counts = new double[10];
            for (int i = 4; i < labels.length; i += 10) {
                counts[labels[i]]++;
            }
            boolean inclusive = kind == LabelNoise.SYMMETRIC_INCLUSIVE;
            double expected = inclusive ? 1000 : 10_000 / 9.0;
            double chiSquare = 0;
            for (int c = 0; c < 10; c++) {
                if (!inclusive && c == 4) {
                    assertEquals(0, counts[c]);
                } else {
                    chiSquare += (counts[c] - expected) * (counts[c] - expected) / expected;
                }
            }
            assertTrue(chiSquare < (inclusive ? 27.9 : 26.1), kind + ": " + chiSquare);
        }
    }

    @Test
    void anImagesFateDoesNotDependOnTheSubset() {
        ImageSet set = TestImages.random(1000, 1, 1, 1, 10, 1);
        int[] all = LabelNoise.SYMMETRIC_EXCLUSIVE
                .apply(set, 0.5, Choice.INDEPENDENT, 4)
                .labels();
        int[] some = LabelNoise.SYMMETRIC_EXCLUSIVE
                .apply(set.subset(999, 17, 400), 0.5, Choice.INDEPENDENT, 4)
                .labels();
        assertArrayEquals(new int[] {all[999], all[17], all[400]}, some);
        int[] other = LabelNoise.SYMMETRIC_EXCLUSIVE
                .apply(set, 0.5, Choice.INDEPENDENT, 5)
                .labels();
        assertFalse(Arrays.equals(all, other));
    }

    @Test
    void settingsAreChecked() {
        ImageSet set = TestImages.random(4, 1, 1, 1, 2, 1);
        ImageSet oneClass = TestImages.random(4, 1, 1, 1, 1, 1);
        for (double rate : new double[] {-0.1, 1.1, Double.NaN}) {
            assertThrows(UserError.class, () -> LabelNoise.PAIRFLIP.apply(set, rate, Choice.INDEPENDENT, 1));
        }
        assertThrows(UserError.class, () -> LabelNoise.PAIRFLIP.apply(oneClass, 0.1, Choice.INDEPENDENT, 1));
        assertEquals(LabelNoise.SYMMETRIC_INCLUSIVE, LabelNoise.named("symmetric-inclusive"));
        assertEquals(
                "unknown label noise 'pairflop'; known: symmetric-inclusive, symmetric-exclusive, pairflip; did you mean"
                        + " pairflip?",
                assertThrows(UserError.class, () -> LabelNoise.named("pairflop"))
                        .getMessage());
    }
}
