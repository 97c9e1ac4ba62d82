package dev.hornbeam.training.noise;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * The ways of replacing labels by others, for experiments with label noise.
 *
 * <p>Papers mean two things by "r % symmetric noise"; both are here. With K classes the inclusive kind of {@link
 * Symmetric} draws from all K, so that r(K-1)/K of the labels are wrong in the end; the exclusive kind draws from the
 * K-1 others, so that r of them are.
 *
 * <p>Every draw comes from Philox (seed, LABEL_NOISE, a tensor for each use), element = the image's original index: an
 * image's fate does not depend on what else is in the set, unless an exact count is asked for. {@code docs/noise.md}
 * has the table of draws.
 */
public sealed interface LabelNoise {

    /**
     * Returns noisy labels for {@code set}.
     *
     * @throws UserError if the set does not fit the noise, as with too few classes
     */
    NoisyLabels apply(ImageSet set, long seed);

    /**
     * Returns the share of labels of {@code set} that are wrong in the end on average over seeds; NaN where only
     * {@link #apply} can tell.
     */
    double expectedError(ImageSet set);

    /** Which labels are chosen to be replaced. */
    enum Choice {
        /** Each label with probability r, independently of the others. */
        INDEPENDENT,
        /** Exactly round(r·n) of the n labels. */
        EXACT_COUNT
    }

    /**
     * Uniform noise: chosen labels are drawn anew.
     *
     * @param rate share r of the labels to replace, 0 to 1
     * @param inclusive whether they are drawn from all classes (self-adaptive training, RegSL, DivideMix) or from the
     *     other ones (co-teaching, PRL)
     * @param choice which labels are chosen
     */
    record Symmetric(double rate, boolean inclusive, Choice choice) implements LabelNoise {
        /** Checks the rate. */
        public Symmetric {
            LabelDraws.checkRate(rate);
        }

        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            LabelDraws draws = LabelDraws.of(set, seed);
            return draws.replace(draws.choose(rate, choice), i -> draws.uniformLabel(i, inclusive));
        }

