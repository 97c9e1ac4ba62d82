package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The header of an array in NumPy's .npy format: element type, order and shape.
 *
 * <p>Format: {@code \x93NUMPY}, version (two bytes), header length (2 bytes in version 1, 4 bytes in versions 2 and 3,
 * little-endian), then a Python dictionary with exactly the keys descr, fortran_order and shape, padded with spaces
 * and ended by a line feed. See the documentation of {@code numpy.lib.format}.
 *
 * @param kind type of number: 'b' boolean, 'i' signed, 'u' unsigned, 'f' floating
 * @param itemSize bytes of one element
 * @param bigEndian whether the elements have their most significant byte first
 * @param fortranOrder whether the first dimension varies fastest
 * @param shape sizes of the dimensions; empty for a single number
 * @param length bytes of the header itself, all that stands before the first element
 */
record NpyHeader(char kind, int itemSize, boolean bigEndian, boolean fortranOrder, List<Long> shape, int length) {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    // NumPy itself refuses longer ones; a plain array needs about 80 bytes.
    private static final int LONGEST = 10_000;

    NpyHeader {
        shape = List.copyOf(shape);
    }

    /**
     * Reads a header from the start of {@code in} and leaves the stream at the first element.
     *
     * @param source what is being read, for messages
     * @throws UserError if it is not a header in this format, or of elements that are not plain numbers
     */
    static NpyHeader read(InputStream in, String source) throws IOException {
        byte[] start = in.readNBytes(8);
        if (start.length < 8) {
            throw new UserError(source + ": not a .npy array: it ends after " + start.length + " bytes");
        }
        for (int i = 0; i < MAGIC.length; i++) {
            if (start[i] != MAGIC[i]) {
                throw new UserError(source + ": not a .npy array: it does not begin with \\x93NUMPY");
            }
        }
        int version = start[6];
        if (version < 1 || version > 3 || start[7] != 0) {
            throw new UserError(source + ": .npy version " + (version & 0xff) + "." + (start[7] & 0xff)
                    + "; expected 1.0, 2.0 or 3.0");
        }
        int lengthBytes = version == 1 ? 2 : 4;
        byte[] size = in.readNBytes(lengthBytes);
        if (size.length < lengthBytes) {
            throw new UserError(source + ": truncated .npy header");
        }
        long textLength = 0;
        for (int i = lengthBytes - 1; i >= 0; i--) {
            textLength = textLength << 8 | (size[i] & 0xff);
        }
        if (textLength > LONGEST) {
            throw new UserError(source + ": .npy header of " + textLength + " bytes; expected at most " + LONGEST);
        }
        byte[] text = in.readNBytes((int) textLength);
        if (text.length < textLength) {
            throw new UserError(
                    source + ": truncated .npy header: expected " + textLength + " bytes, found " + text.length);
        }
        return new Parser(new String(text, StandardCharsets.UTF_8), source)
                .parse(MAGIC.length + 2 + lengthBytes + (int) textLength);
    }

    /** Returns a header for an array in C order, as NumPy writes it: version 1, padded to a multiple of 64 bytes. */
    static byte[] encode(char kind, int itemSize, long... shape) {
        StringBuilder text = new StringBuilder("{'descr': '")
                .append(itemSize == 1 ? '|' : '<')
                .append(kind)
                .append(itemSize)
                .append("', 'fortran_order': False, 'shape': (");
        for (int i = 0; i < shape.length; i++) {
            text.append(i > 0 ? ", " : "").append(shape[i]);
        }
        text.append(shape.length == 1 ? ",), }" : "), }");
        int before = MAGIC.length + 4;
        while ((before + text.length() + 1) % 64 != 0) {
            text.append(' ');
        }
        text.append('\n');
        byte[] header = new byte[before + text.length()];
        System.arraycopy(MAGIC, 0, header, 0, MAGIC.length);
        header[6] = 1;
        header[8] = (byte) text.length();
        header[9] = (byte) (text.length() >>> 8);
        byte[] ascii = text.toString().getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(ascii, 0, header, before, ascii.length);
        return header;
    }

    /** Returns the number of elements. */
    long elements() {
        long elements = 1;
        for (long size : shape) {
            elements *= size;
        }
        return elements;
    }

    /** Returns the number of bytes that follow the header. */
    long dataBytes() {
        return elements() * itemSize;
    }

    boolean isInteger() {
        return kind == 'i' || kind == 'u';
    }

    /** Returns the element type as NumPy names it, such as uint8. */
    String typeName() {
        return switch (kind) {
            case 'b' -> "bool";
            case 'i' -> "int" + 8 * itemSize;
            case 'u' -> "uint" + 8 * itemSize;
            default -> "float" + 8 * itemSize;
        };
    }

