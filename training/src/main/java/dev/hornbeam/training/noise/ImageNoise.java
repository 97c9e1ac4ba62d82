package dev.hornbeam.training.noise;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.util.Locale;

/**
 * The ways of making a share of the training images meaningless while their labels stay (Zhang et al. 2017; self-adaptive
 * training).
 *
 * <p>A pixel is all channels at one place: permutations move pixels, not channels.
 */
public enum ImageNoise {
    /** Normal noise with the mean and the deviation of the set's channels, clipped to 0..255 and cut to 8 bits. */
    GAUSSIAN,
    /** The image's pixels in an order of its own. */
    RANDOM_PIXELS,
    /** The image's pixels in an order that is the same for all images. */
    SHUFFLED_PIXELS;

    private static final long MOST_BYTES = Integer.MAX_VALUE - 16;

    /** Returns the name as users write it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * Returns the images of {@code set} that are replaced and what by.
     *
     * <p>Images are chosen as labels are ({@link LabelNoise}). Pixels come from Philox (seed, LABEL_NOISE): tensor 3, step =
     * original index, normal k for value k in the order HWC; tensor 4, step = original index, a permutation; tensor 5, one
     * permutation for all.
     *
     * @param rate share of the images, 0 to 1
     * @throws UserError if the rate is out of range or the noise takes more than 2 GiB
     */
    public NoisyImages apply(ImageSet set, double rate, Choice choice, long seed) {
        boolean[] chosen = LabelDraws.choose(set, rate, choice, seed);
        int count = 0;
        for (boolean c : chosen) {
            count += c ? 1 : 0;
        }
        int length = set.imageLength();
        if ((long) count * length > MOST_BYTES) {
            throw new UserError(set.name() + ": " + count + " noisy images of " + length
                    + " bytes are more than 2 GiB; lower the rate or take a subset");
        }
        Normalization scale = this == GAUSSIAN ? Normalization.of(set) : null;
        int pixels = length / set.channels();
        int[] one = this == SHUFFLED_PIXELS
                ? NoiseDraw.of(seed, NoiseDraw.ONE_PERMUTATION).permutation(pixels)
                : null;
        int[] positions = new int[count];
        byte[] changed = new byte[count * length];
        byte[] image = new byte[length];
        float[] normals = new float[this == GAUSSIAN ? length : 0];
        for (int i = 0, at = 0; i < chosen.length; i++) {
            if (chosen[i]) {
                int index = set.originalIndex(i);
                switch (this) {
                    case GAUSSIAN -> {
                        NoiseDraw.of(seed, NoiseDraw.PIXELS, index).normals(0, normals);
                        gaussian(normals, scale, image);
                        System.arraycopy(image, 0, changed, at * length, length);
                    }
                    case RANDOM_PIXELS -> {
                        set.copyImage(i, image, 0);
                        int[] own = NoiseDraw.of(seed, NoiseDraw.OWN_PERMUTATION, index)
                                .permutation(pixels);
                        permute(image, own, set.channels(), changed, at * length);
                    }
                    case SHUFFLED_PIXELS -> {
                        set.copyImage(i, image, 0);
                        permute(image, one, set.channels(), changed, at * length);
                    }
                }
                positions[at++] = i;
            }
        }
        return new NoisyImages(set, positions, changed);
    }

    private static void gaussian(float[] normals, Normalization scale, byte[] image) {
        int channels = scale.mean().size();
        for (int k = 0; k < image.length; k++) {
            int c = k % channels;
            double value = 255 * (scale.mean().get(c) + scale.std().get(c) * normals[k]);
            image[k] = (byte) Math.clamp(value, 0, 255);
        }
    }

    private static void permute(byte[] image, int[] order, int channels, byte[] into, int at) {
        for (int p = 0; p < order.length; p++) {
            for (int c = 0; c < channels; c++) {
                into[at + p * channels + c] = image[order[p] * channels + c];
            }
        }
    }
}
