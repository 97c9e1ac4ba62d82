package dev.hornbeam.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Python's pickle machine, protocols 0 to 5, for files of strangers: it makes numbers, texts, lists, tuples and dictionaries,
 * and leaves everything else to a {@link Vocabulary}, which knows a few names and refuses the others. It loads no class,
 * calls no method by name and runs nothing.
 *
 * <p>It is our own because the library that there is, net.razorvine:pickle 1.5, cannot be made strict: its names are one
 * table for the whole JVM, filled beforehand and open to everybody; it calls {@code __setstate__} by reflection on whatever
 * the file names; an unknown class becomes an object without a word; and it takes memory for as many bytes as the file
 * announces, before it looks whether they are there.
 *
 * <p>Values: null, {@link Boolean}, {@link Long}, {@link BigInteger}, {@link Double}, {@link String}, {@link Bytes},
 * {@link Sequence}, {@link Dictionary}, {@link Global}, and what the vocabulary makes. Sequences and dictionaries are compared
 * by identity, so that no file can send {@code hashCode} into a recursion. What values take in memory is counted as they are
 * made, and refused beyond a budget.
 */
final class PickleMachine {
    static final int HIGHEST_PROTOCOL = 5;

    /** Integers of more bytes mean nothing in a file of weights, and take long to read as text. */
    private static final int LONGEST_INTEGER = 256;

    private static final int LONGEST_LINE = 1 << 16;

    // What a value takes in memory, about: object, reference on the stack, and what hangs on it.
    private static final int NUMBER_COST = 28;
    private static final int OBJECT_COST = 64;
    private static final int REFERENCE_COST = 8;
    private static final int ENTRY_COST = 64;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong BIG_ENDIAN_LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final MemorySegment bytes;
    private final Vocabulary vocabulary;
    private final List<Object> stack = new ArrayList<>();
    private final List<Integer> marks = new ArrayList<>();
    private final Map<Long, Object> memo = new HashMap<>();
    private long budget;
    private long at;

    /** A pickle is damaged, or asks for what is not done. */
    static final class Refusal extends Exception {
        private static final long serialVersionUID = 1L;

        Refusal(String message) {
            super(message);
        }

