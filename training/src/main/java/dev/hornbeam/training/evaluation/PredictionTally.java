package dev.hornbeam.training.evaluation;

import dev.hornbeam.training.evaluation.Reliability.Bin;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Counts how good predictions are, batch by batch, and gives {@link PredictionMetrics} at the end.
 *
 * <p>Softmax and sums are in double precision. Of equal outputs the class with the lower index counts as the larger one. An
 * output that is not a number is larger than any other, so that an image with such outputs counts as wrong and makes the loss
 * NaN.
 */
public final class PredictionTally {
    private static final int MOST_RANKS = 5;

    private final List<String> classNames;
    private final int[] candidates;
    // By rank of the true class, from 0.
    private final long[] ranks;
    private final int[][] confusion;
    private final long[] binImages = new long[Reliability.BINS];
    private final double[] binConfidence = new double[Reliability.BINS];
    private final long[] binCorrect = new long[Reliability.BINS];
    private double loss;
    private double squares;
    private int images;

    /**
     * Starts at zero.
     *
     * @param classNames names of the network's classes, one per output
     * @throws IllegalArgumentException if there is none
     */
    public PredictionTally(List<String> classNames) {
        this(classNames, IntStream.range(0, classNames.size()).boxed().toList());
    }

    /**
     * Starts at zero, for networks of which only some classes count: the others' outputs are left out before the softmax, as
     * ImageNet-A and ImageNet-R are measured, which have 200 of a thousand classes.
     *
     * @param candidates indices of the classes that count, rising
     * @throws IllegalArgumentException if there is none, or one is not a class
     */
    public PredictionTally(List<String> classNames, List<Integer> candidates) {
        this.classNames = List.copyOf(classNames);
        this.candidates = candidates.stream().mapToInt(Integer::intValue).toArray();
        if (this.candidates.length == 0 || candidates.stream().anyMatch(c -> c < 0 || c >= classNames.size())) {
            throw new IllegalArgumentException(
                    "candidates are " + candidates + "; expected some of 0.." + (classNames.size() - 1));
        }
        this.ranks = new long[Math.min(MOST_RANKS, this.candidates.length)];
        this.confusion = new int[classNames.size()][];
    }

    /**
     * Adds a batch.
     *
     * @param logits the network's outputs, {@code n * classes} of them
     * @param labels the true classes, of which the first n count
     * @param n how many images
     * @throws IllegalArgumentException if there are fewer outputs than that, or a label is no class
     */
    public void add(float[] logits, int[] labels, int n) {
        int classes = classNames.size();
        if (logits.length < (long) n * classes || labels.length < n) {
            throw new IllegalArgumentException(logits.length + " outputs and " + labels.length + " labels for " + n
                    + " images of " + classes + " classes");
        }
        for (int i = 0; i < n; i++) {
            if (labels[i] < 0 || labels[i] >= classes) {
                throw new IllegalArgumentException("label " + labels[i] + " of " + classes + " classes");
            }
            add(logits, i * classes, labels[i]);
        }
    }

    /**
     * The negative log-likelihood of {@code label}, in nats, by the {@code classes} outputs that begin at {@code row}. One that
     * is not a number makes it NaN.
     */
    static double loss(float[] logits, int row, int classes, int label) {
        double max = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < classes; c++) {
            max = Math.max(max, logits[row + c]);
        }
        double sum = 0;
        for (int c = 0; c < classes; c++) {
            sum += Math.exp(logits[row + c] - max);
        }
        return Math.log(sum) - (logits[row + label] - max);
    }

    private void add(float[] logits, int row, int label) {
        int best = candidates[0];
        int rank = 0;
        for (int c : candidates) {
            if (isAbove(logits, row, c, best)) {
                best = c;
            }
            if (c != label && isAbove(logits, row, c, label)) {
                rank++;
            }
        }
        double max = logits[row + best];
        double sum = 0;
        double squaredSum = 0;
        for (int c : candidates) {
            double e = Math.exp(logits[row + c] - max);
            sum += e;
            squaredSum += e * e;
        }
        double confidence = 1 / sum;
        double right = Math.exp(logits[row + label] - max) / sum;
        loss += Math.log(sum) - (logits[row + label] - max);
        // (1 - p)^2 of the true class, p^2 of the others.
        squares += squaredSum / (sum * sum) - 2 * right + 1;
        if (rank < ranks.length && !Float.isNaN(logits[row + label])) {
            ranks[rank]++;
        }
        boolean correct = best == label && !Float.isNaN(logits[row + label]);
        if (confusion[label] == null) {
            confusion[label] = new int[classNames.size()];
        }
        confusion[label][best]++;
        int bin = Reliability.binOf(confidence);
        binImages[bin]++;
        binConfidence[bin] += Double.isNaN(confidence) ? 1 : confidence;
        binCorrect[bin] += correct ? 1 : 0;
        images++;
    }

    // Whether class a stands before class b.
    private static boolean isAbove(float[] logits, int row, int a, int b) {
        float x = logits[row + a];
        float y = logits[row + b];
        if (Float.isNaN(x) || Float.isNaN(y)) {
            return Float.isNaN(x) && (!Float.isNaN(y) || a < b);
        }
        return x > y || (x == y && a < b);
    }

    /** How many images were added. */
    public int images() {
        return images;
    }

    /**
     * What was found.
     *
     * @throws IllegalStateException if no image was added
     */
    public PredictionMetrics metrics() {
        if (images == 0) {
            throw new IllegalStateException("no image was counted");
        }
        List<Double> topK = new ArrayList<>();
        long right = 0;
        for (long atRank : ranks) {
            right += atRank;
            topK.add((double) right / images);
        }
        List<Bin> bins = new ArrayList<>();
        for (int b = 0; b < Reliability.BINS; b++) {
            double count = Math.max(1, binImages[b]);
            bins.add(new Bin(binImages[b], binConfidence[b] / count, binCorrect[b] / count));
        }
        List<ConfusionMatrix.Entry> entries = new ArrayList<>();
        for (int truth = 0; truth < confusion.length; truth++) {
            int[] row = confusion[truth];
            for (int predicted = 0; row != null && predicted < row.length; predicted++) {
                if (row[predicted] > 0) {
                    entries.add(new ConfusionMatrix.Entry(truth, predicted, row[predicted]));
                }
            }
        }
        return new PredictionMetrics(
                images,
                topK,
                loss / images,
                squares / images,
                new Reliability(bins),
                new ConfusionMatrix(classNames, entries));
    }

    @Override
    public String toString() {
        return images + " images, " + Arrays.toString(ranks) + " by rank of the true class";
    }
}
