package dev.hornbeam.io;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the part of JSON (RFC 8259) that headers of safetensors files use: objects, arrays, strings and whole numbers.
 *
 * <p>Stricter than most parsers, because it reads files of strangers: no name comes twice, nesting has an end, numbers fit
 * a long. Written here because it is little code, and a library of JSON would be this module's only dependency.
 */
final class HeaderJson {
    private static final int DEEPEST = 8;

    private final String text;
    private int at;

    private HeaderJson(String text) {
        this.text = text;
    }

    /** What is wrong, and where. */
    static final class SyntaxException extends Exception {
        private static final long serialVersionUID = 1L;

        SyntaxException(String message, int at) {
            super(message + " at character " + at);
        }
    }

    /** The object that the bytes hold, with nothing but white space behind it. */
    static Map<String, Object> parse(byte[] utf8) throws SyntaxException {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(utf8))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new SyntaxException("the text is not UTF-8", 0);
        }
        HeaderJson json = new HeaderJson(text);
        // The format asks for the brace at once.
        Map<String, Object> object = json.object(0);
        json.space();
        if (json.at != text.length()) {
            throw json.error("something follows the object");
        }
        return object;
    }

    /** The text as a JSON string. */
    static void quote(StringBuilder to, String text) {
        to.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                to.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                to.append(String.format("\\u%04x", (int) c));
            } else {
                to.append(c);
            }
        }
        to.append('"');
    }

    private SyntaxException error(String message) {
        return new SyntaxException(message, at);
    }

    private void space() {
        while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private char next() throws SyntaxException {
        if (at >= text.length()) {
            throw error("the text ends too early");
        }
        return text.charAt(at);
    }

    private void expect(char c) throws SyntaxException {
        if (next() != c) {
            throw error("'" + c + "' is missing");
        }
        at++;
    }

    private Object value(int depth) throws SyntaxException {
        if (depth > DEEPEST) {
            throw error("the nesting is too deep");
        }
        char c = next();
        if (c == '{') {
            return object(depth);
        }
        if (c == '[') {
            return array(depth);
        }
        if (c == '"') {
            return string();
        }
        if (c == '-' || (c >= '0' && c <= '9')) {
            return number();
        }
        throw error("neither an object, an array, a string nor a whole number");
    }

    private Map<String, Object> object(int depth) throws SyntaxException {
        Map<String, Object> members = new LinkedHashMap<>();
        expect('{');
        space();
        if (next() == '}') {
            at++;
            return members;
        }
        while (true) {
            space();
            int start = at;
            String name = string();
            space();
            expect(':');
            space();
            if (members.put(name, value(depth + 1)) != null) {
                throw new SyntaxException("the name \"" + name + "\" comes twice", start);
            }
            space();
            if (next() == '}') {
                at++;
                return members;
            }
            expect(',');
        }
    }

    private List<Object> array(int depth) throws SyntaxException {
        List<Object> elements = new ArrayList<>();
        expect('[');
        space();
        if (next() == ']') {
            at++;
            return elements;
        }
        while (true) {
            space();
            elements.add(value(depth + 1));
            space();
            if (next() == ']') {
                at++;
                return elements;
            }
            expect(',');
        }
    }

    private Long number() throws SyntaxException {
        int start = at;
        if (next() == '-') {
            at++;
        }
        int digits = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        if (at == digits || (text.charAt(digits) == '0' && at > digits + 1)) {
            throw error("a number is malformed");
        }
        if (at < text.length() && ".eE".indexOf(text.charAt(at)) >= 0) {
            throw error("a number is not whole");
        }
        try {
            return Long.valueOf(text.substring(start, at));
        } catch (NumberFormatException e) {
            throw error("a number is too large");
        }
    }

    private String string() throws SyntaxException {
        expect('"');
        StringBuilder content = new StringBuilder();
        while (true) {
            char c = next();
            at++;
            if (c == '"') {
                return content.toString();
            }
            if (c < ' ') {
                throw error("a control character in a string");
            }
            content.append(c == '\\' ? escape() : c);
        }
    }

    private char escape() throws SyntaxException {
        char c = next();
        at++;
        return switch (c) {
            case '"', '\\', '/' -> c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> {
                int code = 0;
                for (int i = 0; i < 4; i++) {
                    int digit = Character.digit(next(), 16);
                    if (digit < 0) {
                        throw error("an escape is malformed");
                    }
                    code = code * 16 + digit;
                    at++;
                }
                yield (char) code;
            }
            default -> throw error("an escape is unknown");
        };
    }
}
