package dev.hornbeam.training.image;

import dev.hornbeam.training.UserError;

/**
 * What is done to an image of any size and colours before its pixels are scaled and a network reads it.
 *
 * <p>In this order: transparent images are laid over the background (when they are decoded); colours become grey for a network
 * of one channel; the image is resized; the centre is cut out; grey is replicated for a network of three channels. The place of
 * the centre is that of torchvision's {@code CenterCrop}. An image that has the network's size already is left as it is,
 * unless the shorter side is to be larger than that.
 *
 * @param height of what the network reads
 * @param width of what the network reads
 * @param channels of what the network reads; image files have 1 or 3
 * @param resize how an image comes to that size
 * @param interpolation filter of the resizing
 * @param background behind transparent images
 */
public record Preprocessing(
        int height, int width, int channels, Resize resize, Interpolation interpolation, Background background) {
    private static final int MAX_SIDE = 1 << 14;

    /**
     * Checks the sizes.
     *
     * @throws UserError if they are no sizes of images, or the shorter side is to be shorter than what is cut out
     */
    public Preprocessing {
        if (height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE) {
            throw new UserError(
                    "images of " + height + "x" + width + " pixels (height x width); expected 1.." + MAX_SIDE);
        }
        if (channels < 1) {
            throw new UserError("images of " + channels + " channels; expected at least 1");
        }
        if (resize instanceof Resize.ShorterSide(int pixels) && pixels < Math.max(height, width)) {
            throw new UserError("images are resized to a shorter side of " + pixels + " pixels, but the network reads "
                    + height + "x" + width + " (height x width); expected at least " + Math.max(height, width));
        }
    }

    /**
     * What fits a network that was trained on images of just that size: the centre of an image scaled until it covers the
     * square; where the network's images are no square, the image is stretched.
     */
    public static Preprocessing of(int height, int width, int channels) {
        Resize resize = height == width ? new Resize.ShorterSide(height) : new Resize.Stretch();
        return new Preprocessing(height, width, channels, resize, Interpolation.BILINEAR, Background.WHITE);
    }

    /** What networks for ImageNet are usually tested with: shorter side to 256, and the centre of 224 x 224. */
    public static Preprocessing imageNet() {
        return new Preprocessing(224, 224, 3, new Resize.ShorterSide(256), Interpolation.BILINEAR, Background.WHITE);
    }

    /** Number of bytes of what the network reads. */
    public int length() {
        return height * width * channels;
    }

    /**
     * Returns {@code image} as the network reads it.
     *
     * @throws UserError if the network's images are neither grey nor in colour, or this one is so narrow that its longer side
     *     would be beyond all measure
     */
    public PixelImage apply(PixelImage image) {
        if (channels != 1 && channels != 3) {
            throw new UserError("images are made grey or coloured, not of " + channels + " channels");
        }
        PixelImage coloured = image.channels() > channels ? image.withChannels(channels) : image;
        return fit(coloured).withChannels(channels);
    }

    private PixelImage fit(PixelImage image) {
        return switch (resize) {
            case Resize.Stretch _ -> Resampling.resize(image, width, height, interpolation);
            case Resize.ShorterSide(int pixels) -> {
                boolean upright = image.width() <= image.height();
                long longer = upright
                        ? (long) pixels * image.height() / image.width()
                        : (long) pixels * image.width() / image.height();
                if (longer > Integer.MAX_VALUE / 2) {
                    throw new UserError("an image of " + image.width() + "x" + image.height()
                            + " pixels is too narrow to have its shorter side resized to " + pixels);
                }
                int newWidth = upright ? pixels : (int) longer;
                int newHeight = upright ? (int) longer : pixels;
                yield Resampling.resize(
                        image,
                        newWidth,
                        newHeight,
                        interpolation,
                        corner(newWidth, width),
                        corner(newHeight, height),
                        width,
                        height);
            }
        };
    }

    // Python's round, which torchvision uses: halves go to the even neighbour.
    private static int corner(int size, int crop) {
        return (int) Math.rint((size - crop) / 2.0);
    }

    /** Returns one line for people. */
    @Override
    public String toString() {
        String size = height + "x" + width;
        String how = switch (resize) {
            case Resize.Stretch _ -> "stretched to " + size + " (" + interpolation + ")";
            case Resize.ShorterSide(int pixels) ->
                "shorter side to " + pixels + " (" + interpolation + "), centre " + size;
        };
        return how + ", " + (channels == 1 ? "grey" : channels == 3 ? "colour" : channels + " channels")
                + ", transparency " + (background.composited() ? "over " + background : "dropped");
    }
}
