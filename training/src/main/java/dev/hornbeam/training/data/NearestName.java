package dev.hornbeam.training.data;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Finds the names that a mistyped one may have meant. */
public final class NearestName {
    private NearestName() {}

    /**
     * Returns up to three of {@code known} that are close to {@code given}, the closest first.
     *
     * <p>Close means at most a third of the letters changed, added or left out (at least two letters), or one name
     * beginning with the other. Case and the difference between '-' and '_' do not count.
     */
    public static List<String> of(String given, Collection<String> known) {
        record Candidate(String name, int distance) {}
        String wanted = plain(given);
        int limit = Math.max(2, wanted.length() / 3);
        return known.stream()
                .map(name -> new Candidate(name, distance(wanted, plain(name))))
                .filter(candidate -> candidate.distance() <= limit || sharesStart(wanted, plain(candidate.name())))
                .sorted(Comparator.comparingInt(Candidate::distance).thenComparing(Candidate::name))
                .limit(3)
                .map(Candidate::name)
                .toList();
    }

    /** Returns the end of an error message: " Did you mean 'x'?" or the whole list where nothing is close. */
    public static String hint(String given, Collection<String> known) {
        List<String> near = of(given, known);
        return near.isEmpty()
                ? " Known: " + String.join(", ", known) + "."
                : " Did you mean '" + String.join("' or '", near) + "'?";
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replace('-', '_');
    }

    private static boolean sharesStart(String a, String b) {
        return Math.min(a.length(), b.length()) >= 3 && (a.startsWith(b) || b.startsWith(a));
    }

    // Levenshtein's distance, one row at a time.
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
