package dev.hornbeam.training.run;

import java.util.Locale;

/** Text and numbers as they stand in HTML and SVG. */
final class Markup {
    private Markup() {}

    /** {@code text} with the five special characters replaced, safe in content and in quoted attributes. */
    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }

    /** A coordinate with at most two decimals. */
    static String coordinate(double x) {
        String text = String.format(Locale.ROOT, "%.2f", x);
        return text.contains(".") ? text.replaceAll("\\.?0+$", "") : text;
    }

    /** A share in [0, 1] as a number of per cent with that many decimals, without the sign; "–" for NaN. */
    static String percent(double share, int decimals) {
        return Double.isNaN(share) ? "–" : String.format(Locale.ROOT, "%." + decimals + "f", 100 * share);
    }

    /** A difference of shares in points with its sign, and a true minus. */
    static String points(double difference, int decimals) {
        if (Double.isNaN(difference)) {
            return "–";
        }
        String size = String.format(Locale.ROOT, "%." + decimals + "f", Math.abs(100 * difference));
        boolean zero = size.chars().allMatch(c -> c == '0' || c == '.');
        return zero ? size : (difference < 0 ? "−" : "+") + size;
    }

    /** A number with thousands separated. */
    static String count(double value) {
        return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%,.0f", value);
    }

    /** Words instead of a name in snake_case. */
    static String words(String snake) {
        return snake.replace('_', ' ');
    }
}
