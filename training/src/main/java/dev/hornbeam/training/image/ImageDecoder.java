package dev.hornbeam.training.image;

import com.twelvemonkeys.imageio.plugins.jpeg.JPEGImageReaderSpi;
import com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi;
import dev.hornbeam.training.UserError;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.imageio.IIOException;
import javax.imageio.ImageReader;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageReaderSpi;
import javax.imageio.stream.ImageInputStream;
import org.w3c.dom.NamedNodeMap;
import org.w3c.dom.Node;

/**
 * Reads image files: PNG, JPEG, BMP, GIF (its first frame) and WebP, told by their content and not by their names.
 *
 * <p>What comes out is what Pillow gives for the same file as far as the formats determine it: turned upright by the EXIF
 * orientation, colour profiles ignored, of 16-bit channels the upper 8 bits. Transparent images are laid over the background.
 * The pixels of lossy formats may differ by a few units between decoders.
 *
 * <p>JPEG is decoded by libjpeg-turbo where the system has its TurboJPEG library, several times as fast as Java's own
 * decoder, which does it elsewhere; {@link #jpegDecoder} says which it is.
 *
 * <p>Any number of threads may use one decoder.
 */
public final class ImageDecoder {
    /** Pixels of the largest image that is read by default, 178,956,970: Pillow's limit too. */
    public static final long MAX_PIXELS = 178_956_970L;

    private static final long MAX_BYTES = 1L << 30;
    // Larger images than this are decoded one at a time, or a few of them would fill the heap together.
    private static final long LARGE_PIXELS = 24_000_000L;
    private static final Object LARGE = new Object();
    private static final int SOURCE = 0;

    private final Background background;
    private final long maxPixels;
    private final Optional<TurboJpeg> turbo;
    private final int shorterSide;

    /** Makes a decoder with the default limit of {@link #MAX_PIXELS}. */
    public ImageDecoder(Background background) {
        this(background, MAX_PIXELS);
    }

    /**
     * Makes a decoder.
     *
     * @param background behind transparent images
     * @param maxPixels images of more pixels are refused before anything is unpacked: a file of some kilobytes can hold
     *     thousands of millions
     */
    public ImageDecoder(Background background, long maxPixels) {
        if (maxPixels < 1) {
            throw new UserError("a limit of " + maxPixels + " pixels; expected at least 1");
        }
        this(background, maxPixels, TurboJpeg.get(), 0);
    }

    private ImageDecoder(Background background, long maxPixels, Optional<TurboJpeg> turbo, int shorterSide) {
        this.background = background;
        this.maxPixels = maxPixels;
        this.turbo = turbo;
        this.shorterSide = shorterSide;
    }

    /** Returns the name of what decodes JPEG here. */
    public static String jpegDecoder() {
        return TurboJpeg.get().isPresent() ? "libjpeg-turbo" : "Java";
    }

    /** Returns the same decoder, which decodes JPEG in Java whatever the system has. */
    public ImageDecoder inJava() {
        return new ImageDecoder(background, maxPixels, Optional.empty(), shorterSide);
    }

    /**
     * Returns the same decoder, which may decode a JPEG smaller, by a number of eighths, as long as its shorter side keeps so
     * many pixels: faster, for large photographs of which a small one is made, whose pixels it changes. libjpeg-turbo only; what
     * Java decodes keeps its size.
     *
     * @param pixels at least 1
     */
    public ImageDecoder shrinkingTo(int pixels) {
        if (pixels < 1) {
            throw new UserError("images are to be decoded with a shorter side of " + pixels + "; expected at least 1");
        }
        return new ImageDecoder(background, maxPixels, turbo, pixels);
    }

