package dev.hornbeam.training.data;

import dev.hornbeam.training.image.PixelImage;

/**
 * Images that are decoded when they are asked for, one by one, and may differ in size and channels.
 *
 * <p>Any number of threads may ask at once. The same place gives the same pixels each time.
 */
public interface ImageSource {
    /**
     * Decodes an image.
     *
     * @param place of the image in this source, from 0
     * @return the image in its own size, of 1 or 3 channels; not changed by anybody
     * @throws dev.hornbeam.training.UserError if it cannot be read, naming its file
     */
    PixelImage image(int place);

    /** Returns where the image at {@code place} is, for messages: the path of a file, or a place in one. */
    String describe(int place);

    /**
     * Returns a text that changes when the image does, without decoding it: of a file, its name below the data set's folder and
     * its length in bytes. The checksum of a set is made of these.
     */
    String identity(int place);
}
