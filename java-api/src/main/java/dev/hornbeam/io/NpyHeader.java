package dev.hornbeam.io;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The Python dictionary in the header of a .npy file. */
@SuppressWarnings("ArrayRecordComponent") // Read once and handed on; never compared.
record NpyHeader(String descr, boolean fortranOrder, long[] shape) {
    /** Reads a dictionary with exactly the keys descr, fortran_order and shape. */
    static NpyHeader parse(Path path, String where, String text) throws TensorFileException {
        try {
            return new Reader(text).read();
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new TensorFileException(
                    path,
                    where + "the header is not a dictionary with descr, fortran_order and shape"
                            + (e instanceof IllegalArgumentException ? " (" + e.getMessage() + ")" : ""),
                    e);
        }
    }

    private static final class Reader {
        private final String text;
        private int at;
        private String descr;
        private Boolean fortranOrder;
        private long[] shape;

        Reader(String text) {
            this.text = text;
        }

        NpyHeader read() {
            expect('{');
            while (!accept('}')) {
                String key = string();
                expect(':');
                switch (key) {
                    case "descr" -> {
                        require(descr == null, "descr comes twice");
                        descr = string();
                    }
                    case "fortran_order" -> {
                        require(fortranOrder == null, "fortran_order comes twice");
                        fortranOrder = bool();
                    }
                    case "shape" -> {
                        require(shape == null, "shape comes twice");
                        shape = tuple();
                    }
                    default -> throw new IllegalArgumentException("key " + key);
                }
                if (!accept(',')) {
                    expect('}');
                    break;
                }
            }
            space();
            require(at == text.length(), "something follows it");
            require(descr != null && fortranOrder != null && shape != null, "a key is missing");
            return new NpyHeader(descr, fortranOrder, shape);
        }

        private static void require(boolean condition, String otherwise) {
            if (!condition) {
                throw new IllegalArgumentException(otherwise);
            }
        }

        private void space() {
            while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        private boolean accept(char c) {
            space();
            if (text.charAt(at) != c) {
                return false;
            }
            at++;
            return true;
        }

        private void expect(char c) {
            require(accept(c), "'" + c + "' is missing at character " + at);
        }

        private String string() {
            space();
            char quote = text.charAt(at);
            require(quote == '\'' || quote == '"', "a string is missing at character " + at);
            int end = text.indexOf(quote, at + 1);
            require(end >= 0, "a string has no end");
            String content = text.substring(at + 1, end);
            require(content.indexOf('\\') < 0, "a string has an escape");
            at = end + 1;
            return content;
        }

        private boolean bool() {
            space();
            for (String word : List.of("True", "False")) {
                if (text.startsWith(word, at)) {
                    at += word.length();
                    return word.equals("True");
                }
            }
            throw new IllegalArgumentException("fortran_order is neither True nor False");
        }

        private long[] tuple() {
            List<Long> sizes = new ArrayList<>();
            expect('(');
            while (!accept(')')) {
                sizes.add(number());
                if (!accept(',')) {
                    require(sizes.size() != 1, "a tuple of one lacks its comma");
                    expect(')');
                    break;
                }
            }
            return sizes.stream().mapToLong(Long::longValue).toArray();
        }

        private long number() {
            space();
            int start = at;
            while (Character.digit(text.charAt(at), 10) >= 0) {
                at++;
            }
            return Long.parseLong(text.substring(start, at));
        }
    }
}
