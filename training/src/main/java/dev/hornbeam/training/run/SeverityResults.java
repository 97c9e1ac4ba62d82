package dev.hornbeam.training.run;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a network makes of the images at each severity.
 *
 * @param rows by split and severity
 */
record SeverityResults(List<Row> rows) {
    /**
     * One split at one severity.
     *
     * @param split train, validation or test
     * @param severity 0 for clean images
     * @param images how many
     * @param accuracy share predicted right, in [0, 1]
     * @param loss mean cross-entropy
     */
    record Row(String split, int severity, int images, double accuracy, double loss) {}

    /** Keeps its own copy. */
    SeverityResults {
        rows = List.copyOf(rows);
    }

    /** A line per split and severity. */
    String toCsv() {
        StringBuilder csv = new StringBuilder("split,severity,images,accuracy,loss\n");
        for (Row row : rows) {
            csv.append(String.format(
                    Locale.ROOT,
                    "%s,%d,%d,%.6f,%.6f\n",
                    row.split(),
                    row.severity(),
                    row.images(),
                    row.accuracy(),
                    row.loss()));
        }
        return csv.toString();
    }

    /** The accuracy on validation and test images at each severity, and the worst of them, by name in snake_case. */
    Map<String, Double> numbers() {
        Map<String, Double> numbers = new LinkedHashMap<>();
        for (String split : List.of("validation", "test")) {
            List<Row> own =
                    rows.stream().filter(row -> row.split().equals(split)).toList();
            own.forEach(row -> numbers.put(split + "_accuracy_severity_" + row.severity(), row.accuracy()));
            own.stream()
                    .mapToDouble(Row::accuracy)
                    .min()
                    .ifPresent(worst -> numbers.put(split + "_accuracy_worst_severity", worst));
        }
        return numbers;
    }
}
