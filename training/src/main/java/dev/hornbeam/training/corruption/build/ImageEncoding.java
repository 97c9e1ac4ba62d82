package dev.hornbeam.training.corruption.build;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.PixelImage;
import java.awt.Point;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Optional;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * How corrupted images are written to files: PNG, or JPEG of a quality on the scale of the Independent JPEG Group, with
 * chroma at half the resolution.
 *
 * @param quality of JPEG, 1..100; empty for PNG
 */
public record ImageEncoding(Optional<Integer> quality) {
    /** Without loss. */
    public static final ImageEncoding PNG = new ImageEncoding(Optional.empty());

    /** The quality that ImageNet-C was published in. */
    public static final int PUBLISHED_QUALITY = 85;

    private static final String PNG_EXTENSION = ".png";
    private static final String JPEG_EXTENSION = ".jpg";

    /**
     * Checks the quality.
     *
     * @throws UserError if it is out of range
     */
    public ImageEncoding {
        if (quality.isPresent() && (quality.get() < 1 || quality.get() > 100)) {
            throw new UserError("JPEG quality is " + quality.get() + "; expected 1..100");
        }
    }

    /** JPEG of that quality. */
    public static ImageEncoding jpeg(int quality) {
        return new ImageEncoding(Optional.of(quality));
    }

    /** The encoding that the name of a file asks for, JPEG in the published quality unless another is given. */
    public static Optional<ImageEncoding> ofName(String name, Optional<Integer> quality) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (lower.endsWith(PNG_EXTENSION)) {
            return Optional.of(PNG);
        }
        return isJpeg(lower) ? Optional.of(jpeg(quality.orElse(PUBLISHED_QUALITY))) : Optional.empty();
    }

    static ImageEncoding parse(String text) {
        return text.equals("png") ? PNG : jpeg(Integer.parseInt(text.substring("jpeg ".length())));
    }

    /** Returns {@code png} or {@code jpeg QUALITY}. */
    @Override
    public String toString() {
        return quality.map(value -> "jpeg " + value).orElse("png");
    }

    /** Returns {@code .png} or {@code .jpg}. */
    public String extension() {
        return quality.isPresent() ? JPEG_EXTENSION : PNG_EXTENSION;
    }

    /** The name of a file with another extension, unless it has one of this encoding. */
    String rename(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (quality.isPresent() ? isJpeg(lower) : lower.endsWith(PNG_EXTENSION)) {
            return name;
        }
        return name.substring(0, name.lastIndexOf('.')) + extension();
    }

    private static boolean isJpeg(String lower) {
        return lower.endsWith(".jpg") || lower.endsWith(".jpeg") || lower.endsWith(".jpe") || lower.endsWith(".jfif");
    }

    /** Returns the content of a file with this image; the same bytes each time. */
    public byte[] encode(PixelImage image) {
        BufferedImage buffered = buffered(image);
        ImageWriter writer = ImageIO.getImageWritersByFormatName(quality.isPresent() ? "jpeg" : "png")
                .next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
            writer.setOutput(stream);
            ImageWriteParam parameters = writer.getDefaultWriteParam();
            if (quality.isPresent()) {
                parameters.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
                parameters.setCompressionQuality(quality.get() / 100f);
            }
            writer.write(null, new IIOImage(buffered, null, null), parameters);
        } catch (IOException e) {
            throw new UncheckedIOException("an image could not be encoded in memory", e);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    /** The image as the JDK has images, over the same bytes. */
    static BufferedImage buffered(PixelImage image) {
        int channels = image.channels();
        int[] offsets = channels == 1 ? new int[] {0} : new int[] {0, 1, 2};
        DataBufferByte data = new DataBufferByte(image.pixels(), image.pixels().length);
        PixelInterleavedSampleModel model = new PixelInterleavedSampleModel(
                DataBuffer.TYPE_BYTE, image.width(), image.height(), channels, image.width() * channels, offsets);
        WritableRaster raster = Raster.createWritableRaster(model, data, new Point());
        ColorSpace space = ColorSpace.getInstance(channels == 1 ? ColorSpace.CS_GRAY : ColorSpace.CS_sRGB);
        ComponentColorModel colours =
                new ComponentColorModel(space, false, false, ComponentColorModel.OPAQUE, DataBuffer.TYPE_BYTE);
        return new BufferedImage(colours, raster, false, null);
    }
}
