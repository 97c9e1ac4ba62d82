package dev.hornbeam.training.run;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An interval of numbers, open or closed at either end.
 *
 * @param low lower end, may be minus infinity
 * @param lowOpen whether {@code low} itself is outside
 * @param high upper end, may be infinity
 * @param highOpen whether {@code high} itself is outside
 */
record NumberRange(double low, boolean lowOpen, double high, boolean highOpen) {
    private static final Pattern NOTATION = Pattern.compile("([\\[(])([^,]+), ([^\\])]+)([\\])])");

    /** Every number. */
    static final NumberRange ALL = new NumberRange(Double.NEGATIVE_INFINITY, true, Double.POSITIVE_INFINITY, true);

    /** Reads the usual notation, as in {@code [0, 1)} or {@code (0, inf)}; an empty text is every number. */
    static NumberRange parse(String notation) {
        if (notation.isEmpty()) {
            return ALL;
        }
        Matcher m = NOTATION.matcher(notation);
        if (!m.matches()) {
            throw new IllegalArgumentException("not an interval: " + notation);
        }
        double high = m.group(3).equals("inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(m.group(3));
        return new NumberRange(
                Double.parseDouble(m.group(2)),
                m.group(1).equals("("),
                high,
                m.group(4).equals(")"));
    }

    /** Whether {@code x} is inside. */
    boolean contains(double x) {
        return (lowOpen ? x > low : x >= low) && (highOpen ? x < high : x <= high);
    }

    /** The interval in words that follow "a number", or nothing for every number. */
    String describe() {
        boolean hasLow = low != Double.NEGATIVE_INFINITY;
        boolean hasHigh = high != Double.POSITIVE_INFINITY;
        if (hasLow && hasHigh && !lowOpen && !highOpen) {
            return " from " + number(low) + " to " + number(high);
        }
        String lowText = hasLow ? (lowOpen ? " above " : " of at least ") + number(low) : "";
        String highText = hasHigh ? (highOpen ? " below " : " of at most ") + number(high) : "";
        return lowText + (hasLow && hasHigh ? " and" : "") + highText;
    }

    private static String number(double x) {
        return x == Math.rint(x) && Math.abs(x) < 1e15 ? Long.toString((long) x) : Double.toString(x);
    }
}
