package dev.hornbeam.training.noise;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntUnaryOperator;

/** The draws that kinds of label noise share, for the images of one set. */
final class LabelDraws {
    private final ImageSet set;
    private final long seed;
    private final Philox choice;
    private final Philox label;

    private LabelDraws(ImageSet set, long seed) {
        this.set = set;
        this.seed = seed;
        this.choice = NoiseDraw.of(seed, NoiseDraw.CHOICE);
        this.label = NoiseDraw.of(seed, NoiseDraw.LABEL);
    }

    static LabelDraws of(ImageSet set, long seed) {
        if (set.classes() < 2) {
            throw new UserError(set.name() + ": label noise needs at least two classes, there are " + set.classes());
        }
        return new LabelDraws(set, seed);
    }

    static void checkRate(double rate) {
        if (!(rate >= 0 && rate <= 1)) {
            throw new UserError("noise at rate " + rate + "; expected 0..1");
        }
    }

    /** Chooses a share of the images. */
    boolean[] choose(double rate, Choice how) {
        return choose(set, rate, how, seed);
    }

    /** Chooses a share of the images of any set. */
    static boolean[] choose(ImageSet set, double rate, Choice how, long seed) {
        return choose(set.size(), set::originalIndex, rate, how, seed);
    }

    /** Chooses a share of {@code count} things, each with an index of its own. */
    static boolean[] choose(int count, IntUnaryOperator index, double rate, Choice how, long seed) {
        checkRate(rate);
        boolean[] chosen = new boolean[count];
        switch (how) {
            case INDEPENDENT -> {
                Philox draw = NoiseDraw.of(seed, NoiseDraw.CHOICE);
                for (int i = 0; i < count; i++) {
                    chosen[i] = draw.uniform(index.applyAsInt(i)) < rate;
                }
            }
            case EXACT_COUNT -> {
                int[] order = NoiseDraw.of(seed, NoiseDraw.ORDER).permutation(count);
                for (int i = 0; i < Math.round(rate * count); i++) {
                    chosen[order[i]] = true;
                }
            }
        }
        return chosen;
    }

    /** Chooses each image with a probability of its own. */
    boolean[] choose(IntToDoubleFunction rate) {
        boolean[] chosen = new boolean[set.size()];
        for (int i = 0; i < chosen.length; i++) {
            chosen[i] = choice.uniform(set.originalIndex(i)) < rate.applyAsDouble(i);
        }
        return chosen;
    }

    /** A label for the image at a position, all equally likely: of all classes, or of all but its own. */
    int uniformLabel(int position, boolean inclusive) {
        int index = set.originalIndex(position);
        int classes = set.classes();
        return inclusive
                ? label.below(index, classes)
                : (set.label(position) + 1 + label.below(index, classes - 1)) % classes;
    }

    /** A label for the image at a position, with these probabilities. */
    int fromRow(int position, double[] probabilities) {
        return fromRow(label.uniform(set.originalIndex(position)), probabilities);
    }

    /** The first class whose probability, added to those before, is above {@code uniform}. */
    static int fromRow(double uniform, double[] probabilities) {
        double sum = 0;
        int last = 0;
        for (int c = 0; c < probabilities.length; c++) {
            if (probabilities[c] > 0) {
                sum += probabilities[c];
                last = c;
                if (uniform < sum) {
                    return c;
                }
            }
        }
        // The sum may miss 1 by rounding.
        return last;
    }

    /** One class for all. */
    int anyClass() {
        return NoiseDraw.of(seed, NoiseDraw.CLASS).below(0, set.classes());
    }

    /** Replaces the labels of the chosen images. */
    NoisyLabels replace(boolean[] chosen, IntUnaryOperator newLabel) {
        int[] clean = set.labels();
        int[] noisy = clean.clone();
        for (int i = 0; i < noisy.length; i++) {
            if (chosen[i]) {
                noisy[i] = newLabel.applyAsInt(i);
            }
        }
        return new NoisyLabels(clean, noisy, chosen);
    }

    /** Draws all labels anew; those that changed count as chosen. */
    NoisyLabels redraw(IntUnaryOperator newLabel) {
        int[] clean = set.labels();
        int[] noisy = new int[clean.length];
        boolean[] changed = new boolean[clean.length];
        for (int i = 0; i < noisy.length; i++) {
            noisy[i] = newLabel.applyAsInt(i);
            changed[i] = noisy[i] != clean[i];
        }
        return new NoisyLabels(clean, noisy, changed);
    }
}
