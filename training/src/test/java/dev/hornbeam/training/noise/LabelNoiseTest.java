package dev.hornbeam.training.noise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.TestImages;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntFunction;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class LabelNoiseTest {
    private static final int CLASSES = 10;
    // Label of image i is i mod 10.
    private static final ImageSet MANY = TestImages.random(50_000, 1, 1, 1, CLASSES, 1);

    private static int count(boolean[] flags) {
        int count = 0;
        for (boolean flag : flags) {
            count += flag ? 1 : 0;
        }
        return count;
    }

    private static List<LabelNoise> ofOneRate(double rate, Choice choice) {
        return List.of(
                new LabelNoise.Symmetric(rate, true, choice),
                new LabelNoise.Symmetric(rate, false, choice),
                new LabelNoise.PairFlip(rate, choice));
    }

    /** Five standard deviations of a binomial share. */
    private static void assertShare(double expected, double actual, double images) {
        assertEquals(expected, actual, 5 * Math.sqrt(expected * (1 - expected) / images) + 1e-9);
    }

    /** r (K-1)/K wrong labels for the inclusive kind, r for the others. */
    @Test
    void independentChoiceHasTheExpectedRate() {
        for (double rate : new double[] {.2, .4, .8}) {
            for (LabelNoise noise : ofOneRate(rate, Choice.INDEPENDENT)) {
                NoisyLabels noisy = noise.apply(MANY, 3);
                boolean inclusive = noise instanceof LabelNoise.Symmetric s && s.inclusive();
                double wrong = inclusive ? rate * 9 / 10 : rate;
                assertEquals(wrong, noise.expectedError(MANY), 1e-12);
                assertShare(rate, count(noisy.chosen()) / 50_000.0, 50_000);
                assertShare(wrong, noisy.wrongCount() / 50_000.0, 50_000);
                assertEquals(noisy.wrongCount(), count(noisy.wrong()));
            }
        }
    }

    @Property(tries = 200)
    void exactCountIsExact(
            @ForAll @IntRange(min = 1, max = 300) int images,
            @ForAll @IntRange(min = 2, max = 12) int classes,
            @ForAll @DoubleRange(max = 1) double rate,
            @ForAll long seed) {
        ImageSet set = TestImages.random(images, 1, 1, 1, classes, 1);
        int expected = (int) Math.round(rate * images);
        for (LabelNoise noise : ofOneRate(rate, Choice.EXACT_COUNT)) {
            NoisyLabels noisy = noise.apply(set, seed);
            assertEquals(expected, count(noisy.chosen()));
            boolean inclusive = noise instanceof LabelNoise.Symmetric s && s.inclusive();
            if (!inclusive) {
                assertEquals(expected, noisy.wrongCount());
                assertArrayEquals(noisy.chosen(), noisy.wrong());
            }
            int[] labels = noisy.labels();
            for (int i = 0; i < images; i++) {
                assertTrue(labels[i] >= 0 && labels[i] < classes);
                assertTrue(noisy.chosen()[i] || labels[i] == set.label(i));
                if (noise instanceof LabelNoise.PairFlip && noisy.chosen()[i]) {
                    assertEquals((set.label(i) + 1) % classes, labels[i]);
                }
            }
            assertArrayEquals(set.labels(), noisy.cleanLabels());
            ImageSet after = set.withLabels(labels);
            assertArrayEquals(labels, after.labels());
            assertArrayEquals(set.labels(), after.trueLabels());
        }
    }

    /** Chi-square of the labels that images of {@code label} got against what is expected of each class. */
    private static double chiSquare(int[] labels, int label, IntFunction<Double> probability) {
        double[] counts = new double[CLASSES];
        double total = 0;
        for (int i = label; i < labels.length; i += CLASSES) {
            counts[labels[i]]++;
            total++;
        }
        double sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            double expected = total * probability.apply(c);
            if (expected == 0) {
                assertEquals(0, counts[c], "class " + c);
            } else {
                sum += (counts[c] - expected) * (counts[c] - expected) / expected;
            }
        }
        return sum;
    }

    /** 9 and 8 degrees of freedom, at one in a thousand. */
    @Test
    void symmetricNoiseIsUniform() {
        int[] inclusive = new LabelNoise.Symmetric(1, true, Choice.INDEPENDENT)
                .apply(MANY, 8)
                .labels();
        int[] exclusive = new LabelNoise.Symmetric(1, false, Choice.INDEPENDENT)
                .apply(MANY, 8)
                .labels();
        for (int k : new int[] {0, 4, 9}) {
            assertTrue(chiSquare(inclusive, k, c -> .1) < 27.9);
            assertTrue(chiSquare(exclusive, k, c -> c == k ? 0 : 1 / 9.0) < 26.1);
        }
    }

    @Test
    void transitionFollowsItsRows() {
        List<List<Double>> rows = new ArrayList<>();
        for (int k = 0; k < CLASSES; k++) {
            List<Double> row = new ArrayList<>(Collections.nCopies(CLASSES, 0.0));
            row.set(k, .5);
            row.set((k + 1) % CLASSES, .3);
            row.set((k + 5) % CLASSES, .2);
            rows.add(row);
        }
        LabelNoise noise = new LabelNoise.Transition(TransitionMatrix.of("here", rows));
        NoisyLabels noisy = noise.apply(MANY, 5);
        for (int k = 0; k < CLASSES; k++) {
            int right = k;
            // Two degrees of freedom, at one in ten thousand.
            assertTrue(chiSquare(noisy.labels(), k, c -> rows.get(right).get(c)) < 18.4);
        }
        assertEquals(.5, noise.expectedError(MANY), 1e-12);
        assertArrayEquals(noisy.wrong(), noisy.chosen());
    }

    @Test
    void ratesOfClassesAndImages() {
        List<Double> rates = List.of(0.0, .1, .2, .3, .4, .5, .6, .7, .8, 1.0);
        for (boolean inclusive : new boolean[] {false, true}) {
            LabelNoise byClass = new LabelNoise.ClassRates(rates, inclusive);
            int[] labels = byClass.apply(MANY, 6).labels();
            for (int k = 0; k < CLASSES; k++) {
                int right = k;
                double other = inclusive ? rates.get(k) / 10 : rates.get(k) / 9;
                double own = inclusive ? 1 - rates.get(k) * .9 : 1 - rates.get(k);
                assertTrue(chiSquare(labels, k, c -> c == right ? own : other) < 27.9, "class " + k);
            }
            assertEquals(inclusive ? .46 * .9 : .46, byClass.expectedError(MANY), 1e-12);
            // The same rates given image by image choose the same images.
            List<Float> each = new ArrayList<>();
            for (int i = 0; i < MANY.size(); i++) {
                each.add(rates.get(i % CLASSES).floatValue());
            }
            int[] byImage =
                    new LabelNoise.ImageRates(each, inclusive).apply(MANY, 6).labels();
            int different = 0;
            for (int i = 0; i < labels.length; i++) {
                different += labels[i] == byImage[i] ? 0 : 1;
            }
            // A rate rounded to f32 may pass one of the draws, which are multiples of 2^-24.
            assertTrue(different <= 3, different + " differ");
        }
    }

    @Test
    void probabilitiesOfClasses() {
        List<Double> probabilities = List.of(.3, .2, .1, .1, .1, .05, .05, .05, .05, 0.0);
        LabelNoise noise = new LabelNoise.ClassProbabilities(1, probabilities, Choice.EXACT_COUNT);
        int[] labels = noise.apply(MANY, 7).labels();
        assertTrue(chiSquare(labels, 3, probabilities::get) < 26.1);
        assertEquals(.9, noise.expectedError(MANY), 1e-12);
    }

    @Test
    void fixedClassTakesAllChosen() {
        LabelNoise noise = new LabelNoise.FixedClass(.3, OptionalInt.of(7), Choice.EXACT_COUNT);
        NoisyLabels noisy = noise.apply(MANY, 2);
        for (int i = 0; i < MANY.size(); i++) {
            assertEquals(noisy.chosen()[i] ? 7 : MANY.label(i), noisy.labels()[i]);
        }
        assertEquals(15_000, count(noisy.chosen()));
        assertShare(.27, noisy.wrongCount() / 50_000.0, 50_000);
        assertEquals(.27, noise.expectedError(MANY), 1e-12);
        // Without a class the seed decides; over some seeds it is not always the same.
        LabelNoise any = new LabelNoise.FixedClass(1, OptionalInt.empty(), Choice.INDEPENDENT);
        ImageSet few = MANY.first(20);
        long kinds = java.util.stream.IntStream.range(0, 20)
                .map(seed -> any.apply(few, seed).labels()[0])
                .distinct()
                .count();
        assertTrue(kinds > 3, kinds + " classes");
    }

    /** The share of wrong labels has the mean of the truncated normal distribution, and each class's map is another. */
    @Test
    void instanceDependentNoiseFollowsTheImage() {
        ImageSet set = TestImages.random(20_000, 3, 3, 1, 5, 9);
        for (double rate : new double[] {.1, .4, .95}) {
            LabelNoise noise = new LabelNoise.InstanceDependent(rate, .1);
            NoisyLabels noisy = noise.apply(set, 4);
            assertShare(noise.expectedError(set), noisy.wrongCount() / 20_000.0, 20_000);
        }
        assertEquals(.4, new LabelNoise.InstanceDependent(.4, .1).expectedError(set), 1e-4);
        // Cut off at 0 the mean of N(0, s) is s times the root of 2/π.
        assertEquals(.1 * Math.sqrt(2 / Math.PI), new LabelNoise.InstanceDependent(0, .1).expectedError(set), 1e-4);
        // The same pixels get the same wrong class most of the time: that is what the noise depends on.
        byte[] pixels = new byte[10_000 * 9];
        byte[] one = set.image(0);
        byte[] two = set.image(5);
        for (int i = 0; i < 10_000; i++) {
            System.arraycopy(i % 2 == 0 ? one : two, 0, pixels, 9 * i, 9);
        }
        ImageSet twins = set.first(10_000).withLabels(new int[10_000]).withPixels(pixels);
        int[] labels = new LabelNoise.InstanceDependent(.5, .1).apply(twins, 4).labels();
        double[][] counts = new double[2][5];
        for (int i = 0; i < labels.length; i++) {
            counts[i % 2][labels[i]]++;
        }
        double distance = 0;
        for (int c = 1; c < 5; c++) {
            distance += Math.abs(counts[0][c] - counts[1][c]) / 5000;
        }
        assertTrue(distance > .05, Arrays.deepToString(counts));
    }

    private static ClassScores scores(int images, int classes) {
        float[] scores = new float[images * classes];
        new Philox(3, Purpose.TEST, 0, 0, 0).uniforms(0, scores);
        return ClassScores.of(classes, scores);
    }

    @Test
    void networksChooseLabels() {
        ImageSet set = TestImages.random(1000, 1, 1, 1, 4, 1);
        ClassScores scores = scores(1000, 4);
        NoisyLabels wrong = new LabelNoise.MostLikelyWrong(.3, Choice.EXACT_COUNT, scores).apply(set, 5);
        assertEquals(300, wrong.wrongCount());
        NoisyLabels unsure = new LabelNoise.LeastSure(.25, scores).apply(set, 5);
        assertEquals(250, unsure.wrongCount());
        double leastChosen = 1;
        double mostLeft = 0;
        for (int i = 0; i < 1000; i++) {
            double best = 0;
            int bestClass = -1;
            for (int c = 0; c < 4; c++) {
                if (c != set.label(i) && scores.of(i, c) > best) {
                    best = scores.of(i, c);
                    bestClass = c;
                }
            }
            assertTrue(!wrong.chosen()[i] || wrong.labels()[i] == bestClass);
            if (unsure.chosen()[i]) {
                assertEquals(bestClass, unsure.labels()[i]);
                leastChosen = Math.min(leastChosen, best);
            } else {
                mostLeft = Math.max(mostLeft, best);
            }
        }
        assertTrue(leastChosen >= mostLeft, leastChosen + " chosen, " + mostLeft + " left");
        int[] predicted = new LabelNoise.Predicted(scores).apply(set, 5).labels();
        for (int i = 0; i < 1000; i++) {
            for (int c = 0; c < 4; c++) {
                assertTrue(scores.of(i, c) <= scores.of(i, predicted[i]));
            }
        }
    }

    @Test
    void anImagesFateDoesNotDependOnTheSubset() {
        ImageSet set = TestImages.random(1000, 2, 2, 1, 10, 1);
        for (LabelNoise noise : List.of(
                new LabelNoise.Symmetric(.5, false, Choice.INDEPENDENT),
                new LabelNoise.Symmetric(.5, true, Choice.INDEPENDENT),
                new LabelNoise.ClassRates(Collections.nCopies(10, .7), true))) {
            int[] all = noise.apply(set, 4).labels();
            int[] some = noise.apply(set.subset(999, 17, 400), 4).labels();
            assertArrayEquals(new int[] {all[999], all[17], all[400]}, some);
            assertFalse(Arrays.equals(all, noise.apply(set, 5).labels()));
        }
    }

    @Test
    void settingsAreChecked() {
        ImageSet set = TestImages.random(4, 1, 1, 1, 2, 1);
        ImageSet oneClass = TestImages.random(4, 1, 1, 1, 1, 1);
        for (double rate : new double[] {-0.1, 1.1, Double.NaN}) {
            assertThrows(UserError.class, () -> new LabelNoise.PairFlip(rate, Choice.INDEPENDENT));
        }
        assertThrows(UserError.class, () -> new LabelNoise.PairFlip(.1, Choice.INDEPENDENT).apply(oneClass, 1));
        assertEquals(
                "there are 3 rates of label noise, but random has 2 classes; give one for each",
                assertThrows(UserError.class, () -> new LabelNoise.ClassRates(List.of(.1, .2, .3), false).apply(set, 1))
                        .getMessage());
        assertEquals(
                "there are 3 rates of label noise, but random has an image 3; give one rate for each image of the"
                        + " published order",
                assertThrows(UserError.class, () -> new LabelNoise.ImageRates(List.of(0f, 0f, 0f), false).apply(set, 1))
                        .getMessage());
        assertEquals(
                "the probabilities of the classes: sums to 0.900000; expected 1",
                assertThrows(
                                UserError.class,
                                () -> new LabelNoise.ClassProbabilities(.1, List.of(.5, .4), Choice.INDEPENDENT))
                        .getMessage());
        assertThrows(
                UserError.class,
                () -> new LabelNoise.FixedClass(.1, OptionalInt.of(2), Choice.INDEPENDENT).apply(set, 1));
    }
}
