package dev.hornbeam.training.image;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A format of image files that can be read. The content tells it; names of files only say where to look for images. */
public enum ImageFormat {
    /** Portable Network Graphics, 1 to 16 bits per channel. */
    PNG("png"),
    /** JPEG, baseline and progressive; grey, colour, CMYK, YCCK. */
    JPEG("jpg jpeg jpe jfif"),
    /** Windows bitmap. */
    BMP("bmp dib"),
    /** GIF; the first frame counts. */
    GIF("gif"),
    /** WebP, lossy and lossless; the first frame counts. */
    WEBP("webp");

    private final String extensions;

    ImageFormat(String extensions) {
        this.extensions = extensions;
    }

    /** Returns the format that content with these first bytes has. */
    public static Optional<ImageFormat> of(byte[] content) {
        if (startsWith(content, 0, "\u0089PNG\r\n\u001a\n")) {
            return Optional.of(PNG);
        }
        if (startsWith(content, 0, "\u00ff\u00d8\u00ff")) {
            return Optional.of(JPEG);
        }
        if (startsWith(content, 0, "GIF87a") || startsWith(content, 0, "GIF89a")) {
            return Optional.of(GIF);
        }
        if (startsWith(content, 0, "RIFF") && startsWith(content, 8, "WEBP")) {
            return Optional.of(WEBP);
        }
        return startsWith(content, 0, "BM") ? Optional.of(BMP) : Optional.empty();
    }

    /** Whether a file of that name is expected to be an image. */
    public static boolean isImageName(Path file) {
        Path last = file.getFileName();
        String name = last == null ? "" : last.toString().toLowerCase(Locale.ROOT);
        int dot = name.lastIndexOf('.');
        // Hidden files are not images: macOS leaves ._photo.jpg beside photo.jpg.
        return dot > 0 && !name.startsWith(".") && allExtensions().anyMatch(name.substring(dot + 1)::equals);
    }

    /** Returns the extensions of file names, as in {@code .png, .jpg}. */
    public static String extensions() {
        return allExtensions().map(extension -> "." + extension).collect(Collectors.joining(", "));
    }

    private static Stream<String> allExtensions() {
        return Stream.of(values()).flatMap(format -> Stream.of(format.extensions.split(" ", -1)));
    }

    private static boolean startsWith(byte[] content, int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        if (content.length < at + bytes.length) {
            return false;
        }
        for (int i = 0; i < bytes.length; i++) {
            if (content[at + i] != bytes[i]) {
                return false;
            }
        }
        return true;
    }
}
