package dev.hornbeam.training.cli.comparison;

import dev.hornbeam.training.run.Spread;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Comparisons as Markdown. */
public final class ComparisonTables {
    private static final double MIB = 1048576;

    private ComparisonTables() {}

    /**
     * Ours beside the fastest variant of the peer, a row a network; then what differs, and the geometric mean. Empty where
     * there was no peer.
     */
    public static String speed(List<ModelComparison> comparisons) {
        if (comparisons.stream()
                .allMatch(comparison -> comparison.measured().peers().isEmpty())) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        line(
                text,
                "| network | batch | parameters | Hornbeam ms | images/s | peer ms | images/s | its fastest setting | peer/Hornbeam"
                        + " | Hornbeam MiB | peer MiB |");
        line(text, "|---|---|---|---|---|---|---|---|---|---|---|");
        for (ModelComparison comparison : comparisons) {
            line(text, row(comparison));
        }
        ModelComparison.geometricMean(comparisons)
                .ifPresent(mean -> line(
                        text,
                        String.format(Locale.ROOT, "%nGeometric mean of the medians of the ratios: **%.2f**", mean)));
        notes(text, comparisons);
        return text.toString();
    }

    private static String row(ModelComparison comparison) {
        Series ours = comparison.ours();
        String start = String.format(
                Locale.ROOT,
                "| %s | %d | %s | %s | %s | ",
                comparison.pair().peer(),
                comparison.batch(),
                parameters(comparison),
                ours.millis().orElseThrow(),
                rate(comparison, ours));
        return start
                + comparison
                        .fastestPeer()
                        .map(peer -> String.format(
                                Locale.ROOT,
                                "%s | %s | %s | %s | %s | %s |",
                                peer.millis().orElseThrow(),
                                rate(comparison, peer),
                                code(peer),
                                comparison.ratio().orElseThrow(),
                                memory(ours),
                                memory(peer)))
                        .orElseGet(() -> "failed | | | | " + memory(ours) + " | |");
    }

    private static String parameters(ModelComparison comparison) {
        String ours = String.format(Locale.ROOT, "%,d", comparison.parameters());
        return comparison.peerParameters() == comparison.parameters()
                ? ours
                : ours + String.format(Locale.ROOT, " / %,d", comparison.peerParameters());
    }

    private static void notes(StringBuilder text, List<ModelComparison> comparisons) {
        boolean first = true;
        for (ModelComparison comparison : comparisons) {
            if (!comparison.difference().isEmpty()) {
                line(text, (first ? "\n" : "") + "- " + comparison.pair().peer() + ": " + comparison.difference());
                first = false;
            }
            for (Series series : comparison.measured().peers()) {
                if (series.failure().isPresent()) {
                    line(
                            text,
                            (first ? "\n" : "") + "- " + comparison.pair().peer() + ", " + code(series) + ": "
                                    + series.failure().orElseThrow() + "; not counted after "
                                    + series.rounds().size() + " rounds");
                    first = false;
                }
            }
        }
    }

    /** Every variant of the peer: milliseconds and memory. Empty where there was no peer, or one variant. */
    public static String variants(List<ModelComparison> comparisons) {
        List<Contestant> variants = comparisons.stream()
                .max((a, b) -> Integer.compare(
                        a.measured().peers().size(), b.measured().peers().size()))
                .map(comparison -> comparison.measured().peers())
                .orElse(List.of())
                .stream()
                .map(Series::contestant)
                .toList();
        if (variants.size() < 2) {
            return "";
        }
        StringBuilder text = new StringBuilder("| network |");
        variants.forEach(variant -> text.append(" `").append(variant.name()).append("` ms | MiB |"));
        line(text, "");
        line(text, "|---|" + "---|---|".repeat(variants.size()));
        for (ModelComparison comparison : comparisons) {
            text.append("| ").append(comparison.pair().peer()).append(" |");
            for (Series series : comparison.measured().peers()) {
                text.append(' ')
                        .append(series.millis().map(Spread::toString).orElse("failed"))
                        .append(" | ")
                        .append(series.millis().isPresent() ? memory(series) : "")
                        .append(" |");
            }
            line(text, "");
        }
        return text.toString();
    }

    /** Our methods beside SGD. Empty where none was measured. */
    public static String methods(List<ModelComparison> comparisons) {
        if (comparisons.stream().allMatch(comparison -> comparison.methods().isEmpty())) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        line(text, "| network | batch | method | ms | images/s | of the SGD step | MiB |");
        line(text, "|---|---|---|---|---|---|---|");
        for (ModelComparison comparison : comparisons) {
            for (Series series : comparison.measured().ours()) {
                boolean plain = series == comparison.ours();
                line(
                        text,
                        String.format(
                                Locale.ROOT,
                                "| %s | %d | %s | %s | %s | %s | %s |",
                                comparison.pair().ours(),
                                comparison.batch(),
                                series.contestant().name(),
                                series.millis().orElseThrow(),
                                rate(comparison, series),
                                plain ? "" : cost(comparison.cost(series)),
                                memory(series)));
            }
        }
        return text.toString();
    }

    /** The versions of the peer, and what it got to allocate with. Empty where there was no peer. */
    public static String peer(List<ModelComparison> comparisons) {
        List<Series> series = comparisons.stream()
                .flatMap(comparison -> comparison.measured().peers().stream())
                .toList();
        if (series.isEmpty()) {
            return "";
        }
        String versions = series.stream()
                .flatMap(one -> one.rounds().stream())
                .map(measurement -> measurement.result().path("peer").asText())
                .filter(version -> !version.isEmpty())
                .distinct()
                .collect(Collectors.joining(", "));
        Map<String, String> environment = series.getFirst().contestant().environment();
        return "Peer: " + (versions.isEmpty() ? "of unknown version" : versions)
                + (environment.isEmpty()
                        ? ", with the allocator of the system"
                        : ", with "
                                + environment.entrySet().stream()
                                        .sorted(Map.Entry.comparingByKey())
                                        .map(variable -> "`" + variable.getKey() + "=" + variable.getValue() + "`")
                                        .collect(Collectors.joining(" ")))
                + ".\n";
    }

    // Costs are near 1: two digits would hide what they are about.
    private static String cost(Spread cost) {
        return String.format(Locale.ROOT, "%.3f (%.3f–%.3f)", cost.median(), cost.min(), cost.max());
    }

    private static String rate(ModelComparison comparison, Series series) {
        double rate = comparison.batch() / series.millis().orElseThrow().median() * 1e3;
        return String.format(Locale.ROOT, rate < 20 ? "%.1f" : "%.0f", rate);
    }

    private static String memory(Series series) {
        return series.residentPeakBytes() == 0
                ? "?"
                : String.format(Locale.ROOT, "%.0f", series.residentPeakBytes() / MIB);
    }

    private static String code(Series series) {
        return "`" + series.contestant().name() + "`";
    }

    private static void line(StringBuilder text, String line) {
        text.append(line).append('\n');
    }
}
