package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.escape;
import static dev.hornbeam.training.run.Markup.words;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.MeanInterval;
import dev.hornbeam.training.run.RunComparison.Group;
import dev.hornbeam.training.run.RunComparison.Measure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A comparison of runs as Markdown, as JSON, and as one self-contained HTML page.
 *
 * @param title heading
 * @param comparison what is shown
 */
public record ComparisonReport(String title, RunComparison comparison) {
    private static final int COLOURS = 6;
    private static final JsonMapper JSON = new JsonMapper();

    // ---- Markdown

    /** The comparison as a Markdown table with notes on how to read it. */
    public String toMarkdown() {
        List<Group> groups = comparison.groups();
        StringBuilder text = new StringBuilder("| |");
        groups.forEach(
                group -> text.append(' ').append(escapePipe(heading(group))).append(" |"));
        later().forEach(g ->
                text.append(' ').append(escapePipe(differenceHeading(g))).append(" |"));
        text.append("\n|---|").append("---:|".repeat(2 * groups.size() - 1)).append('\n');
        for (Measure measure : comparison.measures()) {
            text.append("| ").append(escapePipe(measure.name())).append(" |");
            for (int g = 0; g < groups.size(); g++) {
                text.append(' ').append(cell(measure, measure.of(g), false)).append(" |");
            }
            later().forEach(g -> text.append(' ')
                    .append(cell(measure, measure.difference(g), true))
                    .append(" |"));
            text.append('\n');
        }
        return text.append('\n').append(notes()).append('\n').toString();
    }

    private static String escapePipe(String text) {
        return text.replace("|", "\\|");
    }

    private List<Integer> later() {
        return IntStream.range(1, comparison.groups().size()).boxed().toList();
    }

    private static String heading(Group group) {
        int runs = group.runs().size();
        return group.label() + ", " + (runs == 1 ? "1 seed" : runs + " seeds");
    }

    private String differenceHeading(int group) {
        return comparison.groups().get(group).label() + " − "
                + comparison.groups().getFirst().label();
    }

    private String notes() {
        StringBuilder text = new StringBuilder();
        boolean several =
                comparison.groups().stream().anyMatch(group -> group.runs().size() > 1);
        text.append(
                several
                        ? "Means over seeds ± half the 95 % confidence interval (Student's t); "
                        : "One seed each: nothing is known of the spread between seeds. ");
        if (comparison.groups().size() > 1) {
            text.append(several ? "differences are taken seed by seed, and their intervals are of those. " : "")
                    .append("Less is better in every line.");
        }
        comparison
                .averaged()
                .ifPresent(of -> text.append(" Means of corruptions are over ")
                        .append(of)
                        .append(", not normalised"));
        comparison
                .averaged()
                .ifPresent(_ -> text.append(
                        comparison.groups().size() > 1
                                ? "; mCE and relative mCE are beside "
                                        + comparison.groups().getFirst().label() + "."
                                : "."));
        return text.toString();
    }

    private static String cell(Measure measure, Optional<MeanInterval> interval, boolean signed) {
        return interval.map(i -> text(measure, i, signed)).orElse("–");
    }

    private static String text(Measure measure, MeanInterval interval, boolean signed) {
        int decimals = measure.percent() ? 2 : Math.abs(interval.mean()) < 10 ? 4 : 1;
        String mean = number(interval.mean(), decimals);
        boolean zero = mean.chars().allMatch(c -> c == '0' || c == '.' || c == '−');
        String sign = signed && interval.mean() > 0 && !zero ? "+" : "";
        return sign + mean + (Double.isNaN(interval.halfWidth()) ? "" : " ± " + number(interval.halfWidth(), decimals));
    }

    private static String number(double value, int decimals) {
        return String.format(java.util.Locale.ROOT, "%." + decimals + "f", value)
                .replace('-', '−');
    }

    // ---- JSON