        @Override
        public double expectedError(ImageSet set) {
            return inclusive ? rate * (set.classes() - 1) / set.classes() : rate;
        }
    }

    /** Class k becomes k+1, the last one 0 (co-teaching, PRL). */
    record PairFlip(double rate, Choice choice) implements LabelNoise {
        /** Checks the rate. */
        public PairFlip {
            LabelDraws.checkRate(rate);
        }

        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            LabelDraws draws = LabelDraws.of(set, seed);
            return draws.replace(draws.choose(rate, choice), i -> (set.label(i) + 1) % set.classes());
        }

        @Override
        public double expectedError(ImageSet set) {
            return rate;
        }
    }

    /** Class-dependent noise: the new label is drawn from the row of the right one. */
    record Transition(TransitionMatrix matrix) implements LabelNoise {
        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            matrix.checkClasses(set);
            LabelDraws draws = LabelDraws.of(set, seed);
            return draws.redraw(i -> draws.fromRow(i, matrix.row(set.label(i))));
        }

        @Override
        public double expectedError(ImageSet set) {
            matrix.checkClasses(set);
            return IntStream.range(0, set.size())
                    .mapToDouble(i -> 1 - matrix.row(set.label(i))[set.label(i)])
                    .average()
                    .orElse(0);
        }
    }

    /**
     * Uniform noise at a rate of its own for each class.
     *
     * @param rates one rate per class, 0 to 1
     * @param inclusive whether new labels are drawn from all classes or from the other ones
     */
    record ClassRates(List<Double> rates, boolean inclusive) implements LabelNoise {
        /** Checks the rates. */
        public ClassRates {
            rates = List.copyOf(rates);
            rates.forEach(LabelDraws::checkRate);
        }

        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            LabelDraws draws = checked(set, seed);
            return draws.replace(draws.choose(i -> rates.get(set.label(i))), i -> draws.uniformLabel(i, inclusive));
        }

        private LabelDraws checked(ImageSet set, long seed) {
            if (rates.size() != set.classes()) {
                throw new UserError("there are " + rates.size() + " rates of label noise, but " + set.name() + " has "
                        + set.classes() + " classes; give one for each");
            }
            return LabelDraws.of(set, seed);
        }

        @Override
        public double expectedError(ImageSet set) {
            LabelDraws _ = checked(set, 0);
            double share = inclusive ? (set.classes() - 1.0) / set.classes() : 1;
            return share
                    * IntStream.range(0, set.size())
                            .mapToDouble(i -> rates.get(set.label(i)))
                            .average()
                            .orElse(0);
        }
    }

    /**
     * Uniform noise at a rate of its own for each image.
     *
     * @param rates rate of each image, 0 to 1, by its original index
     * @param inclusive whether new labels are drawn from all classes or from the other ones
     */
    record ImageRates(List<Float> rates, boolean inclusive) implements LabelNoise {
        /** Checks the rates. */
        public ImageRates {
            rates = List.copyOf(rates);
            rates.forEach(LabelDraws::checkRate);
        }

        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            LabelDraws draws = LabelDraws.of(set, seed);
            return draws.replace(draws.choose(i -> rateOf(set, i)), i -> draws.uniformLabel(i, inclusive));
        }

        private double rateOf(ImageSet set, int position) {
            int index = set.originalIndex(position);
            if (index >= rates.size()) {
                throw new UserError("there are " + rates.size() + " rates of label noise, but " + set.name()
                        + " has an image " + index + "; give one rate for each image of the published order");
            }
            return rates.get(index);
        }

        @Override
        public double expectedError(ImageSet set) {
            double share = inclusive ? (set.classes() - 1.0) / set.classes() : 1;
            return share
                    * IntStream.range(0, set.size())
                            .mapToDouble(i -> rateOf(set, i))
                            .average()
                            .orElse(0);
        }
    }

    /**
     * Chosen labels are drawn from a distribution over the classes, the same for all (RegSL's non-uniform noise).
     *
     * @param rate share of the labels to replace, 0 to 1
     * @param probabilities of each class, at least 0, summing to 1
     * @param choice which labels are chosen
     */
    record ClassProbabilities(double rate, List<Double> probabilities, Choice choice) implements LabelNoise {
        /** Checks rate and probabilities. */
        public ClassProbabilities {
            LabelDraws.checkRate(rate);
            probabilities = List.copyOf(probabilities);
            TransitionMatrix.checkRow("the probabilities of the classes", probabilities);
        }

        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            double[] row = row(set);
            LabelDraws draws = LabelDraws.of(set, seed);
            return draws.replace(draws.choose(rate, choice), i -> draws.fromRow(i, row));
        }

        private double[] row(ImageSet set) {
            if (probabilities.size() != set.classes()) {
                throw new UserError("there are " + probabilities.size() + " probabilities of classes, but " + set.name()
                        + " has " + set.classes() + " classes; give one for each");
            }
            return probabilities.stream().mapToDouble(Double::doubleValue).toArray();
        }

        @Override
        public double expectedError(ImageSet set) {
            double[] row = row(set);
            return rate
                    * IntStream.range(0, set.size())
                            .mapToDouble(i -> 1 - row[set.label(i)])
                            .average()
                            .orElse(0);
        }
    }

    /**
     * The adversary that gives all chosen images one label (PRL).
     *
     * @param rate share of the images, 0 to 1
     * @param label the class; empty lets the seed choose
     * @param choice which images are chosen; those of that class stay right
     */
    record FixedClass(double rate, OptionalInt label, Choice choice) implements LabelNoise {
        /** Checks the rate. */
        public FixedClass {
            LabelDraws.checkRate(rate);
        }

        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            LabelDraws draws = LabelDraws.of(set, seed);
            int target = label.orElseGet(() -> draws.anyClass());
            if (target < 0 || target >= set.classes()) {
                throw new UserError("label noise to class " + target + ", but " + set.name() + " has classes 0.."
                        + (set.classes() - 1));
            }
            return draws.replace(draws.choose(rate, choice), _ -> target);
        }

        @Override
        public double expectedError(ImageSet set) {
            if (label.isEmpty()) {
                return Double.NaN;
            }
            return rate
                    * IntStream.range(0, set.size())
                            .filter(i -> set.label(i) != label.getAsInt())
                            .count()
                    / set.size();
        }
    }

    /**
     * Instance-dependent noise of Xia et al. 2020 (Part-dependent label noise, Algorithm 2).
     *
     * <p>Image i is mislabelled with its own probability q_i from a normal distribution of mean {@code rate} and
     * deviation {@code spread}, cut off at 0 and 1. The wrong class is drawn from softmax(x_i W_y) over the classes but
     * y, with x_i the pixels scaled by the mean and deviation of the set's channels and W_y one matrix of standard normal
     * numbers per class.
     *
     * @param rate mean of the images' rates before they are cut off, 0 to 1
     * @param spread their standard deviation, 0.1 in the paper
     */
    record InstanceDependent(double rate, double spread) implements LabelNoise {
        /** Checks the rate and its spread. */
        public InstanceDependent {
            LabelDraws.checkRate(rate);
            if (!(spread >= 0 && spread <= 10)) {
                throw new UserError("rates of label noise with a spread of " + spread + "; expected 0..10");
            }
        }

        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            return new RandomProjection(set, rate, spread, seed).labels();
        }

        @Override
        public double expectedError(ImageSet set) {
            return RandomProjection.meanRate(rate, spread);
        }
    }

    /**
     * The adversary that gives chosen images the class that a network finds most likely among the wrong ones (PRL).
     *
     * @param rate share of the images, 0 to 1
     * @param choice which images are chosen
     * @param scores what the network says of each image of the set
     */
    record MostLikelyWrong(double rate, Choice choice, ClassScores scores) implements LabelNoise {
        /** Checks the rate. */
        public MostLikelyWrong {
            LabelDraws.checkRate(rate);
        }

        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            scores.checkFits(set);
            LabelDraws draws = LabelDraws.of(set, seed);
            return draws.replace(draws.choose(rate, choice), i -> scores.bestBut(i, set.label(i)));
        }

        @Override
        public double expectedError(ImageSet set) {
            return rate;
        }
    }

    /**
     * Instance-dependent noise by a network (Chen et al. 2021, Beyond class-conditional assumption).
     *
     * <p>Each image's most likely wrong class j has the score s_ij; the round(rate·n) images with the largest of them, and
     * of equal ones those first in the set, get that class. Nothing is drawn.
     *
     * @param rate share of the images, 0 to 1
     * @param scores what the network says of each image of the set
     */
    record LeastSure(double rate, ClassScores scores) implements LabelNoise {
        /** Checks the rate. */
        public LeastSure {
            LabelDraws.checkRate(rate);
        }

        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            scores.checkFits(set);
            LabelDraws draws = LabelDraws.of(set, seed);
            int[] best = new int[set.size()];
            Arrays.setAll(best, i -> scores.bestBut(i, set.label(i)));
            int[] order = IntStream.range(0, set.size())
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer i) -> -scores.of(i, best[i])))
                    .mapToInt(Integer::intValue)
                    .toArray();
            boolean[] chosen = new boolean[set.size()];
            for (int i = 0; i < Math.round(rate * chosen.length); i++) {
                chosen[order[i]] = true;
            }
            return draws.replace(chosen, i -> best[i]);
        }

        @Override
        public double expectedError(ImageSet set) {
            return set.size() == 0 ? 0 : (double) Math.round(rate * set.size()) / set.size();
        }
    }

    /**
     * Every label becomes the class that a network finds most likely (RegSL's labels of an auxiliary network).
     *
     * @param scores what the network says of each image of the set
     */
    record Predicted(ClassScores scores) implements LabelNoise {
        @Override
        public NoisyLabels apply(ImageSet set, long seed) {
            scores.checkFits(set);
            boolean[] all = new boolean[set.size()];
            Arrays.fill(all, true);
            return LabelDraws.of(set, seed).replace(all, scores::best);
        }

        @Override
        public double expectedError(ImageSet set) {
            return Double.NaN;
        }
    }
}
