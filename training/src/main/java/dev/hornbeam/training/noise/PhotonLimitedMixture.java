package dev.hornbeam.training.noise;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Split;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A training set in which few images are corrupted strongly and many a little: severities follow a Poisson distribution, as
 * the number of photons on a sensor does (Huang et al., "Robust generalization against photon-limited corruptions via
 * worst-case sharpness minimization", CVPR 2023).
 *
 * <p>Of every class floor(n·P(s)) images get severity s, with P(s) = e^(-λ) λ^s / s! and 0 the clean images. No image
 * is in two severities; those in none are left for validation.
 */
public final class PhotonLimitedMixture {
    // DATA draws of stream 0 are those of splits.
    private static final int STREAM = 1;

    private final ImageSet set;
    private final List<int[]> bySeverity;
    private final int[] rest;

    private PhotonLimitedMixture(ImageSet set, List<int[]> bySeverity, int[] rest) {
        this.set = set;
        this.bySeverity = bySeverity;
        this.rest = rest;
    }

    /**
     * Returns how many images of each class get severity 0, 1, …, {@code severities}.
     *
     * @param perClass images per class to divide, n
     * @param severities the strongest severity, 1 to 5
     * @param lambda mean of the Poisson distribution, above 0
     */
    public static int[] counts(int perClass, int severities, double lambda) {
        int[] counts = new int[severities + 1];
        double p = StrictMath.exp(-lambda);
        for (int s = 0; s <= severities; s++) {
            p = s == 0 ? p : p * lambda / s;
            counts[s] = (int) Math.floor(perClass * p);
        }
        return counts;
    }

    /**
     * Divides a set at random.
     *
     * <p>From each class the first images of an order drawn from Philox (seed, DATA, tensor = class, stream 1) get severity 0,
     * the next ones severity 1 and so on.
     *
     * @throws UserError if a class has fewer than {@code perClass} images, or a severity gets none
     */
    public static PhotonLimitedMixture of(ImageSet set, int perClass, int severities, double lambda, long seed) {
        int[] counts = counts(perClass, severities, lambda);
        for (int s = 0; s <= severities; s++) {
            if (counts[s] == 0) {
                throw new UserError("a photon-limited mixture of " + perClass
                        + " images per class has none of severity " + s + "; raise n, or lower severities");
            }
        }
        int[] sizes = new int[set.classes()];
        for (int i = 0; i < set.size(); i++) {
            sizes[set.label(i)]++;
        }
        int[] severityOf = new int[set.size()];
        Arrays.fill(severityOf, -1);
        for (int c = 0; c < sizes.length; c++) {
            if (sizes[c] < perClass) {
                throw new UserError("a photon-limited mixture of " + perClass + " images per class, but class " + c
                        + " (" + set.classNames().get(c) + ") of " + set.name() + " has " + sizes[c]
                        + "; lower n to that");
            }
            int[] members = new int[sizes[c]];
            for (int i = 0, at = 0; i < set.size(); i++) {
                if (set.label(i) == c) {
                    members[at++] = i;
                }
            }
            int[] order = new Philox(seed, Purpose.DATA, c, 0, STREAM).permutation(members.length);
            int next = 0;
            for (int s = 0; s <= severities; s++) {
                for (int k = 0; k < counts[s]; k++) {
                    severityOf[members[order[next++]]] = s;
                }
            }
        }
        return of(set, severityOf, severities);
    }

    /** Divides a set by the severity of each position, -1 for those left out. */
    static PhotonLimitedMixture of(ImageSet set, int[] severityOf, int severities) {
        List<int[]> bySeverity = new ArrayList<>();
        for (int s = -1; s <= severities; s++) {
            int wanted = s;
            bySeverity.add(java.util.stream.IntStream.range(0, severityOf.length)
                    .filter(i -> severityOf[i] == wanted)
                    .toArray());
        }
        int[] rest = bySeverity.removeFirst();
        return new PhotonLimitedMixture(set, bySeverity, rest);
    }

    /** Returns the strongest severity. */
    public int severities() {
        return bySeverity.size() - 1;
    }

    /** Returns the clean set that was divided. */
    public ImageSet set() {
        return set;
    }

    /** Returns the positions in the set of the images of one severity, rising. */
    public int[] positions(int severity) {
        return bySeverity.get(severity).clone();
    }

    /** Returns the images of one severity, not corrupted. */
    public ImageSet images(int severity) {
        return set.subset(bySeverity.get(severity));
    }

    /** Returns the images left over, not corrupted: the validation split. */
    public ImageSet validation() {
        return set.subset(rest).withSplit(Split.VALIDATION);
    }

    /**
     * The images to train with.
     *
     * @param images all severities one after the other, each in the order of the set
     * @param severities the severity of each, by position: the group that it belongs to
     */
    public record Train(ImageSet images, List<Integer> severities) {
        /** Keeps its own copy. */
        public Train {
            severities = List.copyOf(severities);
        }
    }

    /**
     * Corrupts the training images, each at its severity.
     *
     * @param seed of the corruption's draws
     * @param threads to use; the pixels do not depend on it
     * @throws UserError if the images are too small for the corruption or take more than 2 GiB
     */
    public Train train(Corruption corruption, long seed, int threads) {
        int total = bySeverity.stream().mapToInt(positions -> positions.length).sum();
        int length = set.imageLength();
        if ((long) total * length > Integer.MAX_VALUE - 16) {
            throw new UserError(set.name() + ": a mixture of " + total + " images of " + length
                    + " bytes is more than 2 GiB; lower n");
        }
        byte[] pixels = new byte[total * length];
        int[] order = new int[total];
        List<Integer> severities = new ArrayList<>();
        int at = 0;
        for (int s = 0; s < bySeverity.size(); s++) {
            ImageSet part = at(images(s), corruption, s, seed, threads);
            for (int i = 0; i < part.size(); i++) {
                part.copyImage(i, pixels, (at + i) * length);
                severities.add(s);
            }
            System.arraycopy(bySeverity.get(s), 0, order, at, part.size());
            at += part.size();
        }
        return new Train(set.subset(order).withPixels(pixels), severities);
    }

    /** Returns {@code clean} at a severity: itself at 0. */
    public static ImageSet at(ImageSet clean, Corruption corruption, int severity, long seed, int threads) {
        return severity == 0 ? clean : CorruptedImages.of(clean, corruption, severity, seed, threads);
    }
}
