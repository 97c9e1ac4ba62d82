package dev.hornbeam.training.augmentation;

import dev.hornbeam.training.image.PixelImage;
import java.util.Arrays;

/**
 * One 8-bit image that is changed in place: unsigned bytes in the order [row][column][channel].
 *
 * <p>A second buffer of the same kind takes the result of changes that cannot be made in place. Both are used again for the
 * next image, so that a canvas takes memory only until it has seen the largest one. One thread uses a canvas at a time.
 */
public final class Canvas {
    private int width;
    private int height;
    private int channels;
    private byte[] pixels = new byte[0];
    private byte[] spare = new byte[0];
    // What operations count and look up; 256 numbers for each of three channels at most.
    private final int[] histogram = new int[256];
    private final byte[] table = new byte[256];

    /** Takes over an image: a copy of it. */
    public void load(PixelImage image) {
        load(image.pixels(), 0, image.width(), image.height(), image.channels());
    }

    /**
     * Takes over an image: a copy of the bytes of {@code source} from {@code at} on.
     *
     * @param newChannels at least 1; operations on colours change images of 3 channels only
     */
    public void load(byte[] source, int at, int newWidth, int newHeight, int newChannels) {
        byte[] target = begin(newWidth, newHeight, newChannels);
        System.arraycopy(source, at, target, 0, newWidth * newHeight * newChannels);
    }

    /** Returns the buffer to write an image of that size to, which is the image from now on. */
    public byte[] begin(int newWidth, int newHeight, int newChannels) {
        if (newWidth < 1 || newHeight < 1 || newChannels < 1) {
            throw new IllegalArgumentException("an image of " + newWidth + "x" + newHeight + "x" + newChannels);
        }
        int length = Math.multiplyExact(Math.multiplyExact(newWidth, newHeight), newChannels);
        if (pixels.length < length) {
            pixels = new byte[length];
        }
        width = newWidth;
        height = newHeight;
        channels = newChannels;
        return pixels;
    }

    /** Takes over the image of {@code other}: a copy of it. */
    public void load(Canvas other) {
        load(other.pixels, 0, other.width, other.height, other.channels);
    }

    /** Returns a copy of the image, of 1 or 3 channels. */
    public PixelImage toImage() {
        return new PixelImage(width, height, channels, Arrays.copyOf(pixels, length()));
    }

    /** Returns the number of columns. */
    public int width() {
        return width;
    }

    /** Returns the number of rows. */
    public int height() {
        return height;
    }

    /** Returns the number of channels. */
    public int channels() {
        return channels;
    }

    /** Returns the number of bytes of the image. */
    public int length() {
        return width * height * channels;
    }

    /** Returns the bytes themselves; the first {@link #length} are the image. */
    public byte[] pixels() {
        return pixels;
    }

    /** Returns the other buffer, with room for {@code length} bytes. */
    byte[] spare(int length) {
        if (spare.length < length) {
            spare = new byte[length];
        }
        return spare;
    }

    /** Makes the other buffer the image, which has that size and as many channels as before. */
    void swap(int newWidth, int newHeight) {
        byte[] old = pixels;
        pixels = spare;
        spare = old;
        width = newWidth;
        height = newHeight;
    }

    /** Counts the values of a channel; the array is the canvas's own. */
    int[] histogram(int channel) {
        Arrays.fill(histogram, 0);
        int length = length();
        for (int i = channel; i < length; i += channels) {
            histogram[pixels[i] & 0xff]++;
        }
        return histogram;
    }

    /** Returns 256 bytes to write a new value for each old one to, for {@link #look}. */
    byte[] table() {
        return table;
    }

    /** Replaces the values of a channel by what stands in {@link #table} for them. */
    void look(int channel) {
        int length = length();
        for (int i = channel; i < length; i += channels) {
            pixels[i] = table[pixels[i] & 0xff];
        }
    }

    /** Replaces all values by what stands in {@link #table} for them. */
    void look() {
        int length = length();
        for (int i = 0; i < length; i++) {
            pixels[i] = table[pixels[i] & 0xff];
        }
    }

    /** The luma of the pixel whose first byte is {@code at}, in Pillow's integers; of one channel its value. */
    int luma(int at) {
        if (channels != 3) {
            return pixels[at] & 0xff;
        }
        return (19595 * (pixels[at] & 0xff) + 38470 * (pixels[at + 1] & 0xff) + 7471 * (pixels[at + 2] & 0xff) + 0x8000)
                >> 16;
    }
}