        Refusal(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** The memory that a pickle's values may take. */
    @FunctionalInterface
    interface Budget {
        /** Takes so many bytes of it. */
        void spend(long bytes) throws Refusal;
    }

    /** The names that a pickle may use, and what comes of them. */
    interface Vocabulary {
        /** Refuses every name that is not known. */
        void admit(String name) throws Refusal;

        /** What the call of a name gives, which was admitted before; whatever it copies it pays for. */
        Object call(String name, List<Object> arguments, Budget budget) throws Refusal;

        /** Gives an object, which a call returned, its state. */
        void build(Object target, Object state) throws Refusal;

        /** What stands for a persistent id. */
        Object persistent(Object id) throws Refusal;
    }

    /**
     * A class or function, by name only.
     *
     * @param name module and name, with a dot between them
     */
    record Global(String name) {}

    /**
     * Bytes where they lie.
     *
     * @param content the bytes
     */
    record Bytes(MemorySegment content) {}

    /** A list, tuple or set. */
    static final class Sequence {
        private final List<Object> elements;

        Sequence(List<Object> elements) {
            this.elements = elements;
        }

        List<Object> elements() {
            return elements;
        }
    }

    /** A dictionary, in order. */
    static final class Dictionary {
        private final Map<Object, Object> entries = new LinkedHashMap<>();

        Map<Object, Object> entries() {
            return entries;
        }
    }

    /**
     * A machine that begins at a place in these bytes.
     *
     * @param budget memory that all values together may take, about
     */
    PickleMachine(MemorySegment bytes, long at, Vocabulary vocabulary, long budget) {
        this.bytes = bytes;
        this.at = at;
        this.vocabulary = vocabulary;
        this.budget = budget;
    }

    /** Where the next pickle begins. */
    long position() {
        return at;
    }

    /** Goes on at another place. */
    void position(long next) {
        at = next;
    }

    /** Memory that values may still take. */
    long budget() {
        return budget;
    }

    /** The value of the pickle that begins at the present position, and moves behind it. */
    Object load() throws Refusal {
        stack.clear();
        marks.clear();
        memo.clear();
        long start = at;
        try {
            while (true) {
                int opcode = bytes.get(ValueLayout.JAVA_BYTE, at++) & 0xff;
                if (opcode == '.') {
                    return pop();
                }
                run(opcode);
            }
        } catch (IndexOutOfBoundsException e) {
            throw new Refusal("the pickle that begins at byte " + start + " is cut off", e);
        }
    }

    // ---------------------------------------------------------------------------------------------------- opcodes

    private void run(int opcode) throws Refusal {
        switch (opcode) {
            case 0x80 -> protocol();
            // A frame says how much can be read at once; all of it is here.
            case 0x95 -> frame();
            case '(' -> mark();
            case '0' -> pop();
            case '1' -> popToMark();
            case '2' -> push(peek(), REFERENCE_COST);

            case 'N' -> push(null, REFERENCE_COST);
            case 0x88 -> push(true, REFERENCE_COST);
            case 0x89 -> push(false, REFERENCE_COST);
            case 'J' -> push((long) bytes.get(INT, skip(Integer.BYTES)), NUMBER_COST);
            case 'K' -> push(count(1), NUMBER_COST);
            case 'M' -> push(count(2), NUMBER_COST);
            case 0x8a -> integer(count(1));
            case 0x8b -> integer(count(4));
            case 'I' -> integerText();
            case 'L' -> push(integer(line().replaceFirst("L$", "")), NUMBER_COST);
            case 'F' -> push(real(line()), NUMBER_COST);
            case 'G' -> push(Double.longBitsToDouble(bytes.get(BIG_ENDIAN_LONG, skip(Long.BYTES))), NUMBER_COST);

            case 'U' -> text(count(1), true);
            case 'T' -> text(count(4), true);
            case 0x8c -> text(count(1), false);
            case 'X' -> text(count(4), false);
            case 0x8d -> text(count(8), false);
            case 'S' -> quotedText();
            case 'V' -> plainText();
            case 'C' -> content(count(1));
            case 'B' -> content(count(4));
            case 0x8e, 0x96 -> content(count(8));

            case ')' -> push(new Sequence(List.of()), OBJECT_COST);
            case 0x85 -> tuple(1);
            case 0x86 -> tuple(2);
            case 0x87 -> tuple(3);
            case ']', 0x8f -> push(new Sequence(new ArrayList<>(0)), OBJECT_COST);
            case 't', 'l', 0x91 -> push(new Sequence(popToMark()), OBJECT_COST);
            case 'a' -> append(Collections.singletonList(pop()));
            case 'e', 0x90 -> append(popToMark());
            case '}' -> push(new Dictionary(), 2 * OBJECT_COST);
            case 'd' -> {
                List<Object> items = popToMark();
                push(new Dictionary(), 2 * OBJECT_COST);
                put(items);
            }
            case 's' -> {
                Object value = pop();
                put(java.util.Arrays.asList(pop(), value));
            }
            case 'u' -> put(popToMark());

            case 'p' -> remember(whole(line()));
            case 'q' -> remember(count(1));
            case 'r' -> remember(count(4));
            case 0x94 -> remember(memo.size());
            case 'g' -> recall(whole(line()));
            case 'h' -> recall(count(1));
            case 'j' -> recall(count(4));

            case 'c' -> push(global(line(), line()), OBJECT_COST);
            case 0x93 -> {
                Object name = pop();
                if (!(pop() instanceof String module) || !(name instanceof String text)) {
                    throw wrong("a global's module and name are not texts");
                }
                push(global(module, text), OBJECT_COST);
            }
            case 'i' -> {
                Global named = global(line(), line());
                push(vocabulary.call(named.name, popToMark(), this::spend), OBJECT_COST);
            }
            case 'o' -> {
                List<Object> items = popToMark();
                if (items.isEmpty()) {
                    throw wrong("an object without a class");
                }
                call(items.getFirst(), items.subList(1, items.size()));
            }
            case 'R', 0x81 -> {
                List<Object> arguments = arguments(pop());
                call(pop(), arguments);
            }
            case 0x92 -> {
                if (!(pop() instanceof Dictionary named) || !named.entries.isEmpty()) {
                    throw wrong("a class with named arguments");
                }
                List<Object> arguments = arguments(pop());
                call(pop(), arguments);
            }
            case 'b' -> {
                Object state = pop();
                vocabulary.build(peek(), state);
            }
            case 'Q' -> push(vocabulary.persistent(pop()), 3 * OBJECT_COST);
            case 'P' -> throw wrong("a persistent id as text, \"" + shortened(line()) + "\", which no tensor has");
            case 0x82 -> throw extension(count(1));
            case 0x83 -> throw extension(count(2));
            case 0x84 -> throw extension(count(4));
            case 0x97, 0x98 -> throw wrong("a buffer outside the pickle");
            default -> throw wrong(String.format("0x%02x is no opcode of a pickle", opcode));
        }
    }

    private void protocol() throws Refusal {
        int version = (int) count(1);
        if (version > HIGHEST_PROTOCOL) {
            throw wrong("protocol " + version + "; at most " + HIGHEST_PROTOCOL + " is read");
        }
    }

    private void frame() {
        long length = count(Long.BYTES);
        if (length < 0 || length > bytes.byteSize() - at) {
            throw new IndexOutOfBoundsException();
        }
    }

    private static Refusal extension(long code) {
        return new Refusal("the file asks for the registered extension " + code + "; only tensors are read");
    }

    // ------------------------------------------------------------------------------------------------------ stack

    private void push(Object value, long cost) throws Refusal {
        spend(cost);
        stack.add(value);
    }

    private void spend(long cost) throws Refusal {
        budget -= cost;
        if (budget < 0) {
            throw new Refusal("its pickle makes more objects than a file of this size needs to describe its tensors");
        }
    }

    private int bottom() {
        return marks.isEmpty() ? 0 : marks.getLast();
    }

    private Object pop() throws Refusal {
        if (stack.size() <= bottom()) {
            throw wrong("a value is missing on the stack");
        }
        return stack.removeLast();
    }

    private Object peek() throws Refusal {
        if (stack.size() <= bottom()) {
            throw wrong("a value is missing on the stack");
        }
        return stack.getLast();
    }

    private void mark() throws Refusal {
        spend(NUMBER_COST);
        marks.add(stack.size());
    }

    private List<Object> popToMark() throws Refusal {
        if (marks.isEmpty()) {
            throw wrong("a mark is missing on the stack");
        }
        List<Object> top = stack.subList(marks.removeLast(), stack.size());
        spend((long) REFERENCE_COST * top.size());
        List<Object> items = new ArrayList<>(top);
        top.clear();
        return items;
    }

    private void tuple(int size) throws Refusal {
        Object[] elements = new Object[size];
        for (int i = size - 1; i >= 0; i--) {
            elements[i] = pop();
        }
        push(new Sequence(java.util.Arrays.asList(elements)), OBJECT_COST);
    }

    private void append(List<Object> items) throws Refusal {
        spend((long) REFERENCE_COST * items.size());
        if (!(peek() instanceof Sequence sequence) || !(sequence.elements instanceof ArrayList<Object> list)) {
            throw wrong("something is appended to what is no list");
        }
        list.addAll(items);
    }

    private void put(List<Object> items) throws Refusal {
        spend((long) ENTRY_COST * items.size() / 2);
        if (!(peek() instanceof Dictionary dictionary) || items.size() % 2 != 0) {
            throw wrong("entries are put into what is no dictionary, or without a value");
        }
        for (int i = 0; i < items.size(); i += 2) {
            dictionary.entries.put(items.get(i), items.get(i + 1));
        }
    }

    private void remember(long number) throws Refusal {
        spend(ENTRY_COST);
        memo.put(number, peek());
    }

    private void recall(long number) throws Refusal {
        if (!memo.containsKey(number)) {
            throw wrong("value " + number + " of the memo is missing");
        }
        push(memo.get(number), REFERENCE_COST);
    }

    // ------------------------------------------------------------------------------------------------------ names

    private Global global(String module, String name) throws Refusal {
        String full = module + "." + name;
        vocabulary.admit(full);
        return new Global(full);
    }

    private void call(Object callee, List<Object> arguments) throws Refusal {
        if (!(callee instanceof Global named)) {
            throw wrong("a value is called that is no name");
        }
        push(vocabulary.call(named.name, arguments, this::spend), OBJECT_COST);
    }

    private List<Object> arguments(Object value) throws Refusal {
        if (!(value instanceof Sequence sequence)) {
            throw wrong("the arguments of a call are no tuple");
        }
        return Collections.unmodifiableList(sequence.elements);
    }

    // -------------------------------------------------------------------------------------------- numbers and texts

    private long skip(long count) {
        long here = at;
        // Also what is too long for the position to stay a sum without overflow.
        if (count < 0 || count > bytes.byteSize() - here) {
            throw new IndexOutOfBoundsException();
        }
        at += count;
        return here;
    }

    private long count(int size) {
        long here = skip(size);
        return switch (size) {
            case 1 -> bytes.get(ValueLayout.JAVA_BYTE, here) & 0xff;
            case 2 -> Short.toUnsignedLong(bytes.get(SHORT, here));
            case 4 -> Integer.toUnsignedLong(bytes.get(INT, here));
            // More than a long holds is negative, and refused where it is used.
            default -> bytes.get(LONG, here);
        };
    }

    private void integer(long length) throws Refusal {
        if (length > LONGEST_INTEGER) {
            throw wrong("an integer of " + length + " bytes");
        }
        long here = skip(length);
        byte[] number = new byte[(int) length + 1];
        for (int i = 0; i < length; i++) {
            number[(int) length - i] = bytes.get(ValueLayout.JAVA_BYTE, here + i);
        }
        number[0] = (byte) (length > 0 && number[1] < 0 ? -1 : 0);
        push(narrowed(new BigInteger(number)), NUMBER_COST + length);
    }

    private void integerText() throws Refusal {
        String text = line();
        switch (text) {
            case "00" -> push(false, REFERENCE_COST);
            case "01" -> push(true, REFERENCE_COST);
            default -> push(integer(text), NUMBER_COST);
        }
    }

    private Object integer(String text) throws Refusal {
        if (text.length() > LONGEST_INTEGER) {
            throw wrong("an integer of " + text.length() + " digits");
        }
        try {
            return narrowed(new BigInteger(text.strip()));
        } catch (NumberFormatException e) {
            throw wrong("\"" + shortened(text) + "\" is no integer");
        }
    }

    private static Object narrowed(BigInteger number) {
        return number.bitLength() < Long.SIZE ? (Object) number.longValue() : number;
    }

    private long whole(String text) throws Refusal {
        if (!(integer(text) instanceof Long number) || number < 0) {
            throw wrong("\"" + shortened(text) + "\" is no place in the memo");
        }
        return number;
    }

    private Double real(String text) throws Refusal {
        try {
            if (text.length() > LONGEST_INTEGER) {
                throw new NumberFormatException();
            }
            return Double.valueOf(
                    switch (text.strip()) {
                        case "nan" -> "NaN";
                        case "inf" -> "Infinity";
                        case "-inf" -> "-Infinity";
                        default -> text;
                    });
        } catch (NumberFormatException e) {
            throw wrong("\"" + shortened(text) + "\" is no number");
        }
    }

    private void text(long length, boolean ofPython2) throws Refusal {
        long here = skip(length);
        // Two bytes per character is the most that a text takes.
        spend(OBJECT_COST + 2 * length);
        if (length > Integer.MAX_VALUE / 4) {
            throw wrong("a text of " + length + " bytes");
        }
        byte[] content = bytes.asSlice(here, length).toArray(ValueLayout.JAVA_BYTE);
        if (ofPython2) {
            push(new String(content, StandardCharsets.ISO_8859_1), 0);
            return;
        }
        try {
            push(
                    StandardCharsets.UTF_8
                            .newDecoder()
                            .onMalformedInput(CodingErrorAction.REPORT)
                            .decode(ByteBuffer.wrap(content))
                            .toString(),
                    0);
        } catch (CharacterCodingException e) {
            throw new Refusal("the pickle is damaged at byte " + here + ": a text is not UTF-8", e);
        }
    }

    private void content(long length) throws Refusal {
        long here = skip(length);
        push(new Bytes(bytes.asSlice(here, length)), 2 * OBJECT_COST);
    }

    private void quotedText() throws Refusal {
        String text = line();
        char quote = text.isEmpty() ? 0 : text.charAt(0);
        if ((quote != '\'' && quote != '"') || text.length() < 2 || text.charAt(text.length() - 1) != quote) {
            throw wrong("a text without quotes");
        }
        plain(text.substring(1, text.length() - 1));
    }

    private void plainText() throws Refusal {
        plain(line());
    }

    // Names of tensors have nothing that protocol 0 would write with a backslash.
    private void plain(String text) throws Refusal {
        if (text.indexOf('\\') >= 0) {
            throw wrong("a text with escapes, which only protocol 0 has; save with the default protocol");
        }
        push(text, OBJECT_COST + 2L * text.length());
    }

    private String line() throws Refusal {
        long end = at;
        while (bytes.get(ValueLayout.JAVA_BYTE, end) != '\n') {
            end++;
            if (end - at > LONGEST_LINE) {
                throw wrong("a line of more than " + LONGEST_LINE + " bytes");
            }
        }
        spend(end - at);
        String line = new String(bytes.asSlice(at, end - at).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        at = end + 1;
        return line;
    }

    private Refusal wrong(String what) {
        return new Refusal("the pickle is damaged, or no file of tensors: at byte " + at + ": " + what);
    }

    static String shortened(String text) {
        return text.length() <= 80 ? text : text.substring(0, 80) + "...";
    }
}
