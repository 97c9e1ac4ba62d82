package dev.hornbeam.io;

import dev.hornbeam.tensor.DType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What the header of an array in numpy's .npy format says: type, order and shape.
 *
 * <p>Format: {@code \x93NUMPY}, version (two bytes), length of the text (2 bytes in version 1, 4 bytes in versions 2 and
 * 3, little endian), then as text a Python dictionary with exactly the keys descr, fortran_order and shape, padded with
 * spaces and ended by a line feed. See the documentation of {@code numpy.lib.format}.
 *
 * @param kind kind of number: 'b' boolean, 'i' signed, 'u' unsigned, 'f' floating
 * @param itemSize bytes of one element in the file
 * @param bigEndian whether the elements have their most significant byte first
 * @param fortranOrder whether the first dimension varies fastest
 * @param shape sizes of the dimensions; empty for a single number
 * @param length bytes of the header itself, all that stands before the first element
 */
public record NpyHeader(
        char kind, int itemSize, boolean bigEndian, boolean fortranOrder, List<Long> shape, int length) {
    static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

    /** numpy itself refuses longer ones; a plain array needs about 80 bytes. */
    private static final int LONGEST = 10_000;

    /** What numpy allows. */
    private static final int MOST_DIMENSIONS = 64;

    /** Copies the shape. */
    public NpyHeader {
        shape = List.copyOf(shape);
    }

    /** Reads a header from the start of {@code in} and leaves the stream at the first element. */
    static NpyHeader read(Path path, String where, InputStream in) throws IOException {
        byte[] start = in.readNBytes(8);
        for (int i = 0; i < MAGIC.length; i++) {
            if (start.length < 8 || start[i] != MAGIC[i]) {
                throw new TensorFileException(path, where + "not a .npy array: it does not begin with \\x93NUMPY");
            }
        }
        int version = start[6];
        if (version < 1 || version > 3 || start[7] != 0) {
            throw new TensorFileException(
                    path,
                    where + ".npy version " + (version & 0xff) + "." + (start[7] & 0xff)
                            + "; expected 1.0, 2.0 or 3.0");
        }
        byte[] size = in.readNBytes(version == 1 ? 2 : 4);
        long textLength = 0;
        for (int i = size.length - 1; i >= 0; i--) {
            textLength = textLength << 8 | (size[i] & 0xff);
        }
        if (textLength > LONGEST) {
            throw new TensorFileException(
                    path, where + ".npy header of " + textLength + " bytes; expected at most " + LONGEST);
        }
        byte[] text = in.readNBytes((int) textLength);
        if (size.length < (version == 1 ? 2 : 4) || text.length < textLength) {
            throw new TensorFileException(path, where + "cut off within the .npy header");
        }
        try {
            return new Parser(new String(text, version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1))
                    .parse(start.length + size.length + text.length);
        } catch (IllegalArgumentException e) {
            throw new TensorFileException(path, where + e.getMessage(), e);
        }
    }

    /** Number of elements. */
    public long elements() {
        long elements = 1;
        for (long size : shape) {
            elements *= size;
        }
        return elements;
    }

    /** Bytes of the elements in the file. */
    long bytes() {
        return elements() * itemSize;
    }

    /** Whether the elements are whole numbers: signed or unsigned integers, or booleans. */
    public boolean isInteger() {
        return kind != 'f';
    }

    /** The type that elements have once they are read: the smallest that holds them all. */
    public DType dtype() {
        return switch (kind) {
            case 'f' -> itemSize == 8 ? DType.F64 : DType.F32;
            case 'b' -> DType.U8;
            case 'u' -> itemSize == 1 ? DType.U8 : itemSize == 2 ? DType.I32 : DType.I64;
            default -> itemSize == 8 ? DType.I64 : DType.I32;
        };
    }

    /** Whether the elements lie in the file as they lie in memory. */
    boolean isInMemoryForm() {
        return (itemSize == 1 || !bigEndian) && itemSize == dtype().bytes() && !(kind == 'u' && itemSize > 1);
    }

    /** The element type as numpy names it, such as uint8. */
    public String typeName() {
        return switch (kind) {
            case 'b' -> "bool";
            case 'i' -> "int" + 8 * itemSize;
            case 'u' -> "uint" + 8 * itemSize;
            default -> "float" + 8 * itemSize;
        };
    }

    /** The shape as numpy writes it, such as (60000, 28, 28). */
    public String shapeText() {
        return shape.stream()
                .map(String::valueOf)
                .collect(Collectors.joining(", ", "(", shape.size() == 1 ? ",)" : ")"));
    }

    /** Reads the dictionary: only the literals that numpy writes there, nothing is evaluated. */
    private static final class Parser {
        private final String text;
        private int at;
        private String descr;
        private Boolean fortranOrder;
        private List<Long> shape;

        Parser(String text) {
            this.text = text;
        }

        NpyHeader parse(int length) {
            expect('{');
            while (peek() != '}') {
                String key = string();
                expect(':');
                switch (key) {
                    case "descr" -> descr = once(key, descr, type());
                    case "fortran_order" -> fortranOrder = once(key, fortranOrder, bool());
                    case "shape" -> shape = once(key, shape, tuple());
                    default -> throw damaged("unknown key '" + shortened(key) + "'");
                }
                if (peek() == ',') {
                    at++;
                } else if (peek() != '}') {
                    throw damaged("expected , or }");
                }
            }
            at++;
            if (peek() != 0) {
                throw damaged("expected nothing after }");
            }
            if (descr == null || fortranOrder == null || shape == null) {
                throw damaged("expected the keys descr, fortran_order and shape");
            }
            return header(length);
        }

        private NpyHeader header(int length) {
            boolean known = descr.length() == 3
                    && "<>|".indexOf(descr.charAt(0)) >= 0
                    && switch (descr.charAt(1)) {
                        case 'b' -> descr.charAt(2) == '1';
                        case 'i', 'u' -> "1248".indexOf(descr.charAt(2)) >= 0;
                        case 'f' -> "248".indexOf(descr.charAt(2)) >= 0;
                        default -> false;
                    };
            // '|' says that the order of bytes does not matter, which is so for single bytes only.
            if (!known || (descr.charAt(0) == '|' && descr.charAt(2) != '1')) {
                throw new IllegalArgumentException("elements of type '" + shortened(descr)
                        + "' are not read; expected bool, integers or floating-point numbers (convert with numpy's"
                        + " astype)");
            }
            int itemSize = descr.charAt(2) - '0';
            long bytes = Long.BYTES;
            for (long size : shape) {
                if (size != 0 && bytes > Long.MAX_VALUE / 2 / size) {
                    throw damaged("the shape is larger than any file");
                }
                bytes *= size;
            }
            return new NpyHeader(descr.charAt(1), itemSize, descr.charAt(0) == '>', fortranOrder, shape, length);
        }

        private <T> T once(String key, T before, T value) {
            if (before != null) {
                throw damaged("key '" + key + "' stands twice");
            }
            return value;
        }

        private String type() {
            if (peek() == '[') {
                throw new IllegalArgumentException("an array of records is not read; expected plain numbers");
            }
            return string();
        }

        private String string() {
            char quote = peek();
            int end = quote == '\'' || quote == '"' ? text.indexOf(quote, at + 1) : -1;
            if (end < 0) {
                throw damaged("expected a quoted string");
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
            throw damaged("expected True or False");
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
                    throw damaged("expected ,");
                }
                if (sizes.size() > MOST_DIMENSIONS) {
                    throw damaged("more than " + MOST_DIMENSIONS + " dimensions");
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
                throw damaged("expected the size of a dimension");
            }
            return Long.parseLong(text.substring(start, at));
        }

        private void expect(char c) {
            if (peek() != c) {
                throw damaged("expected " + c);
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

        private static String shortened(String text) {
            return text.length() <= 40 ? text : text.substring(0, 40) + "...";
        }

        private IllegalArgumentException damaged(String why) {
            return new IllegalArgumentException("damaged .npy header at character " + at + ": " + why);
        }
    }
}
