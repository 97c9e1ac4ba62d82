package dev.hornbeam.training.noise;

/** Labels after noise, with what is needed to judge a method by: the right labels and which ones are wrong now. */
public final class NoisyLabels {
    private final int[] clean;
    private final int[] noisy;
    private final boolean[] chosen;

    NoisyLabels(int[] clean, int[] noisy, boolean[] chosen) {
        this.clean = clean;
        this.noisy = noisy;
        this.chosen = chosen;
    }

    /** Returns the labels to train with; give them to {@code ImageSet.withLabels}. */
    public int[] labels() {
        return noisy.clone();
    }

    /** Returns the labels before the noise. */
    public int[] cleanLabels() {
        return clean.clone();
    }

    /** Tells for each image whether its label was chosen to be replaced, be it by the same one. */
    public boolean[] chosen() {
        return chosen.clone();
    }

    /** Tells for each image whether its label is wrong now. */
    public boolean[] wrong() {
        boolean[] wrong = new boolean[noisy.length];
        for (int i = 0; i < wrong.length; i++) {
            wrong[i] = noisy[i] != clean[i];
        }
        return wrong;
    }

    /** Returns how many labels are wrong now. */
    public int wrongCount() {
        int count = 0;
        for (int i = 0; i < noisy.length; i++) {
            count += noisy[i] != clean[i] ? 1 : 0;
        }
        return count;
    }
}