    /**
     * Returns the image in {@code file}.
     *
     * @throws UserError if it cannot be read, is none of the formats, is damaged or cut short, or too large; the message names
     *     the file and says what is wrong
     */
    public PixelImage decode(Path file) {
        byte[] content;
        try {
            // Reading a pipe or a device might never end.
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new UserError("cannot read " + file + ": it is not a regular file");
            }
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw new UserError("cannot read " + file + ": it has " + size + " bytes; images of up to " + MAX_BYTES
                        + " bytes are read");
            }
            content = Files.readAllBytes(file);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
        return decode(file.toString(), content);
    }

    /**
     * Returns the image in the content of a file.
     *
     * @param name for messages
     * @param content of the file; changed, because colour profiles are hidden in it
     * @throws UserError as {@link #decode(Path)} does
     */
    public PixelImage decode(String name, byte[] content) {
        if (content.length == 0) {
            throw new UserError("cannot read " + name + ": the file is empty");
        }
        ImageFormat format = ImageFormat.of(content)
                .orElseThrow(() -> new UserError("cannot read " + name
                        + ": it is no image of a known format; expected PNG, JPEG, BMP, GIF or WebP"));
        try {
            return decode(content, format);
        } catch (TooLarge e) {
            throw new UserError("cannot read " + name + ": " + e.getMessage(), e);
        } catch (IOException | RuntimeException e) {
            // JDK's decoders pack a lack of memory into an exception of their own.
            if (isLackOfMemory(e)) {
                throw tooLittleMemory(name, e);
            }
            // Decoders of damaged data fall over in many ways; each of them is the file's fault.
            throw new UserError("cannot read " + name + ": the " + format + " image is damaged" + reason(e), e);
        } catch (OutOfMemoryError e) {
            throw tooLittleMemory(name, e);
        }
    }

    private static boolean isLackOfMemory(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof OutOfMemoryError) {
                return true;
            }
        }
        return false;
    }

    private static UserError tooLittleMemory(String name, Throwable cause) {
        return new UserError(
                "cannot read " + name + ": the image does not fit into the Java heap of "
                        + (Runtime.getRuntime().maxMemory() >> 20)
                        + " MiB; give it more with HORNBEAM_JAVA_OPTS=-Xmx8g",
                cause);
    }

    /** Returns the pixels of {@code image}, transparent ones over the background. */
    public PixelImage convert(BufferedImage image) {
        return JavaImages.toPixels(image, background);
    }

    private PixelImage decode(byte[] content, ImageFormat format) throws IOException {
        ImageMarkers markers = ImageMarkers.read(content, format);
        if (turbo.isPresent() && format == ImageFormat.JPEG) {
            Optional<PixelImage> image = turbo(turbo.get(), content, markers);
            if (image.isPresent()) {
                return markers.orientation().apply(image.get());
            }
        }
        ImageReader reader = Readers.of(format).createReaderInstance();
        try (ImageInputStream stream = new ImageContent(content)) {
            // Only GIF's metadata is of use; of the others' some can be unpacked to any size.
            reader.setInput(stream, false, format != ImageFormat.GIF);
            long pixels =
                    checkSize(reader.getWidth(SOURCE), reader.getHeight(SOURCE), markers.mostPixels(format), content);
            if (pixels <= LARGE_PIXELS) {
                return markers.orientation().apply(pixels(reader, format, markers, content));
            }
            synchronized (LARGE) {
                return markers.orientation().apply(pixels(reader, format, markers, content));
            }
        } finally {
            reader.dispose();
        }
    }

    // Empty for what the library does not know, and what is damaged: Java's decoders know more, and say what is wrong.
    private Optional<PixelImage> turbo(TurboJpeg library, byte[] content, ImageMarkers markers) throws IOException {
        boolean usual = markers.precision() == 8 && (markers.components() == 1 || markers.components() == 3);
        if (!usual || markers.width() == 0 || markers.height() == 0) {
            return Optional.empty();
        }
        long pixels = checkSize(markers.width(), markers.height(), markers.mostPixels(ImageFormat.JPEG), content);
        if (pixels <= LARGE_PIXELS) {
            return library.decode(content, shorterSide, markers.width(), markers.height());
        }
        synchronized (LARGE) {
            return library.decode(content, shorterSide, markers.width(), markers.height());
        }
    }

    private long checkSize(int width, int height, long most, byte[] content) throws IOException {
        if (width < 1 || height < 1) {
            throw new IIOException("it has no pixels: " + width + "x" + height);
        }
        long pixels = (long) width * height;
        if (pixels > maxPixels) {
            throw new TooLarge("the image has " + width + "x" + height + " pixels; up to " + maxPixels + " are read");
        }
        // Everything here is indexed by int: three bytes a pixel at the end, up to eight on the way.
        if (pixels > Integer.MAX_VALUE / 8) {
            throw new TooLarge("the image has " + width + "x" + height + " pixels; more than " + Integer.MAX_VALUE / 8
                    + " are beyond this program");
        }
        if (pixels > most) {
            throw new IIOException("its size of " + width + "x" + height + " pixels is more than " + content.length
                    + " bytes can hold");
        }
        return pixels;
    }

    private PixelImage pixels(ImageReader reader, ImageFormat format, ImageMarkers markers, byte[] content)
            throws IOException {
        List<String> warnings = new ArrayList<>();
        reader.addIIOReadWarningListener((_, warning) -> warnings.add(warning));
        PixelImage image = switch (format) {
            case JPEG ->
                markers.components() == 4
                        ? JavaImages.ofFourChannels(reader.readRaster(SOURCE, null), markers.transform())
                        : convert(reader.read(SOURCE));
            case GIF -> convert(onScreen(reader, markers.mostPixels(format), content));
            case PNG, BMP, WEBP -> convert(reader.read(SOURCE));
        };
        // A JPEG that is cut short is only warned of; its lower part is grey.
        for (String warning : warnings) {
            String lower = warning.toLowerCase(Locale.ROOT);
            if (lower.contains("truncated") || lower.contains("premature")) {
                throw new IIOException("it is cut short");
            }
        }
        return image;
    }

    // A frame may be smaller than the screen that it is shown on; the rest of the screen is transparent.
    private BufferedImage onScreen(ImageReader reader, long most, byte[] content) throws IOException {
        BufferedImage frame = reader.read(SOURCE);
        Node screen =
                child(reader.getStreamMetadata().getAsTree("javax_imageio_gif_stream_1.0"), "LogicalScreenDescriptor");
        Node place = child(reader.getImageMetadata(SOURCE).getAsTree("javax_imageio_gif_image_1.0"), "ImageDescriptor");
        int width = attribute(screen, "logicalScreenWidth");
        int height = attribute(screen, "logicalScreenHeight");
        int left = attribute(place, "imageLeftPosition");
        int top = attribute(place, "imageTopPosition");
        if (left == 0 && top == 0 && frame.getWidth() >= width && frame.getHeight() >= height) {
            return frame;
        }
        width = Math.max(width, left + frame.getWidth());
        height = Math.max(height, top + frame.getHeight());
        checkSize(width, height, most, content);
        BufferedImage whole = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
        int[] row = new int[frame.getWidth()];
        for (int y = 0; y < frame.getHeight(); y++) {
            frame.getRGB(0, y, row.length, 1, row, 0, row.length);
            whole.setRGB(left, top + y, row.length, 1, row, 0, row.length);
        }
        return whole;
    }

    private static Node child(Node parent, String name) throws IOException {
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node.getNodeName().equals(name)) {
                return node;
            }
        }
        throw new IIOException("it lacks its " + name);
    }

    private static int attribute(Node node, String name) {
        NamedNodeMap attributes = node.getAttributes();
        return Integer.parseInt(attributes.getNamedItem(name).getNodeValue());
    }

    private static String reason(Exception e) {
        String message = e.getMessage();
        return message == null || message.isBlank() || !(e instanceof IOException)
                ? ""
                : ": " + message.lines().findFirst().orElse("").strip();
    }

    /** An image that is refused for its size, and is not damaged. */
    private static final class TooLarge extends IOException {
        private static final long serialVersionUID = 1L;

        TooLarge(String message) {
            super(message);
        }
    }

    /**
     * The decoder of each format, whatever else an application has registered: the same file gives the same pixels everywhere.
     */
    private static final class Readers {
        private static final ImageReaderSpi PNG = ofJdk("com.sun.imageio.plugins.png.PNGImageReaderSpi");
        private static final ImageReaderSpi GIF = ofJdk("com.sun.imageio.plugins.gif.GIFImageReaderSpi");
        private static final ImageReaderSpi BMP = ofJdk("com.sun.imageio.plugins.bmp.BMPImageReaderSpi");
        private static final ImageReaderSpi JPEG = jpeg();
        private static final ImageReaderSpi WEBP = new WebPImageReaderSpi();

        static ImageReaderSpi of(ImageFormat format) {
            return switch (format) {
                case PNG -> PNG;
                case JPEG -> JPEG;
                case BMP -> BMP;
                case GIF -> GIF;
                case WEBP -> WEBP;
            };
        }

        private static ImageReaderSpi ofJdk(String className) {
            Iterator<ImageReaderSpi> found = IIORegistry.getDefaultInstance()
                    .getServiceProviders(
                            ImageReaderSpi.class,
                            provider -> provider.getClass().getName().equals(className),
                            false);
            if (!found.hasNext()) {
                throw new UserError("this Java runtime lacks " + className + "; use one with the module java.desktop");
            }
            return found.next();
        }

        // It finds JDK's decoder, to which it leaves what that can do, when it is registered.
        private static ImageReaderSpi jpeg() {
            IIORegistry registry = IIORegistry.getDefaultInstance();
            ImageReaderSpi registered = registry.getServiceProviderByClass(JPEGImageReaderSpi.class);
            if (registered == null) {
                registered = new JPEGImageReaderSpi();
                registry.registerServiceProvider(registered, ImageReaderSpi.class);
            }
            return registered;
        }
    }
}
