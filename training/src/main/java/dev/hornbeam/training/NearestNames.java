package dev.hornbeam.training;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Finds the names that somebody who typed another one may have meant. */
public final class NearestNames {
    private static final int MOST = 3;

    private NearestNames() {}

    /** A candidate with its distance from what was typed. */
    private record Ranked(String name, int distance) {}

    /**
     * The known names nearest to a wrong one, best first; at most three, none where nothing is near.
     *
     * <p>Names may be dotted or have slashes: the right last part under a wrong front counts as near. Case and the
     * difference between {@code -} and {@code _} do not count.
     */
    public static List<String> of(String wrong, Collection<String> known) {
        return known.stream()
                .distinct()
                .map(name -> new Ranked(name, distance(plain(wrong), plain(name))))
                .filter(r -> r.distance <= tolerance(last(wrong)))
                .sorted(Comparator.comparingInt(Ranked::distance).thenComparing(Ranked::name))
                .limit(MOST)
                .map(Ranked::name)
                .toList();
    }

    /** "; did you mean a or b?" for the nearest names, or nothing where none is near. */
    public static String didYouMean(String wrong, Collection<String> known) {
        List<String> near = of(wrong, known);
        return near.isEmpty() ? "" : "; did you mean " + String.join(" or ", near) + "?";
    }

    private static int distance(String wrong, String name) {
        int whole = editDistance(wrong, name);
        boolean sameFront = front(wrong).equals(front(name));
        return Math.min(whole, editDistance(last(wrong), last(name)) + (sameFront ? 0 : 1));
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replace('-', '_');
    }

    private static int tolerance(String typed) {
        return typed.length() <= 3 ? 1 : typed.length() <= 6 ? 2 : 3;
    }

    private static int lastSeparator(String name) {
        return Math.max(name.lastIndexOf('.'), name.lastIndexOf('/'));
    }

    private static String front(String name) {
        return name.substring(0, Math.max(0, lastSeparator(name)));
    }

    private static String last(String name) {
        return name.substring(lastSeparator(name) + 1);
    }

    /**
     * The number of insertions, deletions, replacements and swaps of neighbours that turn {@code a} into {@code b}
     * (Damerau 1964, Levenshtein 1966; no part is edited twice).
     */
    static int editDistance(String a, String b) {
        int[] beforeLast = new int[b.length() + 1];
        int[] last = new int[b.length() + 1];
        int[] row = new int[b.length() + 1];
        Arrays.setAll(last, j -> j);
        for (int i = 1; i <= a.length(); i++) {
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                boolean same = a.charAt(i - 1) == b.charAt(j - 1);
                int best = Math.min(last[j - 1] + (same ? 0 : 1), Math.min(last[j], row[j - 1]) + 1);
                boolean swapped =
                        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
                row[j] = swapped ? Math.min(best, beforeLast[j - 2] + 1) : best;
            }
            int[] free = beforeLast;
            beforeLast = last;
            last = row;
            row = free;
        }
        return last[b.length()];
    }
}
