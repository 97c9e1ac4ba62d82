package dev.hornbeam.training.data;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;

/**
 * The usual preparation of small images: random crop of the padded image, random mirror image, normalisation.
 *
 * <p>In this order: the image is surrounded by {@code padding} black pixels on every side and a window of the old size
 * is cut out at a random place; with probability 1/2 it is mirrored left to right; pixels are normalised (so padding
 * becomes what black becomes, not 0). The draws come from Philox (seed, AUGMENT, tensor = original index of the image,
 * step = epoch, stream): element 0 the vertical place, 1 the horizontal place, 2 the mirror. They do not depend on
 * batch size, order or threads.
 */
public final class Augmentation implements Preparation {
    private final int channels;
    private final float[] table;
    private final int padding;
    private final boolean flip;
    private final long seed;
    private final int stream;

    private Augmentation(int channels, float[] table, int padding, boolean flip, long seed, int stream) {
        this.channels = channels;
        this.table = table;
        this.padding = padding;
        this.flip = flip;
        this.seed = seed;
        this.stream = stream;
    }

    /** Returns the preparation that only normalises, for evaluation. */
    public static Augmentation none(Normalization normalization) {
        return new Augmentation(normalization.channels(), normalization.table(), 0, false, 0, 0);
    }

    /**
     * Returns a preparation for training.
     *
     * @param padding black pixels added on every side before the crop; 0 for no crop
     * @param flip whether to mirror at random
     * @param seed the run's seed
     * @throws UserError if {@code padding} is negative or larger than 1024
     */
    public static Augmentation of(Normalization normalization, int padding, boolean flip, long seed) {
        if (padding < 0 || padding > 1024) {
            throw new UserError("padding of " + padding + " pixels for random crops; expected 0..1024");
        }
        return new Augmentation(normalization.channels(), normalization.table(), padding, flip, seed, 0);
    }

    /** Returns the same preparation with other draws, for a second view of the same image; 0 is the usual stream. */
    public Augmentation withStream(int newStream) {
        return new Augmentation(channels, table, padding, flip, seed, newStream);
    }

    @Override
    public void prepare(ImageSet set, int position, int epoch, float[] out, int offset, byte[] scratch) {
        if (set.channels() != channels) {
            throw new UserError(set.name() + ": images have " + set.channels() + " channels, but mean and standard"
                    + " deviation are given for " + channels);
        }
        set.copyImage(position, scratch, 0);
        int top = 0;
        int left = 0;
        boolean mirror = false;
        if (padding > 0 || flip) {
            int image = set.originalIndex(position);
            top = draw(image, epoch, 0, 2 * padding + 1) - padding;
            left = draw(image, epoch, 1, 2 * padding + 1) - padding;
            mirror = flip && draw(image, epoch, 2, 2) == 1;
        }
        write(scratch, set.height(), set.width(), top, left, mirror, out, offset);
    }

    private int draw(int image, int epoch, int element, int bound) {
        return Philox.below(seed, Purpose.AUGMENT, image, epoch, stream, element, bound);
    }

    // Writes the window whose corner is (top, left) of the image; what lies outside the image is black.
    private void write(
            byte[] image, int height, int width, int top, int left, boolean mirror, float[] out, int offset) {
        int firstColumn = Math.clamp(-left, 0, width);
        int endColumn = Math.clamp(width - left, firstColumn, width);
        for (int y = 0; y < height; y++) {
            int row = offset + y * width * channels;
            boolean inside = y + top >= 0 && y + top < height;
            int from = inside ? firstColumn : width;
            int to = inside ? endColumn : width;
            for (int c = 0; c < channels; c++) {
                int entry = 256 * c;
                float black = table[entry];
                int step = mirror ? -channels : channels;
                int target = row + c + (mirror ? (width - 1) * channels : 0);
                int source = ((y + top) * width + from + left) * channels + c;
                for (int x = 0; x < from; x++, target += step) {
                    out[target] = black;
                }
                for (int x = from; x < to; x++, target += step, source += channels) {
                    out[target] = table[entry + (image[source] & 0xff)];
                }
                for (int x = to; x < width; x++, target += step) {
                    out[target] = black;
                }
            }
        }
    }
}
