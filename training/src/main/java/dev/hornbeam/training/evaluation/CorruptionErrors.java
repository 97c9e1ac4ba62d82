package dev.hornbeam.training.evaluation;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The error of one network on corrupted test images, per corruption and severity.
 *
 * @param severities severities tested, in the order of the columns
 * @param errors for each corruption, in order, the share of images predicted wrong in [0, 1] at each severity
 */
public record CorruptionErrors(List<Integer> severities, Map<String, List<Double>> errors) {

    /**
     * Checks the table.
     *
     * @throws IllegalArgumentException if there is no corruption or no severity, a row has another length, or an error is
     *     not within [0, 1]
     */
    public CorruptionErrors {
        severities = List.copyOf(severities);
        Map<String, List<Double>> copy = new LinkedHashMap<>();
        errors.forEach((corruption, row) -> copy.put(corruption, List.copyOf(row)));
        errors = Collections.unmodifiableMap(copy);
        if (severities.isEmpty() || errors.isEmpty()) {
            throw new IllegalArgumentException("a table without " + (errors.isEmpty() ? "corruptions" : "severities"));
        }
        for (Map.Entry<String, List<Double>> row : errors.entrySet()) {
            if (row.getValue().size() != severities.size()) {
                throw new IllegalArgumentException(row.getKey() + " has "
                        + row.getValue().size() + " errors for " + severities.size() + " severities");
            }
            for (double error : row.getValue()) {
                if (!(error >= 0 && error <= 1)) {
                    throw new IllegalArgumentException(
                            "an error of " + row.getKey() + " is " + error + "; expected 0 to 1");
                }
            }
        }
    }

    /** Mean error of one corruption over the severities. */
    public double mean(String corruption) {
        List<Double> row = errors.get(corruption);
        if (row == null) {
            throw new IllegalArgumentException("no " + corruption + " among " + errors.keySet());
        }
        return average(row);
    }

    /** Mean error over corruptions and severities: the un-normalised mean corruption error. */
    public double mean() {
        return errors.values().stream()
                .mapToDouble(CorruptionErrors::average)
                .average()
                .orElseThrow();
    }

    /** Mean error over the corruptions at one severity. */
    public double meanAtSeverity(int severity) {
        int column = severities.indexOf(severity);
        if (column < 0) {
            throw new IllegalArgumentException("no severity " + severity + " among " + severities);
        }
        return errors.values().stream()
                .mapToDouble(row -> row.get(column))
                .average()
                .orElseThrow();
    }

    /** What {@link #mean()} is over, as in {@code 15 corruptions (common), severities 1, 2, 3, 4, 5}. */
    public String averaged() {
        return CorruptionSets.describe(errors.keySet())
                + (severities.size() == 1 ? ", severity " : ", severities ")
                + severities.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    /** The table as CSV: a line per corruption with the error at each severity and their mean, in [0, 1]. */
    public String toCsv() {
        String head = severities.stream().map(s -> "severity_" + s).collect(Collectors.joining(","));
        StringBuilder csv = new StringBuilder("corruption," + head + ",mean\n");
        errors.forEach((corruption, row) -> {
            csv.append(corruption);
            row.forEach(error -> csv.append(String.format(Locale.ROOT, ",%.6f", error)));
            csv.append(String.format(Locale.ROOT, ",%.6f\n", average(row)));
        });
        return csv.toString();
    }

    /** The table in percent for a terminal: a line per corruption, severities to the right, and the mean at the end. */
    public String toText() {
        int width = Math.max(
                "mean corruption error".length(),
                errors.keySet().stream().mapToInt(String::length).max().orElse(0));
        StringBuilder text = new StringBuilder(" ".repeat(width));
        severities.forEach(severity -> text.append(String.format(Locale.ROOT, "%8s", "s" + severity)));
        text.append(String.format(Locale.ROOT, "%8s%n", "mean"));
        errors.forEach((corruption, row) -> {
            text.append(corruption).append(" ".repeat(width - corruption.length()));
            row.forEach(error -> text.append(String.format(Locale.ROOT, "%8.2f", 100 * error)));
            text.append(String.format(Locale.ROOT, "%8.2f%n", 100 * average(row)));
        });
        text.append("mean corruption error").append(" ".repeat(width - "mean corruption error".length()));
        severities.forEach(
                severity -> text.append(String.format(Locale.ROOT, "%8.2f", 100 * meanAtSeverity(severity))));
        return text.append(String.format(Locale.ROOT, "%8.2f%n", 100 * mean())).toString();
    }

    private static double average(List<Double> row) {
        return row.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }
}
