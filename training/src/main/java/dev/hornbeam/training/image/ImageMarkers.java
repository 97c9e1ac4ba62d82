package dev.hornbeam.training.image;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import javax.imageio.IIOException;

/**
 * What stands around the pixels of an image file and matters for them: orientation, and how the four channels of a JPEG are
 * meant.
 *
 * <p>Colour profiles are made unrecognisable in place, so that no decoder applies them: pixels mean what they mean to the
 * libraries that training sets are read with, which take all images for sRGB.
 */
final class ImageMarkers {
    /** The four channels are cyan, magenta, yellow, black; the value of a JPEG's Adobe marker for it. */
    static final int CMYK = 0;

    /** The four channels are luma, two of chroma, black; the value of a JPEG's Adobe marker for it. */
    static final int YCCK = 2;

    private static final byte[] EXIF = "Exif\0\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] PROFILE = "ICC_PROFILE\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] ADOBE = "Adobe".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] PNG_EXIF = "eXIf".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] WEBP_EXIF = "EXIF".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] WEBP_PROFILE = "ICCP".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] WEBP_LOSSLESS = "VP8L".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] WEBP_EXTENDED = "VP8X".getBytes(StandardCharsets.ISO_8859_1);
    private static final int WEBP_HAS_PROFILE = 0x20;

    // Deflate shrinks by at most 1032 to 1.
    private static final long PNG_RATIO = 1032;
    private static final int PNG_HEADER = 33;
    private static final int BMP_HEADER = 34;
    // A code of GIF has at least 3 bits; one of 12 stands for at most 4096 pixels, shorter ones for fewer.
    private static final long GIF_PIXELS = 4096 * 8 / 12 + 1;
    // A block of 64 pixels has one bit at least, and where components differ in size there may be four times as many
    // pixels
    // as in the largest of them.
    private static final long JPEG_PIXELS = 4 * 64 * 8;
    // The modes of a block of 256 pixels alone take more than three bits.
    private static final long VP8_PIXELS = 1024;
    // A run of 255 pixels takes two bytes, but the rest of a line may be left out.
    private static final long BMP_RUN_PIXELS = 4096;

    private final byte[] content;
    private byte[] exif = new byte[0];
    private int components;
    private int precision;
    private int width;
    private int height;
    private int transform = CMYK;
    private boolean unlimited;

    private ImageMarkers(byte[] content) {
        this.content = content;
    }

    /**
     * Reads them from a file's content, and hides colour profiles in it.
     *
     * @throws IIOException if the file is shorter than it says and its decoder would not notice
     */
    static ImageMarkers read(byte[] content, ImageFormat format) throws IIOException {
        ImageMarkers markers = new ImageMarkers(content);
        switch (format) {
            case JPEG -> markers.readJpeg();
            case PNG -> markers.readPng();
            case WEBP -> markers.readWebp();
            case BMP, GIF -> {
                // They have none.
            }
        }
        return markers;
    }

    Orientation orientation() {
        return Orientation.ofExif(exif);
    }

    /** Channels of a JPEG, as its frame header says; 0 where it has none. */
    int components() {
        return components;
    }

    /** Bits of a value of a JPEG, as its frame header says; 0 where it has none. */
    int precision() {
        return precision;
    }

    /** Columns of a JPEG, as its frame header says; 0 where it has none. */
    int width() {
        return width;
    }

    /** Rows of a JPEG, as its frame header says; 0 where it has none, or says them at the end. */
    int height() {
        return height;
    }

    /** What the four channels of a JPEG are: {@link #CMYK}, {@link #YCCK}, or a number that nobody has given a meaning. */
    int transform() {
        return transform;
    }

    /**
     * The most pixels that the file can hold, whatever its header says: a damaged size must not become a request for all
     * memory. {@link Long#MAX_VALUE} where the format has no limit.
     */
    long mostPixels(ImageFormat format) {
        if (unlimited) {
            return Long.MAX_VALUE;
        }
        return switch (format) {
            case PNG -> content.length < PNG_HEADER ? 0 : PNG_RATIO * content.length * 8 / pngBits();
            case BMP -> content.length < BMP_HEADER ? 0 : content.length * (bmpIsPlain() ? 8 : BMP_RUN_PIXELS);
            case GIF -> GIF_PIXELS * content.length;
            case JPEG -> JPEG_PIXELS * content.length;
            case WEBP -> VP8_PIXELS * content.length;
        };
    }

    // Depth and kind of colour; those that do not exist are left to the decoder.
    private int pngBits() {
        int channels = switch (content[25]) {
            case 2 -> 3;
            case 4 -> 2;
            case 6 -> 4;
            default -> 1;
        };
        return channels * Math.max(1, content[24] & 0x1f);
    }

    private boolean bmpIsPlain() {
        return littleEndian(30) == 0;
    }

    // ITU-T T.81, annex B: 0xff, marker, length of what follows and itself. What is damaged is left to the decoder.
    private void readJpeg() {
        int at = 2;
        while (at + 4 <= content.length && (content[at] & 0xff) == 0xff) {
            int marker = content[at + 1] & 0xff;
            if (marker == 0xff) {
                at++;
                continue;
            }
            if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
                at += 2;
                continue;
            }
            int begin = at + 4;
            int end = at + 2 + (((content[at + 2] & 0xff) << 8) | (content[at + 3] & 0xff));
            if (marker == 0xda || marker == 0xd9 || end < begin || end > content.length) {
                return;
            }
            readSegment(marker, begin, end);
            at = end;
        }
    }

    private void readSegment(int marker, int begin, int end) {
        boolean frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
        if (frame && end - begin >= 6) {
            // Arithmetic codes shrink what does not change to almost nothing.
            unlimited |= marker >= 0xc9;
            precision = content[begin] & 0xff;
            height = ((content[begin + 1] & 0xff) << 8) | (content[begin + 2] & 0xff);
            width = ((content[begin + 3] & 0xff) << 8) | (content[begin + 4] & 0xff);
            components = content[begin + 5] & 0xff;
        } else if (marker == 0xe1 && has(EXIF, begin, end) && exif.length == 0) {
            exif = Arrays.copyOfRange(content, begin + EXIF.length, end);
        } else if (marker == 0xe2 && has(PROFILE, begin, end)) {
            content[begin] = '-';
        } else if (marker == 0xee && has(ADOBE, begin, end) && end - begin >= 12) {
            transform = content[begin + 11] & 0xff;
        }
    }

    // Chunks of length, name, data and check sum, after a signature of 8 bytes. JDK's decoder has no ear for profiles.
    private void readPng() {
        long at = 8;
        while (at + 12 <= content.length) {
            int begin = (int) at + 8;
            long length = ((content[begin - 8] & 0xffL) << 24)
                    | ((content[begin - 7] & 0xff) << 16)
                    | ((content[begin - 6] & 0xff) << 8)
                    | (content[begin - 5] & 0xff);
            if (begin + length > content.length) {
                return;
            }
            if (has(PNG_EXIF, begin - 4, begin) && exif.length == 0) {
                exif = Arrays.copyOfRange(content, begin, (int) (begin + length));
            }
            at = begin + length + 4;
        }
    }

    // Chunks of name, length and an even number of bytes; before them RIFF, the length of what follows, and WEBP.
    private void readWebp() throws IIOException {
        // The decoder takes bits that are missing for zeros.
        if (8 + littleEndian(4) > content.length) {
            throw new IIOException("it is cut short");
        }
        long at = 12;
        while (at + 8 <= content.length) {
            int begin = (int) at + 8;
            long length = littleEndian(begin - 4);
            if (begin + length > content.length) {
                throw new IIOException("it is cut short");
            }
            if (has(WEBP_EXIF, begin - 8, begin) && exif.length == 0) {
                exif = Arrays.copyOfRange(content, begin, (int) (begin + length));
                // Some writers begin as JPEG does.
                if (has(exif, EXIF)) {
                    exif = Arrays.copyOfRange(exif, EXIF.length, exif.length);
                }
            } else if (has(WEBP_PROFILE, begin - 8, begin)) {
                content[begin - 8] = 'X';
            } else if (has(WEBP_LOSSLESS, begin - 8, begin)) {
                // An image of one colour takes no bits.
                unlimited = true;
            } else if (has(WEBP_EXTENDED, begin - 8, begin) && length > 0) {
                content[begin] &= (byte) ~WEBP_HAS_PROFILE;
            }
            at = begin + length + (length & 1);
        }
    }

    private long littleEndian(int at) {
        return (content[at] & 0xff)
                | ((content[at + 1] & 0xff) << 8)
                | ((content[at + 2] & 0xff) << 16)
                | ((content[at + 3] & 0xffL) << 24);
    }

    private boolean has(byte[] word, int begin, int end) {
        return end - begin >= word.length && Arrays.equals(content, begin, begin + word.length, word, 0, word.length);
    }

    private static boolean has(byte[] bytes, byte[] word) {
        return bytes.length >= word.length && Arrays.equals(bytes, 0, word.length, word, 0, word.length);
    }
}
