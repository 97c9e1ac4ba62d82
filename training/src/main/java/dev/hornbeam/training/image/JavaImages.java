package dev.hornbeam.training.image;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;

/**
 * Turns Java's images into pixels of 8 bits.
 *
 * <p>Stored values are taken as they are, without Java's conversion of colour spaces, which among other things brightens
 * grey images. Of 16 bits the upper 8 count, as in Pillow.
 */
final class JavaImages {
    private JavaImages() {}

    static PixelImage toPixels(BufferedImage image, Background background) {
        ColorModel model = image.getColorModel();
        if (model instanceof ComponentColorModel && isPlain(model, image.getRaster())) {
            return ofComponents(image.getRaster(), model, background);
        }
        return ofPacked(image, background);
    }

    private static boolean isPlain(ColorModel model, Raster raster) {
        int colours = model.getNumColorComponents();
        int kind = model.getColorSpace().getType();
        boolean known = (colours == 1 && kind == ColorSpace.TYPE_GRAY) || (colours == 3 && kind == ColorSpace.TYPE_RGB);
        int bits = model.getComponentSize(0);
        boolean whole = (raster.getTransferType() == DataBuffer.TYPE_BYTE && bits == 8)
                || (raster.getTransferType() == DataBuffer.TYPE_USHORT && bits == 16);
        return known && whole && !model.isAlphaPremultiplied() && raster.getNumBands() == model.getNumComponents();
    }

    private static PixelImage ofComponents(Raster raster, ColorModel model, Background background) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        int colours = model.getNumColorComponents();
        int bands = model.getNumComponents();
        if (!model.hasAlpha()
                && raster.getSampleModel() instanceof PixelInterleavedSampleModel samples
                && raster.getDataBuffer() instanceof DataBufferByte buffer) {
            return ofInterleaved(raster, samples, buffer.getData(), buffer.getOffset(), colours);
        }
        int shift = model.getComponentSize(0) - 8;
        // A grey image over a colour becomes a coloured one.
        int channels = model.hasAlpha() && isColoured(background) ? 3 : colours;
        byte[] pixels = new byte[Math.multiplyExact(Math.multiplyExact(width, height), channels)];
        int[] row = new int[width * bands];
        int to = 0;
        for (int y = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                int alpha = model.hasAlpha() ? row[x * bands + colours] >> shift : 255;
                for (int c = 0; c < channels; c++) {
                    int value = row[x * bands + Math.min(c, colours - 1)] >> shift;
                    pixels[to++] = (byte) (alpha == 255 ? value : background.blend(value, alpha, c));
                }
            }
        }
        return new PixelImage(width, height, channels, pixels);
    }

    private static boolean isColoured(Background background) {
        int rgb = background.rgb();
        return (rgb >> 16) != (rgb & 0xff) || ((rgb >> 8) & 0xff) != (rgb & 0xff);
    }

    private static PixelImage ofInterleaved(
            Raster raster, PixelInterleavedSampleModel samples, byte[] data, int offset, int colours) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        int[] bands = samples.getBandOffsets();
        int step = samples.getPixelStride();
        int origin = offset
                + (raster.getMinY() - raster.getSampleModelTranslateY()) * samples.getScanlineStride()
                + (raster.getMinX() - raster.getSampleModelTranslateX()) * step;
        byte[] pixels = new byte[Math.multiplyExact(Math.multiplyExact(width, height), colours)];
        int to = 0;
        for (int y = 0; y < height; y++) {
            int from = origin + y * samples.getScanlineStride();
            if (colours == 1) {
                for (int x = 0; x < width; x++, from += step) {
                    pixels[to++] = data[from + bands[0]];
                }
            } else {
                for (int x = 0; x < width; x++, from += step) {
                    pixels[to++] = data[from + bands[0]];
                    pixels[to++] = data[from + bands[1]];
                    pixels[to++] = data[from + bands[2]];
                }
            }
        }
        return new PixelImage(width, height, colours, pixels);
    }

    // Palettes, pixels packed into one number, and whatever else Java knows how to turn into sRGB.
    private static PixelImage ofPacked(BufferedImage image, Background background) {
        int width = image.getWidth();
        int height = image.getHeight();
        byte[] pixels = new byte[Math.multiplyExact(Math.multiplyExact(width, height), 3)];
        int[] row = new int[width];
        int to = 0;
        for (int y = 0; y < height; y++) {
            image.getRGB(0, y, width, 1, row, 0, width);
            for (int argb : row) {
                int alpha = argb >>> 24;
                for (int c = 0; c < 3; c++) {
                    int value = (argb >> (16 - 8 * c)) & 0xff;
                    pixels[to++] = (byte) (alpha == 255 ? value : background.blend(value, alpha, c));
                }
            }
        }
        return new PixelImage(width, height, 3, pixels);
    }

    /**
     * Turns the four channels of a JPEG into red, green and blue by the formula of Pillow, {@code (255 - c)(255 - k) / 255},
     * taking the channels for inverted, as Adobe's programs write them and hardly anybody else writes any.
     *
     * @param transform {@link ImageMarkers#CMYK} or {@link ImageMarkers#YCCK}
     */
    static PixelImage ofFourChannels(Raster raster, int transform) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        byte[] pixels = new byte[Math.multiplyExact(Math.multiplyExact(width, height), 3)];
        int[] row = new int[4 * width];
        int to = 0;
        for (int y = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < 4 * width; x += 4) {
                if (transform == ImageMarkers.YCCK) {
                    toInvertedInks(row, x);
                }
                int light = row[x + 3];
                for (int c = 0; c < 3; c++) {
                    pixels[to++] = (byte) lit(255 - row[x + c], light);
                }
            }
        }
        return new PixelImage(width, height, 3, pixels);
    }

    // Ink takes away its share of the light that black ink lets through; the quotient is rounded in integers.
    private static int lit(int ink, int light) {
        int product = ink * light + 128;
        return Math.clamp(light - (((product >> 8) + product) >> 8), 0, 255);
    }

    // JFIF's conversion in the 16-bit fixed point of libjpeg; what comes out is 255 minus red, green and blue.
    private static void toInvertedInks(int[] row, int at) {
        int luma = row[at];
        int blue = row[at + 1] - 128;
        int red = row[at + 2] - 128;
        row[at] = 255 - Math.clamp(luma + ((91881 * red + 32768) >> 16), 0, 255);
        row[at + 1] = 255 - Math.clamp(luma + ((-22554 * blue - 46802 * red + 32768) >> 16), 0, 255);
        row[at + 2] = 255 - Math.clamp(luma + ((116130 * blue + 32768) >> 16), 0, 255);
    }
}