    /** The comparison as JSON: groups with the values by seed, means and half-widths, and the paired differences. */
    public String toJson() {
        ObjectNode root = JSON.createObjectNode();
        root.put("confidence", 0.95);
        comparison.averaged().ifPresent(of -> root.put("averaged_over", of));
        List<Measure> measures = comparison.measures();
        ArrayNode groups = root.putArray("groups");
        for (int g = 0; g < comparison.groups().size(); g++) {
            Group group = comparison.groups().get(g);
            ObjectNode node = groups.addObject().put("label", group.label());
            group.seeds().forEach(node.putArray("seeds")::add);
            group.runs()
                    .values()
                    .forEach(run ->
                            node.withArray("runs").add(run.folder().path().toString()));
            ObjectNode numbers = node.putObject("measures");
            for (Measure measure : measures) {
                int index = g;
                measure.of(g).ifPresent(interval -> {
                    ObjectNode one = put(numbers, measure, interval);
                    ObjectNode bySeed = one.putObject("by_seed");
                    measure.values()
                            .get(index)
                            .forEach((seed, value) -> ResultsJson.put(
                                    bySeed, Long.toString(seed), measure.percent() ? 100 * value : value));
                });
            }
        }
        ArrayNode differences = root.putArray("differences");
        for (int g : later()) {
            ObjectNode node = differences
                    .addObject()
                    .put("label", comparison.groups().get(g).label())
                    .put("baseline", comparison.groups().getFirst().label());
            ObjectNode numbers = node.putObject("measures");
            measures.forEach(measure -> measure.difference(g).ifPresent(interval -> put(numbers, measure, interval)));
        }
        return root.toPrettyString() + "\n";
    }

    private static ObjectNode put(ObjectNode numbers, Measure measure, MeanInterval interval) {
        ObjectNode node = numbers.putObject(measure.name());
        ResultsJson.put(node, "mean", interval.mean());
        ResultsJson.put(node, "half_width", interval.halfWidth());
        return node.put("count", interval.count());
    }

    // ---- HTML

    /** The comparison as a page of its own. */
    public String toHtml() {
        return new ReportPage(
                        title,
                        "",
                        table() + bars() + heatMaps() + runs(),
                        "Errors are shares of the test images, in per cent; differences are in percentage points.")
                .toHtml();
    }

    private String table() {
        List<Group> groups = comparison.groups();
        StringBuilder html = new StringBuilder("<section class=\"card\"><h2>Results</h2><div class=\"scroll\">"
                + "<table class=\"results\"><thead><tr><th scope=\"col\"></th>");
        for (int g = 0; g < groups.size(); g++) {
            html.append("<th scope=\"col\">")
                    .append(key(g))
                    .append(escape(heading(groups.get(g))))
                    .append("</th>");
        }
        later().forEach(g -> html.append("<th scope=\"col\">")
                .append(escape(differenceHeading(g)))
                .append("</th>"));
        html.append("</tr></thead><tbody>");
        for (Measure measure : comparison.measures()) {
            html.append(measure.main() ? "<tr class=\"strong\">" : "<tr>")
                    .append("<th scope=\"row\">")
                    .append(escape(words(measure.name())))
                    .append("</th>");
            for (int g = 0; g < groups.size(); g++) {
                html.append("<td>").append(cell(measure, measure.of(g), false)).append("</td>");
            }
            later().forEach(g -> html.append("<td class=\"change")
                    .append(measure.difference(g).map(ComparisonReport::verdict).orElse(""))
                    .append("\">")
                    .append(cell(measure, measure.difference(g), true))
                    .append("</td>"));
            html.append("</tr>");
        }
        return html.append("</tbody></table></div><p class=\"note\">")
                .append(escape(notes()))
                .append(
                        comparison.groups().size() > 1
                                ? " Coloured differences are those whose interval leaves out zero."
                                : "")
                .append("</p></section>\n")
                .toString();
    }

    private static String verdict(MeanInterval difference) {
        return !difference.excludesZero() ? "" : difference.mean() < 0 ? " better" : " worse";
    }

