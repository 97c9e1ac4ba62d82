package dev.hornbeam.training.noise;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The ways of replacing a share r of the labels by others, for experiments with label noise.
 *
 * <p>Papers mean two things by "r % symmetric noise"; both are here. With K classes, {@link #SYMMETRIC_INCLUSIVE}
 * draws from all K, so that r(K-1)/K of the labels are wrong in the end; {@link #SYMMETRIC_EXCLUSIVE} draws from the
 * K-1 others, so that r of them are.
 */
public enum LabelNoise {
    /** The new label is drawn from all classes, the right one included (self-adaptive training, RegSL, DivideMix). */
    SYMMETRIC_INCLUSIVE,
    /** The new label is drawn from the other classes (co-teaching, PRL). */
    SYMMETRIC_EXCLUSIVE,
    /** Class k becomes k+1, the last one 0 (co-teaching, PRL). */
    PAIRFLIP;

    /** Which labels are chosen to be replaced. */
    public enum Choice {
        /** Each label with probability r, independently of the others, as the published code does. */
        INDEPENDENT,
        /** Exactly round(r·n) of the n labels. */
        EXACT_COUNT
    }

    // What the draws of one purpose are told apart by.
    private static final int CHOICE_DRAW = 0;
    private static final int LABEL_DRAW = 1;
    private static final int ORDER_DRAW = 2;

    /**
     * Returns the kind called {@code name}: symmetric-inclusive, symmetric-exclusive or pairflip.
     *
     * @throws UserError if there is none
     */
    public static LabelNoise named(String name) {
        String wanted = name.toUpperCase(Locale.ROOT).replace('-', '_');
        List<String> names = Arrays.stream(values()).map(LabelNoise::label).toList();
        return Arrays.stream(values())
                .filter(kind -> kind.name().equals(wanted))
                .findFirst()
                .orElseThrow(() -> new UserError("unknown label noise '" + name + "'; known: "
                        + String.join(", ", names) + NearestNames.didYouMean(name, names)));
    }

    /** Returns the name as users write it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * Returns noisy labels for {@code set}.
     *
     * <p>Draws come from Philox (seed, LABEL_NOISE, tensor 0 for the choice, 1 for the new label), element = the
     * image's original index, so an image's fate does not depend on what else is in the set; with
     * {@link Choice#EXACT_COUNT} it does: the first round(r·n) positions of a seeded order (tensor 2) are chosen.
     *
     * @param rate the share r of labels to replace, 0..1
     * @throws UserError if the rate is out of range or the set has fewer than two classes
     */
    public NoisyLabels apply(ImageSet set, double rate, Choice choice, long seed) {
        if (!(rate >= 0 && rate <= 1)) {
            throw new UserError("label noise at rate " + rate + "; expected 0..1");
        }
        int classes = set.classes();
        if (classes < 2) {
            throw new UserError(set.name() + ": label noise needs at least two classes, there are " + classes);
        }
        boolean[] chosen = choose(set, rate, choice, seed);
        int[] clean = set.labels();
        int[] noisy = clean.clone();
        Philox draw = new Philox(seed, Purpose.LABEL_NOISE, LABEL_DRAW, 0, 0);
        for (int i = 0; i < noisy.length; i++) {
            if (chosen[i]) {
                noisy[i] = replace(clean[i], classes, draw, set.originalIndex(i));
            }
        }
        return new NoisyLabels(clean, noisy, chosen);
    }

    private int replace(int label, int classes, Philox draw, int index) {
        return switch (this) {
            case SYMMETRIC_INCLUSIVE -> draw.below(index, classes);
            case SYMMETRIC_EXCLUSIVE -> (label + 1 + draw.below(index, classes - 1)) % classes;
            case PAIRFLIP -> (label + 1) % classes;
        };
    }

    private static boolean[] choose(ImageSet set, double rate, Choice choice, long seed) {
        boolean[] chosen = new boolean[set.size()];
        switch (choice) {
            case INDEPENDENT -> {
                Philox draw = new Philox(seed, Purpose.LABEL_NOISE, CHOICE_DRAW, 0, 0);
                for (int i = 0; i < chosen.length; i++) {
                    chosen[i] = draw.uniform(set.originalIndex(i)) < rate;
                }
            }
            case EXACT_COUNT -> {
                int[] order = new Philox(seed, Purpose.LABEL_NOISE, ORDER_DRAW, 0, 0).permutation(chosen.length);
                int count = (int) Math.round(rate * chosen.length);
                for (int i = 0; i < count; i++) {
                    chosen[order[i]] = true;
                }
            }
        }
        return chosen;
    }
}
