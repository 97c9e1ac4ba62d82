package dev.hornbeam.training.image;

/**
 * One 8-bit image in memory: unsigned bytes in the order [row][column][channel], 1 channel for grey or 3 for red, green, blue.
 *
 * <p>The bytes are shared, not copied: whoever holds the image does not change them.
 */
public final class PixelImage {
    private final int width;
    private final int height;
    private final int channels;
    private final byte[] pixels;

    /**
     * Makes an image of these bytes.
     *
     * @param pixels {@code width * height * channels} bytes, not copied
     * @throws IllegalArgumentException if there is no pixel, another number of channels than 1 or 3, or the count is wrong
     */
    public PixelImage(int width, int height, int channels, byte[] pixels) {
        if (width < 1 || height < 1 || (channels != 1 && channels != 3)) {
            throw new IllegalArgumentException("an image of " + width + "x" + height + " pixels (width x height) with "
                    + channels + " channels; expected at least one pixel and 1 or 3 channels");
        }
        if ((long) width * height * channels != pixels.length) {
            throw new IllegalArgumentException(
                    pixels.length + " bytes for an image of " + width + "x" + height + "x" + channels);
        }
        this.width = width;
        this.height = height;
        this.channels = channels;
        this.pixels = pixels;
    }

    /** Returns the number of columns. */
    public int width() {
        return width;
    }

    /** Returns the number of rows. */
    public int height() {
        return height;
    }

    /** Returns 1 for grey, 3 for red, green and blue. */
    public int channels() {
        return channels;
    }

    /** Returns the bytes themselves, not a copy. */
    public byte[] pixels() {
        return pixels;
    }

    /** Returns the value, 0..255, of one channel of the pixel in that column and row. */
    public int at(int x, int y, int channel) {
        return pixels[(y * width + x) * channels + channel] & 0xff;
    }

    /**
     * Returns this image with that many channels: grey is replicated; colour becomes luma,
     * {@code (19595 R + 38470 G + 7471 B + 32768) / 65536} (ITU-R BT.601, in the integers that Pillow uses).
     *
     * @param wanted 1 or 3
     */
    public PixelImage withChannels(int wanted) {
        if (wanted == channels) {
            return this;
        }
        int count = width * height;
        byte[] converted = new byte[Math.multiplyExact(count, wanted)];
        if (wanted == 3) {
            for (int i = 0; i < count; i++) {
                converted[3 * i] = pixels[i];
                converted[3 * i + 1] = pixels[i];
                converted[3 * i + 2] = pixels[i];
            }
        } else {
            for (int i = 0; i < count; i++) {
                int sum = 19595 * (pixels[3 * i] & 0xff)
                        + 38470 * (pixels[3 * i + 1] & 0xff)
                        + 7471 * (pixels[3 * i + 2] & 0xff);
                converted[i] = (byte) ((sum + 0x8000) >> 16);
            }
        }
        return new PixelImage(width, height, wanted, converted);
    }

    /** Returns the window with that corner and size, which lies within this image. */
    public PixelImage crop(int left, int top, int cropWidth, int cropHeight) {
        if (left < 0 || top < 0 || left + (long) cropWidth > width || top + (long) cropHeight > height) {
            throw new IllegalArgumentException("a window of " + cropWidth + "x" + cropHeight + " at (" + left + ", "
                    + top + ") of an image of " + width + "x" + height);
        }
        if (cropWidth == width && cropHeight == height) {
            return this;
        }
        byte[] window = new byte[cropWidth * cropHeight * channels];
        int length = cropWidth * channels;
        for (int y = 0; y < cropHeight; y++) {
            System.arraycopy(pixels, ((top + y) * width + left) * channels, window, y * length, length);
        }
        return new PixelImage(cropWidth, cropHeight, channels, window);
    }

    @Override
    public String toString() {
        return width + "x" + height + "x" + channels;
    }
}
