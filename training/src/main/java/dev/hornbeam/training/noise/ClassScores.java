package dev.hornbeam.training.noise;

import dev.hornbeam.training.data.ImageSet;

/** What a network says of each image of a set: one score per class, the larger the more likely. */
public final class ClassScores {
    private final int classes;
    private final float[] scores;

    private ClassScores(int classes, float[] scores) {
        this.classes = classes;
        this.scores = scores;
    }

    /**
     * Makes scores from numbers in the order [image][class].
     *
     * @param scores as many as images times classes; not copied
     * @throws IllegalArgumentException if there are no whole rows, or a number is not finite
     */
    public static ClassScores of(int classes, float[] scores) {
        if (classes < 1 || scores.length % classes != 0) {
            throw new IllegalArgumentException(scores.length + " scores for rows of " + classes + " classes");
        }
        for (int i = 0; i < scores.length; i++) {
            if (!Float.isFinite(scores[i])) {
                throw new IllegalArgumentException("score " + i + " is " + scores[i]);
            }
        }
        return new ClassScores(classes, scores);
    }

    /** Returns the number of images. */
    public int images() {
        return scores.length / classes;
    }

    /** Returns the score of a class for the image at {@code position}. */
    public float of(int position, int label) {
        return scores[position * classes + label];
    }

    /** Returns the class with the largest score for the image at {@code position}; of equal ones the first. */
    public int best(int position) {
        return bestBut(position, -1);
    }

    /** Returns the class with the largest score but for {@code excluded}; of equal ones the first. */
    public int bestBut(int position, int excluded) {
        int best = -1;
        for (int c = 0; c < classes; c++) {
            if (c != excluded && (best < 0 || of(position, c) > of(position, best))) {
                best = c;
            }
        }
        return best;
    }

    void checkFits(ImageSet set) {
        if (images() != set.size() || classes != set.classes()) {
            throw new IllegalArgumentException(
                    "scores of " + images() + " images and " + classes + " classes for " + set);
        }
    }
}
