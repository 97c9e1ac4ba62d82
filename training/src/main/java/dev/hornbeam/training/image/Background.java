package dev.hornbeam.training.image;

import dev.hornbeam.training.UserError;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * What shows through where an image is transparent: a colour, or nothing, which takes the colours as stored and drops the
 * transparency, as {@code convert("RGB")} of Pillow does.
 *
 * @param composited whether images are laid over {@code rgb}
 * @param rgb the colour, 0xRRGGBB; 0 where nothing is composited
 */
public record Background(boolean composited, int rgb) {
    /** Behind transparent images by default: drawings and logos are made for white paper. */
    public static final Background WHITE = new Background(true, 0xffffff);

    /** Black. */
    public static final Background BLACK = new Background(true, 0);

    /** Transparency is dropped; the colours under it show. */
    public static final Background NONE = new Background(false, 0);

    private static final Pattern HEX = Pattern.compile("#[0-9a-fA-F]{6}");

    /** Checks the colour. */
    public Background {
        if (rgb < 0 || rgb > 0xffffff || (!composited && rgb != 0)) {
            throw new IllegalArgumentException("background colour " + rgb);
        }
    }

    /**
     * Reads {@code white}, {@code black}, {@code #rrggbb} or {@code none}.
     *
     * @throws UserError if it is none of them
     */
    public static Background parse(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "white" -> WHITE;
            case "black" -> BLACK;
            case "none" -> NONE;
            default -> {
                if (!HEX.matcher(text).matches()) {
                    throw new UserError("background \"" + text
                            + "\"; expected white, black, #rrggbb, or none to drop transparency");
                }
                yield new Background(true, Integer.parseInt(text.substring(1), 16));
            }
        };
    }

    /** Returns the text that {@link #parse} reads. */
    @Override
    public String toString() {
        if (equals(WHITE)) {
            return "white";
        }
        if (equals(BLACK)) {
            return "black";
        }
        return composited ? String.format(Locale.ROOT, "#%06x", rgb) : "none";
    }

    /** One channel of a pixel of that opacity, both 0..255, over this. */
    int blend(int value, int alpha, int channel) {
        if (!composited) {
            return value;
        }
        int behind = (rgb >> (16 - 8 * channel)) & 0xff;
        return (value * alpha + behind * (255 - alpha) + 127) / 255;
    }
}
