package dev.hornbeam.training.image;

import com.twelvemonkeys.imageio.metadata.Directory;
import com.twelvemonkeys.imageio.metadata.Entry;
import com.twelvemonkeys.imageio.metadata.tiff.TIFF;
import com.twelvemonkeys.imageio.metadata.tiff.TIFFReader;
import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import java.io.IOException;
import javax.imageio.stream.ImageInputStream;

/** How a stored image is to be turned before it is looked at: EXIF's tag 274. */
public enum Orientation {
    /** 1: as stored. */
    NORMAL(false, false, false),
    /** 2: left and right swapped. */
    MIRRORED(false, true, false),
    /** 3: upside down. */
    HALF_TURN(false, true, true),
    /** 4: top and bottom swapped. */
    FLIPPED(false, false, true),
    /** 5: rows and columns swapped. */
    TRANSPOSED(true, false, false),
    /** 6: to be turned clockwise. */
    CLOCKWISE(true, true, false),
    /** 7: rows and columns swapped over the other diagonal. */
    TRANSVERSED(true, true, true),
    /** 8: to be turned counterclockwise. */
    COUNTERCLOCKWISE(true, false, true);

    private static final int MAX_EXIF_BYTES = 1 << 16;

    // In this order: swap rows and columns, then reverse rows, then reverse the order of rows.
    private final boolean transposed;
    private final boolean mirrored;
    private final boolean flipped;

    Orientation(boolean transposed, boolean mirrored, boolean flipped) {
        this.transposed = transposed;
        this.mirrored = mirrored;
        this.flipped = flipped;
    }

    /**
     * Reads the tag from EXIF data, a TIFF structure. Data that is damaged, or has no such tag or another value than 1 to 8,
     * leaves an image as it is: cameras and editors write much that is no EXIF, and the image is none the worse for it.
     */
    public static Orientation ofExif(byte[] exif) {
        // The other kind of TIFF, with offsets of 64 bits (43), has no place in EXIF.
        if (exif.length < 8 || exif.length > MAX_EXIF_BYTES || exif[2] + exif[3] != TIFF.TIFF_MAGIC) {
            return NORMAL;
        }
        try (ImageInputStream stream = new ByteArrayImageInputStream(exif)) {
            Directory directory = new TIFFReader().read(stream);
            Entry entry = directory.getEntryById(TIFF.TAG_ORIENTATION);
            if (entry != null && entry.getValue() instanceof Number number) {
                return ofTag(number.intValue());
            }
            return NORMAL;
        } catch (IOException | RuntimeException e) {
            return NORMAL;
        }
    }

    /** Returns the orientation of that number, 1 to 8; of any other number, {@link #NORMAL}. */
    public static Orientation ofTag(int value) {
        return value >= 1 && value <= 8 ? values()[value - 1] : NORMAL;
    }

    /** Returns the image as it is to be looked at. */
    public PixelImage apply(PixelImage image) {
        if (this == NORMAL) {
            return image;
        }
        int width = transposed ? image.height() : image.width();
        int height = transposed ? image.width() : image.height();
        int channels = image.channels();
        byte[] source = image.pixels();
        byte[] turned = new byte[source.length];
        for (int y = 0; y < height; y++) {
            int line = flipped ? height - 1 - y : y;
            for (int x = 0; x < width; x++) {
                int place = mirrored ? width - 1 - x : x;
                int from = (transposed ? place * image.width() + line : line * image.width() + place) * channels;
                int to = (y * width + x) * channels;
                for (int c = 0; c < channels; c++) {
                    turned[to + c] = source[from + c];
                }
            }
        }
        return new PixelImage(width, height, channels, turned);
    }
}
