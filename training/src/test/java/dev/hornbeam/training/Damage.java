package dev.hornbeam.training;

import dev.hornbeam.tensor.Philox;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;

/**
 * Changes of a file's bytes as disks, networks, editors and faulty programs make them: bits flipped, bytes overwritten, cut
 * off, appended, left out, put in, repeated, exchanged; numbers replaced by those that lengths and counts fall over at; in text,
 * words and lines too. Which, where and how often is drawn from a Philox stream: the same stream gives the same file.
 */
final class Damage {
    // Headers are at a file's beginning, the directories of archives at its end.
    private static final int ENDS = 256;

    private static final long[] EXTREMES = {
        0,
        1,
        -1,
        -2,
        0x7f,
        0x80,
        0xff,
        0x100,
        0x7fff,
        0x8000,
        0xffff,
        0x10000,
        0x7ffffffe,
        0x7fffffff,
        0x80000000L,
        0xfffffffeL,
        0xffffffffL,
        0x100000000L,
        1L << 40,
        Long.MAX_VALUE,
        Long.MIN_VALUE
    };

    private static final String[] WORDS = {
        "-1",
        "0",
        "1",
        "-0",
        "65536",
        "2147483647",
        "2147483648",
        "-2147483648",
        "4294967296",
        "9223372036854775807",
        "99999999999999999999999999",
        "0.5",
        "1e400",
        "-1e-400",
        "NaN",
        "Infinity",
        "null",
        "true",
        "\"\"",
        "[]",
        "{}",
        "[[",
        "{\"a\":",
        "]",
        "}",
        "\"",
        "'",
        ",",
        ",,",
        ";",
        ":",
        ": ",
        "- ",
        "#",
        "&a ",
        "*a",
        "!!int ",
        "|",
        "\n",
        "\n\n",
        "\r",
        "\t",
        " ",
        "\u0000",
        "\u0007",
        "\u001b[31m",
        "\\",
        "\\u0000",
        "\\uD800",
        "/",
        "../",
        "/etc/passwd",
        "\uFEFF",
        "\u2028",
        "\u00e9",
        "\ud83d\udc36",
        "%s",
        "none"
    };

    private final Philox philox;
    private final byte[] donor;
    private final StringBuilder story = new StringBuilder();
    private long element;

    private Damage(Philox philox, byte[] donor) {
        this.philox = philox;
        this.donor = donor;
    }

    /**
     * Bytes after one to four changes, and what they were.
     *
     * @param bytes of the file
     * @param story one part for each change, for messages
     */
    @SuppressWarnings("ArrayRecordComponent") // Handed on once and never compared.
    record Damaged(byte[] bytes, String story) {}

    /**
     * Damages a file.
     *
     * @param original not changed
     * @param donor another file, of which pieces may be put in
     */
    static Damaged of(byte[] original, byte[] donor, Philox philox) {
        Damage damage = new Damage(philox, donor);
        byte[] bytes = original;
        int changes = 1 + damage.below(2) * damage.below(4);
        for (int i = 0; i < changes; i++) {
            bytes = bytes.length == 0 ? damage.appended(bytes) : damage.changed(bytes);
        }
        return new Damaged(bytes, damage.story.toString());
    }

    private int below(int bound) {
        return philox.below(element++, bound);
    }

    private void tell(String what) {
        story.append(story.isEmpty() ? "" : "; ").append(what);
    }

    private int place(int length) {
        return switch (below(4)) {
            case 0 -> below(Math.min(length, ENDS));
            case 1 -> length - 1 - below(Math.min(length, ENDS));
            default -> below(length);
        };
    }

    private static boolean isText(byte[] bytes) {
        int strange = 0;
        for (int i = 0; i < Math.min(bytes.length, ENDS); i++) {
            strange += bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\r' && bytes[i] != '\t' ? 1 : 0;
        }
        return strange <= 8;
    }

