package dev.hornbeam.training.noise;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;

/** The images of a set that noise replaces, with their new pixels. */
public final class NoisyImages {
    private final ImageSet clean;
    private final int[] positions;
    private final byte[] pixels;

    /** Of replacements in the order of {@code positions}, which rise. */
    NoisyImages(ImageSet clean, int[] positions, byte[] pixels) {
        this.clean = clean;
        this.positions = positions;
        this.pixels = pixels;
    }

    /** Returns the positions in the set of the images that are replaced, rising. */
    public int[] positions() {
        return positions.clone();
    }

    /** Returns the new pixels, image by image in the order of {@link #positions}, HWC. */
    public byte[] pixels() {
        return pixels.clone();
    }

    /** Returns how many images are replaced. */
    public int count() {
        return positions.length;
    }

    /**
     * Returns the set with the images replaced.
     *
     * @throws UserError if it takes more than 2 GiB
     */
    public ImageSet noisy() {
        int length = clean.imageLength();
        if ((long) clean.size() * length > Integer.MAX_VALUE - 16) {
            throw new UserError(clean.name() + ": " + clean.size() + " images of " + length
                    + " bytes are more than the 2 GiB that image noise works on; take a subset");
        }
        byte[] all = new byte[clean.size() * length];
        for (int i = 0; i < clean.size(); i++) {
            clean.copyImage(i, all, i * length);
        }
        for (int k = 0; k < positions.length; k++) {
            System.arraycopy(pixels, k * length, all, positions[k] * length, length);
        }
        return clean.withPixels(all);
    }
}
