package dev.hornbeam.training.noise;

import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A set of images with noise, beside the same set without.
 *
 * <p>The clean set stays at hand so that methods and reports can tell which labels are right; {@link #cleanOf} finds the clean
 * images of any part of the noisy set.
 */
public final class NoisySet {
    private final ImageSet clean;
    private final ImageSet noisy;
    private final NoisyLabels labels;
    private final NoisyImages images;
    private final NoiseSummary summary;
    private Map<Integer, Integer> positions;

    NoisySet(ImageSet clean, NoisyLabels labels, NoisyImages images, NoiseSummary summary) {
        this.clean = clean;
        this.labels = labels;
        this.images = images;
        this.summary = summary;
        ImageSet changed = images == null ? clean : images.noisy();
        this.noisy = labels == null ? changed : changed.withLabels(labels.labels());
    }

    /**
     * Puts noise on the labels of a set.
     *
     * @param kind name of the noise, for the summary
     * @param rate asked for, NaN where there is none
     */
    public static NoisySet of(ImageSet clean, LabelNoise noise, String kind, double rate, long seed) {
        NoisyLabels labels = noise.apply(clean, seed);
        NoiseSummary summary = NoiseSummary.of(kind, rate, noise.expectedError(clean), seed, clean, labels, null);
        return new NoisySet(clean, labels, null, summary);
    }

    /** Puts noise on the images of a set. */
    public static NoisySet of(ImageSet clean, ImageNoise noise, double rate, Choice choice, long seed) {
        NoisyImages images = noise.apply(clean, rate, choice, seed);
        NoiseSummary summary = NoiseSummary.of(noise.label(), rate, 0, seed, clean, null, images);
        return new NoisySet(clean, null, images, summary);
    }

    /** Returns the set without noise. */
    public ImageSet clean() {
        return clean;
    }

    /** Returns the set with noise, in the same order. */
    public ImageSet noisy() {
        return noisy;
    }

    /** Returns the labels, where these have noise. */
    public Optional<NoisyLabels> labels() {
        return Optional.ofNullable(labels);
    }

    /** Returns the images that were replaced, where there are such. */
    public Optional<NoisyImages> images() {
        return Optional.ofNullable(images);
    }

    /** Returns what the noise did. */
    public NoiseSummary summary() {
        return summary;
    }

    /**
     * Returns the images of {@code part}, a subset of either set, without noise.
     *
     * @throws IllegalArgumentException if an image of it is not of this set
     */
    public ImageSet cleanOf(ImageSet part) {
        return partOf(clean, part);
    }

    /** Returns the images of {@code part}, a subset of either set, with noise. */
    public ImageSet noisyOf(ImageSet part) {
        return partOf(noisy, part);
    }

    private ImageSet partOf(ImageSet whole, ImageSet part) {
        Map<Integer, Integer> known = positions();
        int[] chosen = new int[part.size()];
        Arrays.setAll(chosen, i -> {
            Integer position = known.get(part.originalIndex(i));
            if (position == null) {
                throw new IllegalArgumentException(
                        "image " + part.originalIndex(i) + " of " + part.name() + " is not one of the noisy set");
            }
            return position;
        });
        return whole.subset(chosen).withSplit(part.split());
    }

    private synchronized Map<Integer, Integer> positions() {
        if (positions == null) {
            positions = new HashMap<>();
            for (int i = 0; i < clean.size(); i++) {
                positions.put(clean.originalIndex(i), i);
            }
        }
        return positions;
    }
}
