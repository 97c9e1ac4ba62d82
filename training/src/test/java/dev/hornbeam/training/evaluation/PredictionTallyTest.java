package dev.hornbeam.training.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

final class PredictionTallyTest {
    private static final double EXACT = 1e-7;

    /** The logits whose softmax is that. */
    private static float[] logits(double... probabilities) {
        float[] logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i]);
        }
        return logits;
    }

    private static PredictionMetrics of(int classes, int[] labels, double... probabilities) {
        PredictionTally tally =
                new PredictionTally(List.of("a", "b", "c", "d", "e", "f", "g").subList(0, classes));
        tally.add(logits(probabilities), labels, labels.length);
        return tally.metrics();
    }

    @Test
    void numbersOfThreeImages() {
        PredictionMetrics metrics = of(
                3,
                new int[] {0, 1, 2},
                .8,
                .1,
                .1, //
                .6,
                .3,
                .1, //
                .5,
                .45,
                .05);
        assertEquals(3, metrics.images());
        assertEquals(List.of(1 / 3.0, 2 / 3.0, 1.0), metrics.topK());
        assertEquals(-(Math.log(.8) + Math.log(.3) + Math.log(.05)) / 3, metrics.loss(), EXACT);
        double brier = (.04 + .01 + .01 + .36 + .49 + .01 + .25 + .2025 + .9025) / 3;
        assertEquals(brier, metrics.brier(), EXACT);
        // Bins of 1/15: .8 is right in (.733, .8], .6 wrong in (.533, .6], .5 wrong in (.467, .533].
        assertEquals((.2 + .6 + .5) / 3, metrics.calibrationError(), EXACT);
        assertEquals(
                List.of(
                        new ConfusionMatrix.Entry(0, 0, 1),
                        new ConfusionMatrix.Entry(1, 0, 1),
                        new ConfusionMatrix.Entry(2, 0, 1)),
                metrics.confusion().entries());
    }

    // Two images in one bin: the errors of a bin cancel, those of different bins do not.
    @Test
    void calibrationErrorAveragesWithinABinFirst() {
        PredictionMetrics one = of(2, new int[] {0, 1}, .95, .05, .95, .05);
        assertEquals(.45, one.calibrationError(), EXACT);
        PredictionMetrics two = of(2, new int[] {0, 1}, .95, .05, .65, .35);
        assertEquals((.05 + .65) / 2, two.calibrationError(), EXACT);
    }

    @Test
    void binsAreOpenBelowAndClosedAbove() {
        assertEquals(0, Reliability.binOf(0));
        assertEquals(0, Reliability.binOf(1 / 15.0));
        assertEquals(1, Reliability.binOf(Math.nextUp(1 / 15.0)));
        assertEquals(14, Reliability.binOf(1));
        assertEquals(13, Reliability.binOf(14 / 15.0));
    }

    @Test
    void batchesAddUp() {
        float[] logits = {3, 1, 0, 2, 5, 1, 0, 0, 1, -4, 2, 2};
        int[] labels = {0, 2, 2, 1};
        PredictionTally whole = new PredictionTally(List.of("a", "b", "c"));
        whole.add(logits, labels, 4);
        PredictionTally parts = new PredictionTally(List.of("a", "b", "c"));
        for (int i = 0; i < 4; i++) {
            parts.add(new float[] {logits[3 * i], logits[3 * i + 1], logits[3 * i + 2]}, new int[] {labels[i]}, 1);
        }
        assertEquals(whole.metrics(), parts.metrics());
        // Of the equal outputs of the last image the first counts.
        assertEquals(.75, whole.metrics().accuracy());
    }

    @Test
    void onlySomeClassesCount() {
        PredictionTally tally = new PredictionTally(List.of("a", "b", "c", "d"), List.of(1, 3));
        tally.add(new float[] {9, 1, 8, 0, 9, 1, 8, 2}, new int[] {1, 1}, 2);
        PredictionMetrics metrics = tally.metrics();
        assertEquals(List.of(.5, 1.0), metrics.topK());
        double right = Math.log(1 + Math.exp(-1));
        assertEquals((right + right + 1) / 2, metrics.loss(), EXACT);
    }

    @Test
    void atMostTheBestFive() {
        PredictionTally tally = new PredictionTally(List.of("a", "b", "c", "d", "e", "f", "g"));
        tally.add(new float[] {7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1}, new int[] {4, 5}, 2);
        assertEquals(List.of(.0, .0, .0, .0, .5), tally.metrics().topK());
    }

    @Test
    void whatIsNotANumberIsWrong() {
        PredictionTally tally = new PredictionTally(List.of("a", "b"));
        tally.add(new float[] {Float.NaN, 0, 0, Float.NaN}, new int[] {0, 0}, 2);
        PredictionMetrics metrics = tally.metrics();
        assertEquals(0, metrics.accuracy());
        assertTrue(Double.isNaN(metrics.loss()));
    }

    @Test
    void hugeOutputsDoNotOverflow() {
        PredictionTally tally = new PredictionTally(List.of("a", "b"));
        tally.add(new float[] {3e38f, -3e38f, 1000, 0}, new int[] {0, 1}, 2);
        assertEquals(500, tally.metrics().loss(), EXACT);
    }

    @Test
    void wrongUseIsRefused() {
        PredictionTally tally = new PredictionTally(List.of("a", "b"));
        assertThrows(IllegalStateException.class, tally::metrics);
        assertThrows(IllegalArgumentException.class, () -> tally.add(new float[] {1, 2}, new int[] {2}, 1));
        assertThrows(IllegalArgumentException.class, () -> tally.add(new float[] {1, 2}, new int[] {0, 1}, 2));
        assertThrows(IllegalArgumentException.class, () -> new PredictionTally(List.of("a"), List.of(1)));
        assertThrows(IllegalArgumentException.class, () -> new PredictionTally(List.of()));
    }

    @Test
    void tablesAsCsv() {
        PredictionMetrics metrics = of(2, new int[] {0, 1, 0}, .95, .05, .65, .35, .2, .8);
        assertEquals("true,a,b\na,1,1\nb,1,0\n", metrics.confusion().toCsv());
        List<String> lines = metrics.reliability().toCsv().lines().toList();
        assertEquals(16, lines.size());
        assertEquals("0.933333,1.000000,1,0.950000,1.000000", lines.get(15));
        assertEquals("0.000000,0.066667,0,,", lines.get(1));
        assertEquals(
                List.of(new ConfusionMatrix.Entry(0, 1, 1), new ConfusionMatrix.Entry(1, 0, 1)),
                metrics.confusion().mostFrequent(5));
    }
}
