package dev.hornbeam.training.augmentation;

import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Batch;
import dev.hornbeam.training.data.BatchMixing;
import dev.hornbeam.training.random.DrawSequence;
import java.util.Arrays;

/**
 * MixUp and CutMix: each image of a batch is mixed with another one of the batch, and its classes in the same proportion.
 *
 * <p>MixUp (Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018): image i becomes λ x<sub>i</sub> + (1 - λ)
 * x<sub>π(i)</sub>, with λ from Beta(alpha, alpha). CutMix (Yun et al., "CutMix: regularization strategy to train strong
 * classifiers with localizable features", ICCV 2019): a window of image π(i) is put into image i at the same place; its sides
 * are sqrt(1 - λ) of the image's, cut to whole pixels, its centre is uniform, it is clipped at the border, and λ becomes the
 * share that is left of image i. Both work on normalised images. λ, window and the permutation π are the same for the whole
 * batch, as in the published code.
 *
 * <p>Draws come from Philox (seed, AUGMENT, tensor = number of the batch in its epoch, step = epoch, stream 6), one after the
 * other: a uniform number, mixed below {@code probability}; where there is both, {@code below(2)}, 1 for CutMix; λ by
 * {@link DrawSequence#beta}; π by exchanging entry i = n-1, ..., 1 of 0, ..., n-1 with entry {@code below(i + 1)}; for CutMix
 * {@code below(width)} and {@code below(height)}, the centre.
 */
public final class SampleMixing implements BatchMixing {
    private static final int STREAM = 6;

    private final double mixUp;
    private final double cutMix;
    private final double probability;
    private final int classes;
    private final long seed;

    /**
     * Makes a mixing.
     *
     * @param mixUp alpha of MixUp, at least 0; 0 for none
     * @param cutMix alpha of CutMix, at least 0; 0 for none
     * @param probability that a batch is mixed at all, 0 to 1
     * @param classes outputs of the network
     * @param seed the run's seed
     * @throws UserError if a number is out of range
     */
    public SampleMixing(double mixUp, double cutMix, double probability, int classes, long seed) {
        if (!(mixUp >= 0 && cutMix >= 0 && mixUp < Double.POSITIVE_INFINITY && cutMix < Double.POSITIVE_INFINITY)) {
            throw new UserError("MixUp with alpha " + mixUp + " and CutMix with alpha " + cutMix
                    + "; expected at least 0, which is none");
        }
        if (!(probability >= 0 && probability <= 1)) {
            throw new UserError("batches are mixed with probability " + probability + "; expected 0..1");
        }
        this.mixUp = mixUp;
        this.cutMix = cutMix;
        this.probability = probability;
        this.classes = classes;
        this.seed = seed;
    }

    @Override
    public int classes() {
        return classes;
    }

    @Override
    public void mix(Batch batch) {
        Workspace workspace = Workspace.ofThread();
        DrawSequence draws = workspace.draws().begin(seed, Purpose.AUGMENT, batch.index(), batch.epoch(), STREAM);
        int n = batch.size();
        float[] rows = batch.softLabels();
        Arrays.fill(rows, 0, n * classes, 0);
        boolean mixed = draws.chance(probability) && (mixUp > 0 || cutMix > 0);
        if (!mixed) {
            for (int i = 0; i < n; i++) {
                rows[i * classes + batch.labels()[i]] = 1;
            }
            return;
        }
        boolean cut = cutMix > 0 && (mixUp == 0 || draws.coin());
        double alpha = cut ? cutMix : mixUp;
        double share = draws.beta(alpha, alpha);
        int[] partners = partners(workspace.order(n), n, draws);
        int length = batch.height() * batch.width() * batch.channels();
        float own;
        if (cut) {
            Window window = Window.draw(batch.width(), batch.height(), share, draws);
            own = (float) (1 - (double) window.width() * window.height() / ((double) batch.width() * batch.height()));
            inCycles(
                    batch.images(),
                    length,
                    partners,
                    n,
                    workspace,
                    (images, to, from, at) ->
                            window.copy(images, to, from, at, batch.width() * batch.channels(), batch.channels()));
        } else {
            float weight = (float) share;
            own = weight;
            inCycles(
                    batch.images(),
                    length,
                    partners,
                    n,
                    workspace,
                    (images, to, from, at) -> average(images, to, from, at, length, weight));
        }
        for (int i = 0; i < n; i++) {
            rows[i * classes + batch.labels()[i]] += own;
            rows[i * classes + batch.labels()[partners[i]]] += 1 - own;
        }
    }

    private static int[] partners(int[] order, int n, DrawSequence draws) {
        for (int i = 0; i < n; i++) {
            order[i] = i;
        }
        for (int i = n - 1; i > 0; i--) {
            int j = draws.below(i + 1);
            int moved = order[i];
            order[i] = order[j];
            order[j] = moved;
        }
        return order;
    }

    /** Mixes the image at {@code to} of {@code images} with that at {@code at} of {@code from}. */
    private interface Mixture {
        void into(float[] images, int to, float[] from, int at);
    }

    // Along each cycle of the permutation a partner is read before it is changed, but for the first of the cycle, of
    // which there
    // is a copy.
    private static void inCycles(
            float[] images, int length, int[] partners, int n, Workspace workspace, Mixture mixture) {
        float[] first = workspace.mixture(length);
        for (int start = 0; start < n; start++) {
            // Every cycle once, from its smallest member on.
            int smallest = partners[start];
            while (smallest > start) {
                smallest = partners[smallest];
            }
            if (smallest < start) {
                continue;
            }
            System.arraycopy(images, start * length, first, 0, length);
            int i = start;
            for (; partners[i] != start; i = partners[i]) {
                mixture.into(images, i * length, images, partners[i] * length);
            }
            mixture.into(images, i * length, first, 0);
        }
    }

    private static void average(float[] images, int to, float[] from, int at, int length, float weight) {
        float other = 1 - weight;
        for (int k = 0; k < length; k++) {
            images[to + k] = weight * images[to + k] + other * from[at + k];
        }
    }

    /** What CutMix replaces. */
    private record Window(int left, int top, int width, int height) {
        static Window draw(int imageWidth, int imageHeight, double share, DrawSequence draws) {
            double side = Math.sqrt(1 - share);
            int halfWidth = (int) (imageWidth * side) / 2;
            int halfHeight = (int) (imageHeight * side) / 2;
            int x = draws.below(imageWidth);
            int y = draws.below(imageHeight);
            int left = Math.max(x - halfWidth, 0);
            int top = Math.max(y - halfHeight, 0);
            return new Window(
                    left, top, Math.min(x + halfWidth, imageWidth) - left, Math.min(y + halfHeight, imageHeight) - top);
        }

        void copy(float[] images, int to, float[] from, int at, int row, int channels) {
            for (int y = top; y < top + height; y++) {
                int place = y * row + left * channels;
                System.arraycopy(from, at + place, images, to + place, width * channels);
            }
        }
    }
}
