package dev.hornbeam.training.cli;

import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.run.ReportData;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** The results of runs side by side, as plain text for a terminal; with two runs also the second's difference. */
final class ResultTable {
    private ResultTable() {}

    static String of(List<ReportData.Run> runs) {
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of(""));
        runs.forEach(run -> head.add(run.name()));
        if (runs.size() == 2) {
            head.add("difference");
        }
        rows.add(head);
        rows.add(row("clean accuracy %", runs, run -> 100 * run.results().testAccuracy()));
        if (runs.stream().allMatch(run -> run.results().corruptions().isPresent())) {
            CorruptionErrors first = runs.getFirst().results().corruptions().orElseThrow();
            for (String corruption : first.errors().keySet()) {
                rows.add(row(
                        "error % " + corruption, runs, run -> 100 * errors(run).mean(corruption)));
            }
            rows.add(row(
                    "mean corruption error %", runs, run -> 100 * errors(run).mean()));
        }
        rows.add(row("training seconds", runs, run -> run.results().trainSeconds()));
        return layOut(rows);
    }

    private static CorruptionErrors errors(ReportData.Run run) {
        return run.results().corruptions().orElseThrow();
    }

    private static List<String> row(String name, List<ReportData.Run> runs, ToDoubleFunction<ReportData.Run> value) {
        List<String> row = new ArrayList<>(List.of(name));
        runs.forEach(run -> row.add(String.format(Locale.ROOT, "%.2f", value.applyAsDouble(run))));
        if (runs.size() == 2) {
            double difference = value.applyAsDouble(runs.get(1)) - value.applyAsDouble(runs.get(0));
            row.add(String.format(Locale.ROOT, "%+.2f", difference));
        }
        return row;
    }

    private static String layOut(List<List<String>> rows) {
        int columns = rows.getFirst().size();
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int c = 0; c < columns; c++) {
                widths[c] = Math.max(widths[c], row.get(c).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            for (int c = 0; c < columns; c++) {
                String pad = " ".repeat(widths[c] - row.get(c).length());
                // Names to the left, numbers to the right.
                text.append(c == 0 ? row.get(c) + pad : "  " + pad + row.get(c));
            }
            text.append(System.lineSeparator());
        }
        return text.toString();
    }
}
