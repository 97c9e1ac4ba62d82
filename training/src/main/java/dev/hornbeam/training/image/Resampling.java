package dev.hornbeam.training.image;

/**
 * Changes the size of 8-bit images as Pillow's {@code Image.resize} does, to the same bytes.
 *
 * <p>Separable: rows first, then columns, each rounded to 8 bits. A pixel of the result is the weighted mean of the source
 * pixels within the filter's radius of its centre; where the image gets smaller, filter and radius are widened by the factor of
 * reduction. Weights are computed in double precision, normalised to a sum of 1 (at a border too) and rounded to 22 binary
 * places; sums are exact integers. So the result is the same everywhere, and the same as that of Pillow 2.7 or newer.
 */
public final class Resampling {
    private Resampling() {}

    /** Returns {@code image} scaled to that size. */
    public static PixelImage resize(PixelImage image, int width, int height, Interpolation interpolation) {
        return resize(image, width, height, interpolation, 0, 0, width, height);
    }

    /**
     * Returns a window of {@code image} scaled to {@code width} x {@code height}; only what the window needs is computed.
     *
     * @param left first column of the window in the scaled image
     * @param top first row of the window in the scaled image
     */
    public static PixelImage resize(
            PixelImage image,
            int width,
            int height,
            Interpolation interpolation,
            int left,
            int top,
            int cropWidth,
            int cropHeight) {
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException(
                    "an image of " + width + "x" + height + " pixels; expected at least one");
        }
        if (left < 0
                || top < 0
                || cropWidth < 1
                || cropHeight < 1
                || left + (long) cropWidth > width
                || top + (long) cropHeight > height) {
            throw new IllegalArgumentException("a window of " + cropWidth + "x" + cropHeight + " at (" + left + ", "
                    + top + ") of an image of " + width + "x" + height);
        }
        byte[] result = new byte[Math.multiplyExact(cropWidth * cropHeight, image.channels())];
        new Resampler()
                .resize(
                        new Resampler.Window(
                                image.pixels(), image.width(), image.channels(), 0, 0, image.width(), image.height()),
                        new Resampler.Part(width, height, left, top, cropWidth, cropHeight),
                        interpolation,
                        result);
        return new PixelImage(cropWidth, cropHeight, image.channels(), result);
    }
}