    private byte[] changed(byte[] bytes) {
        int at = place(bytes.length);
        int length = 1 + below(Math.min(64, bytes.length - at));
        if (isText(bytes) && below(2) == 0) {
            return changedText(bytes, at);
        }
        return switch (below(14)) {
            case 0, 1 -> flipped(bytes, at);
            case 2 -> filled(bytes, at, 1);
            case 3 -> filled(bytes, at, length);
            case 4 -> cut(bytes, at);
            case 5 -> appended(bytes);
            case 6 -> {
                tell(String.format(Locale.ROOT, "%d bytes left out at %d", length, at));
                yield spliced(bytes, at, at + length, new byte[0]);
            }
            case 7 -> putIn(bytes, at, length);
            case 8 -> exchanged(bytes, at, length);
            case 9 -> {
                byte[] copy = bytes.clone();
                int from = below(bytes.length - length + 1);
                System.arraycopy(bytes, from, copy, at, length);
                tell(String.format(Locale.ROOT, "%d bytes at %d overwritten by those at %d", length, at, from));
                yield copy;
            }
            case 10 -> offByOne(bytes, at);
            default -> extreme(bytes, at);
        };
    }

    private byte[] flipped(byte[] bytes, int at) {
        byte[] copy = bytes.clone();
        int count = below(4) == 0 ? 1 + below(8) : 1;
        for (int i = 0; i < count; i++) {
            int place = Math.min(bytes.length - 1, at + i * below(8));
            int bit = below(8);
            copy[place] ^= (byte) (1 << bit);
            tell(String.format(Locale.ROOT, "bit %d of byte %d flipped", bit, place));
        }
        return copy;
    }

    private byte[] filled(byte[] bytes, int at, int length) {
        byte[] copy = bytes.clone();
        switch (below(3)) {
            case 0 -> Arrays.fill(copy, at, at + length, (byte) 0);
            case 1 -> Arrays.fill(copy, at, at + length, (byte) 0xff);
            default -> {
                for (int i = at; i < at + length; i++) {
                    copy[i] = (byte) below(256);
                }
            }
        }
        tell(String.format(Locale.ROOT, "%d bytes at %d set, the first to 0x%02x", length, at, copy[at]));
        return copy;
    }

    private byte[] cut(byte[] bytes, int at) {
        int left = below(3) == 0 ? bytes.length - 1 - below(Math.min(16, bytes.length)) : at;
        tell(String.format(Locale.ROOT, "cut to %d bytes", left));
        return Arrays.copyOf(bytes, left);
    }

    private byte[] appended(byte[] bytes) {
        byte[] more = new byte[1 + below(ENDS)];
        int kind = below(3);
        for (int i = 0; i < more.length && kind > 0; i++) {
            more[i] = kind == 1 ? (byte) below(256) : bytes.length == 0 ? 0 : bytes[i % bytes.length];
        }
        tell(String.format(Locale.ROOT, "%d bytes appended", more.length));
        return spliced(bytes, bytes.length, bytes.length, more);
    }

    private byte[] putIn(byte[] bytes, int at, int length) {
        boolean own = donor.length == 0 || below(2) == 0;
        byte[] source = own ? bytes : donor;
        int from = below(source.length);
        byte[] piece = Arrays.copyOfRange(source, from, Math.min(source.length, from + length));
        int times = below(16) == 0 ? 100 : 1;
        byte[] pieces = new byte[piece.length * times];
        for (int i = 0; i < pieces.length; i++) {
            pieces[i] = piece[i % piece.length];
        }
        tell(String.format(
                Locale.ROOT,
                "%d bytes from %d of %s file put in at %d, %d times",
                piece.length,
                from,
                own ? "this" : "another",
                at,
                times));
        return spliced(bytes, at, at, pieces);
    }

    private byte[] exchanged(byte[] bytes, int at, int length) {
        byte[] copy = bytes.clone();
        int other = below(bytes.length - length + 1);
        System.arraycopy(bytes, at, copy, other, length);
        System.arraycopy(bytes, other, copy, at, length);
        tell(String.format(Locale.ROOT, "%d bytes at %d and %d exchanged", length, at, other));
        return copy;
    }