    /** Returns the shape as NumPy writes it, such as (60000, 28, 28). */
    String shapeText() {
        return shape.stream()
                .map(String::valueOf)
                .collect(Collectors.joining(", ", "(", shape.size() == 1 ? ",)" : ")"));
    }

    /** Returns text out of a file in a form that fits into a message of one line. */
    static String printable(String text) {
        String shown = text.codePoints()
                .limit(100)
                .map(c -> Character.isISOControl(c) || Character.getType(c) == Character.LINE_SEPARATOR ? '?' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        return shown.length() < text.length() ? shown + "…" : shown;
    }

    /** Reads the dictionary: only the literals that NumPy writes there, nothing is evaluated. */
    private static final class Parser {
        private final String text;
        private final String source;
        private int at;
        private String descr;
        private Boolean fortranOrder;
        private List<Long> shape;

        Parser(String text, String source) {
            this.text = text;
            this.source = source;
        }

        NpyHeader parse(int length) {
            expect('{');
            while (peek() != '}') {
                String key = string();
                expect(':');
                switch (key) {
                    case "descr" -> descr = once(key, descr, peek() == '\'' || peek() == '"' ? string() : structured());
                    case "fortran_order" -> fortranOrder = once(key, fortranOrder, bool());
                    case "shape" -> shape = once(key, shape, tuple());
                    default -> throw bad("unknown key '" + printable(key) + "'");
                }
                if (peek() == ',') {
                    at++;
                } else if (peek() != '}') {
                    throw bad("expected , or }");
                }
            }
            at++;
            if (peek() != 0) {
                throw bad("expected nothing after }");
            }
            if (descr == null || fortranOrder == null || shape == null) {
                throw bad("expected the keys descr, fortran_order and shape");
            }
            return header(length);
        }

        private NpyHeader header(int length) {
            boolean known = descr.length() == 3
                    && "<>|=".indexOf(descr.charAt(0)) >= 0
                    && switch (descr.charAt(1)) {
                        case 'b' -> descr.charAt(2) == '1';
                        case 'i', 'u' -> "1248".indexOf(descr.charAt(2)) >= 0;
                        case 'f' -> "248".indexOf(descr.charAt(2)) >= 0;
                        default -> false;
                    };
            // '|' says that the order of bytes does not matter, which is so for single bytes only.
            if (!known || (descr.charAt(0) == '|' && descr.charAt(2) != '1')) {
                throw new UserError(source + ": .npy elements of type '" + printable(descr)
                        + "'; expected plain integers or floating-point numbers");
            }
            int itemSize = descr.charAt(2) - '0';
            long bytes = itemSize;
            for (long size : shape) {
                if (size != 0 && bytes > Long.MAX_VALUE / 2 / size) {
                    throw bad("the shape is larger than any file");
                }
                bytes *= size;
            }
            return new NpyHeader(descr.charAt(1), itemSize, descr.charAt(0) == '>', fortranOrder, shape, length);
        }

        private <T> T once(String key, T before, T value) {
            if (before != null) {
                throw bad("key '" + key + "' stands twice");
            }
            return value;
        }

        private String structured() {
            throw new UserError(source + ": .npy array of records; expected plain numbers");
        }

        private String string() {
            char quote = peek();
            int end = quote == '\'' || quote == '"' ? text.indexOf(quote, at + 1) : -1;
            if (end < 0) {
                throw bad("expected a quoted string");
            }
            String value = text.substring(at + 1, end);
            at = end + 1;
            return value;
        }

        private Boolean bool() {
            peek();
            for (Boolean value : List.of(Boolean.TRUE, Boolean.FALSE)) {
                String word = value ? "True" : "False";
                if (text.startsWith(word, at)) {
                    at += word.length();
                    return value;
                }
            }
            throw bad("expected True or False");
        }

        private List<Long> tuple() {
            expect('(');
            List<Long> sizes = new ArrayList<>();
            while (peek() != ')') {
                sizes.add(number());
                if (peek() == ',') {
                    at++;
                } else if (peek() != ')' || sizes.size() == 1) {
                    // One number in brackets without a comma is a number in Python, not a tuple.
                    throw bad("expected ,");
                }
                if (sizes.size() > 32) {
                    throw bad("more than 32 dimensions");
                }
            }
            at++;
            return sizes;
        }

        private long number() {
            int start = at;
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
                at++;
            }
            if (at == start || at - start > 18) {
                throw bad("expected the size of a dimension");
            }
            return Long.parseLong(text.substring(start, at));
        }

        private void expect(char c) {
            if (peek() != c) {
                throw bad("expected " + c);
            }
            at++;
        }

        // Skips white space; 0 stands for the end.
        private char peek() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
            return at < text.length() ? text.charAt(at) : 0;
        }

        private UserError bad(String why) {
            return new UserError(source + ": damaged .npy header at character " + at + ": " + why);
        }
    }
}