    private String bars() {
        List<BarChart.Group> byCorruption = new ArrayList<>();
        List<BarChart.Group> bySeverity = new ArrayList<>();
        for (Measure measure : comparison.measures()) {
            boolean severity = measure.name().startsWith(RunComparison.AT_SEVERITY);
            if (severity || RunComparison.isError(measure)) {
                String label = words(measure.name())
                        .replace(", %", "")
                        .replace("mean corruption error", "mean")
                        .replace(RunComparison.AT_SEVERITY, "severity ");
                (severity ? bySeverity : byCorruption).add(bar(label, measure));
            }
        }
        StringBuilder html = new StringBuilder("<section class=\"card\"><h2>Errors</h2><p class=\"legend\">");
        for (int g = 0; g < comparison.groups().size(); g++) {
            html.append("<span>")
                    .append(key(g))
                    .append(escape(comparison.groups().get(g).label()))
                    .append("</span>");
        }
        html.append("</p><div class=\"split\"><figure>")
                .append(new BarChart(byCorruption).toSvg())
                .append("</figure>");
        if (!bySeverity.isEmpty()) {
            html.append("<figure><h3>Mean of the corruptions by severity</h3>")
                    .append(new BarChart(bySeverity).toSvg())
                    .append("</figure>");
        }
        return html.append("</div></section>\n").toString();
    }

    private BarChart.Group bar(String label, Measure measure) {
        List<Double> means = new ArrayList<>();
        List<Double> halfWidths = new ArrayList<>();
        for (int g = 0; g < comparison.groups().size(); g++) {
            Optional<MeanInterval> interval = measure.of(g);
            means.add(interval.map(i -> i.mean() / 100).orElse(Double.NaN));
            halfWidths.add(interval.map(i -> i.halfWidth() / 100).orElse(Double.NaN));
        }
        return new BarChart.Group(label, means, halfWidths, measure.main());
    }

    private String heatMaps() {
        Map<Integer, CorruptionErrors> tables = new TreeMap<>();
        for (int g = 0; g < comparison.groups().size(); g++) {
            int index = g;
            comparison.groups().get(g).meanCorruptions().ifPresent(table -> tables.put(index, table));
        }
        if (tables.isEmpty()) {
            return "";
        }
        StringBuilder html = new StringBuilder(
                "<section class=\"card\"><h2>Error by corruption and severity, %</h2>" + "<div class=\"heats\">");
        tables.forEach((g, table) ->
                html.append(HeatMap.ofErrors(comparison.groups().get(g).label(), g % COLOURS, table, tables.values())
                        .toHtml()));
        CorruptionErrors first = tables.get(0);
        if (first != null) {
            tables.forEach((g, table) -> {
                if (g > 0) {
                    html.append(HeatMap.ofDifference(differenceHeading(g) + ", points", first, table)
                            .map(HeatMap::toHtml)
                            .orElse(""));
                }
            });
        }
        return html.append("</div></section>\n").toString();
    }

    private String runs() {
        Map<String, List<String>> rows = new LinkedHashMap<>();
        for (Group group : comparison.groups()) {
            rows.put(
                    group.label(),
                    group.runs().entrySet().stream()
                            .map(run -> "seed " + run.getKey() + ": "
                                    + run.getValue().folder().path())
                            .toList());
        }
        StringBuilder html = new StringBuilder("<section class=\"card\"><h2>Runs</h2><table class=\"facts\"><tbody>");
        rows.forEach((label, folders) -> html.append("<tr><th scope=\"row\">")
                .append(escape(label))
                .append("</th><td>")
                .append(folders.stream().map(Markup::escape).collect(Collectors.joining("<br>")))
                .append("</td></tr>"));
        return html.append("</tbody></table></section>\n").toString();
    }

    private static String key(int group) {
        return "<span class=\"key r" + group % COLOURS + "\"></span>";
    }
}