    private ByteBuffer number(byte[] copy) {
        return ByteBuffer.wrap(copy).order(below(2) == 0 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
    }

    private byte[] offByOne(byte[] bytes, int at) {
        int width = 2 << below(3);
        if (bytes.length < width) {
            return flipped(bytes, at);
        }
        byte[] copy = bytes.clone();
        int place = Math.min(at, bytes.length - width);
        ByteBuffer number = number(copy);
        int by = below(2) == 0 ? 1 : -1;
        switch (width) {
            case 2 -> number.putShort(place, (short) (number.getShort(place) + by));
            case 4 -> number.putInt(place, number.getInt(place) + by);
            default -> number.putLong(place, number.getLong(place) + by);
        }
        tell(String.format(
                Locale.ROOT, "%d added to the number of %d bytes at %d, %s", by, width, place, number.order()));
        return copy;
    }

    private byte[] extreme(byte[] bytes, int at) {
        int width = 2 << below(3);
        if (bytes.length < width) {
            return filled(bytes, at, 1);
        }
        byte[] copy = bytes.clone();
        int place = Math.min(at, bytes.length - width);
        ByteBuffer number = number(copy);
        long value = below(8) == 0 ? bytes.length + below(3) - 1L : EXTREMES[below(EXTREMES.length)];
        switch (width) {
            case 2 -> number.putShort(place, (short) value);
            case 4 -> number.putInt(place, (int) value);
            default -> number.putLong(place, value);
        }
        tell(String.format(
                Locale.ROOT, "the number of %d bytes at %d set to 0x%x, %s", width, place, value, number.order()));
        return copy;
    }

    private byte[] changedText(byte[] bytes, int at) {
        return switch (below(5)) {
            case 0 -> {
                String word = WORDS[below(WORDS.length)];
                tell(String.format(Locale.ROOT, "text %s put in at %d", visible(word), at));
                yield spliced(bytes, at, at, word.getBytes(StandardCharsets.UTF_8));
            }
            case 1, 2 -> {
                int begin = at;
                int end = at;
                while (begin > 0 && isWordPart(bytes[begin - 1])) {
                    begin--;
                }
                while (end < bytes.length && isWordPart(bytes[end])) {
                    end++;
                }
                String word = WORDS[below(WORDS.length)];
                tell(String.format(Locale.ROOT, "word at %d to %d replaced by %s", begin, end, visible(word)));
                yield spliced(bytes, begin, end, word.getBytes(StandardCharsets.UTF_8));
            }
            case 3 -> changedLine(bytes, at);
            default -> {
                String word = WORDS[below(WORDS.length)];
                int times = below(8) == 0 ? 3000 : 2 + below(40);
                tell(String.format(Locale.ROOT, "text %s put in at %d, %d times", visible(word), at, times));
                yield spliced(bytes, at, at, word.repeat(times).getBytes(StandardCharsets.UTF_8));
            }
        };
    }

    private byte[] changedLine(byte[] bytes, int at) {
        int begin = at;
        int end = at;
        while (begin > 0 && bytes[begin - 1] != '\n') {
            begin--;
        }
        while (end < bytes.length && bytes[end] != '\n') {
            end++;
        }
        end = Math.min(bytes.length, end + 1);
        byte[] line = Arrays.copyOfRange(bytes, begin, end);
        if (below(2) == 0) {
            tell(String.format(Locale.ROOT, "line at %d left out", begin));
            return spliced(bytes, begin, end, new byte[0]);
        }
        tell(String.format(Locale.ROOT, "line at %d repeated", begin));
        return spliced(bytes, begin, begin, line);
    }

    private static boolean isWordPart(byte b) {
        return Character.isLetterOrDigit(b) || b == '.' || b == '-' || b == '_';
    }

    private static String visible(String word) {
        StringBuilder text = new StringBuilder("\"");
        word.chars()
                .forEach(c -> text.append(
                        c >= ' ' && c < 0x7f ? Character.toString(c) : String.format(Locale.ROOT, "\\u%04x", c)));
        return text.append('"').toString();
    }

    private static byte[] spliced(byte[] bytes, int from, int to, byte[] by) {
        byte[] all = new byte[bytes.length - (to - from) + by.length];
        System.arraycopy(bytes, 0, all, 0, from);
        System.arraycopy(by, 0, all, from, by.length);
        System.arraycopy(bytes, to, all, from + by.length, bytes.length - to);
        return all;
    }
}
