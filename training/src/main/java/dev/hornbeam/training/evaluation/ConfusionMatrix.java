package dev.hornbeam.training.evaluation;

import java.util.Comparator;
import java.util.List;

/**
 * Which classes a network takes for which.
 *
 * @param classNames names of all classes
 * @param entries how often what was taken for what, where it happened, by true class and then by predicted class
 */
public record ConfusionMatrix(List<String> classNames, List<Entry> entries) {
    /**
     * One kind of prediction.
     *
     * @param truth index of the true class
     * @param predicted index of the predicted class
     * @param images how often, at least 1
     */
    public record Entry(int truth, int predicted, int images) {}

    /**
     * Keeps its own copies.
     *
     * @throws IllegalArgumentException if an entry is of a class that there is not
     */
    public ConfusionMatrix {
        classNames = List.copyOf(classNames);
        entries = List.copyOf(entries);
        int classes = classNames.size();
        for (Entry entry : entries) {
            if (entry.truth() < 0
                    || entry.truth() >= classes
                    || entry.predicted() < 0
                    || entry.predicted() >= classes
                    || entry.images() < 1) {
                throw new IllegalArgumentException(entry + " in a matrix of " + classes + " classes");
            }
        }
    }

    /** The counts as rows by true class, with a column per predicted class. */
    public int[][] counts() {
        int[][] counts = new int[classNames.size()][classNames.size()];
        entries.forEach(entry -> counts[entry.truth()][entry.predicted()] += entry.images());
        return counts;
    }

    /** The confusions of different classes that happened most, most frequent first, at most {@code limit}. */
    public List<Entry> mostFrequent(int limit) {
        return entries.stream()
                .filter(entry -> entry.truth() != entry.predicted())
                .sorted(Comparator.comparingInt(Entry::images)
                        .reversed()
                        .thenComparingInt(Entry::truth)
                        .thenComparingInt(Entry::predicted))
                .limit(limit)
                .toList();
    }

    /** The counts as CSV: a row per true class, a column per predicted class. */
    public String toCsv() {
        StringBuilder csv = new StringBuilder("true");
        classNames.forEach(name -> csv.append(',').append(quoted(name)));
        csv.append('\n');
        int[][] counts = counts();
        for (int truth = 0; truth < counts.length; truth++) {
            csv.append(quoted(classNames.get(truth)));
            for (int count : counts[truth]) {
                csv.append(',').append(count);
            }
            csv.append('\n');
        }
        return csv.toString();
    }

    private static String quoted(String name) {
        boolean plain = name.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return plain ? name : '"' + name.replace("\"", "\"\"") + '"';
    }
}
