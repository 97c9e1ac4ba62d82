package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.escape;
import static dev.hornbeam.training.run.Markup.percent;
import static dev.hornbeam.training.run.Markup.points;
import static dev.hornbeam.training.run.Markup.words;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.run.ReportData.Run;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * The report of one run or of several beside each other: a single HTML file that needs nothing else.
 *
 * <p>It has no script and asks no server for anything; charts are SVG within the page, and it follows the reader's choice
 * of a light or a dark page. Runs after the first are compared with the first.
 */
public final class Report {
    private static final int MOST_COLOURS = 6;

    private final ReportData data;

    private Report(ReportData data) {
        this.data = data;
    }

    /**
     * Writes the report as HTML.
     *
     * @throws UserError if the file cannot be written
     */
    public static void write(Path file, ReportData data) {
        UserFile.writeText(file, html(data));
    }

    /** The report as HTML. */
    public static String html(ReportData data) {
        return new Report(data).page();
    }

    /**
     * The errors on clean and corrupted images as a stand-alone SVG, for a README.
     *
     * @throws IllegalArgumentException if no run was tested on corrupted images
     */
    public static String overviewSvg(ReportData data) {
        return new Report(data).overview();
    }

    private String page() {
        String sections =
                tiles() + results() + curves() + heatMaps() + metrics() + noise() + configuration() + provenance();
        return new ReportPage(
                        data.title(),
                        data.lead(),
                        sections,
                        "Accuracy and error are shares of the test images, in per cent; "
                                + "differences are in percentage points.")
                .toHtml();
    }

    private String noise() {
        StringBuilder html = new StringBuilder();
        forEachRun((run, _) -> run.noise()
                .ifPresent(noise -> html.append(
                        new NoiseSection(run.name(), noise, data.runs().size() > 1).toHtml())));
        return html.toString();
    }

    // ---- key numbers

    private String tiles() {
        StringBuilder html = new StringBuilder("<section class=\"tiles\">");
        html.append(tile("Clean accuracy", "%", r -> r.results().testAccuracy(), x -> percent(x, 2), true));
        if (anyCorruptions()) {
            html.append(tile("Mean corruption error", "%", Report::meanError, x -> percent(x, 2), false));
            int worst = severities().getLast();
            html.append(
                    tile("Error at severity " + worst, "%", r -> errorAtSeverity(r, worst), x -> percent(x, 2), false));
        } else {
            html.append(plainTile("Test loss", "", r -> r.results().testLoss(), x -> number(x, "%.3f")));
        }
        html.append(plainTile("Training time", "min:s", r -> r.results().trainSeconds(), Report::time));
        if (!anyCorruptions()) {
            html.append(plainTile("Images per second", "", r -> r.results().imagesPerSecond(), Markup::count));
        }
        return html.append("</section>\n").toString();
    }

    private String plainTile(String title, String unit, ToDoubleFunction<Run> value, DoubleFunction<String> text) {
        return tile(title, unit, value, text, false, false);
    }

    private String tile(
            String title, String unit, ToDoubleFunction<Run> value, DoubleFunction<String> text, boolean moreIsBetter) {
        return tile(title, unit, value, text, moreIsBetter, true);
    }

    private String tile(
            String title,
            String unit,
            ToDoubleFunction<Run> value,
            DoubleFunction<String> text,
            boolean moreIsBetter,
            boolean compared) {
        boolean several = data.runs().size() > 1;
        StringBuilder html = new StringBuilder(
                "<div class=\"card tile%s\"><h3>%s</h3>".formatted(several ? "" : " single", escape(title)));
        double first = value.applyAsDouble(data.runs().getFirst());
        forEachRun((run, index) -> {
            double x = value.applyAsDouble(run);
            html.append("<p>");
            if (several) {
                html.append(key(index))
                        .append("<span class=\"name\">")
                        .append(escape(run.name()))
                        .append("</span>");
            }
            html.append("<b>").append(text.apply(x));
            if (!unit.isEmpty() && !Double.isNaN(x)) {
                html.append(" <small>").append(unit).append("</small>");
            }
            html.append("</b>");
            if (several && compared) {
                html.append(index == 0 ? "<span class=\"change\"></span>" : change("span", x - first, 2, moreIsBetter));
            }
            html.append("</p>");
        });
        return html.append("</div>").toString();
    }

    // ---- the table of results and the bars beside it

    private String results() {
        StringBuilder html = new StringBuilder();
        html.append("<section class=\"split%s\"><div class=\"card\"><h2>Results</h2>"
                .formatted(anyCorruptions() && data.runs().size() <= 2 ? "" : " alone"));
        html.append("<div class=\"scroll\"><table class=\"results\"><thead><tr><th scope=\"col\">error, %</th>");
        forEachRun((run, index) -> html.append("<th scope=\"col\">")
                .append(key(index))
                .append(escape(run.name()))
                .append("</th>"));
        String base = data.runs().getFirst().name();
        forEachLaterRun(run -> html.append("<th scope=\"col\">")
                .append(data.runs().size() == 2 ? "difference" : escape(run.name() + " − " + base))
                .append("</th>"));
        html.append("</tr></thead><tbody>");
        html.append(errorRow("clean", true, r -> 1 - r.results().testAccuracy()));
        for (String corruption : corruptions()) {
            html.append(errorRow(words(corruption), false, r -> meanError(r, corruption)));
        }
        if (anyCorruptions()) {
            html.append(errorRow("mean of corruptions", true, Report::meanError));
        }
        html.append("</tbody><tbody>");
        html.append(numberRow("training error, last epoch", r -> 1 - r.results().trainAccuracy(), x -> percent(x, 2)));
        html.append(numberRow("training loss, last epoch", r -> r.results().trainLoss(), x -> number(x, "%.4f")));
        html.append(numberRow("test loss", r -> r.results().testLoss(), x -> number(x, "%.4f")));
        html.append(numberRow("training images per second", r -> r.results().imagesPerSecond(), Markup::count));
        html.append(numberRow("training time, min:s", r -> r.results().trainSeconds(), Report::time));
        for (String name : extraNames()) {
            html.append(numberRow(
                    words(name), r -> r.results().extra().getOrDefault(name, Double.NaN), x -> number(x, "%.4g")));
        }
        html.append("</tbody></table></div>");
        if (anyCorruptions()) {
            html.append("<p class=\"note\">Each corruption is the mean over severities ")
                    .append(severities().stream().map(String::valueOf).collect(Collectors.joining(", ")))
                    .append(". Lower is better.</p>");
        }
        html.append("</div>");
        if (anyCorruptions()) {
            html.append("<div class=\"card\"><h2>Error by corruption</h2>")
                    .append(legend())
                    .append(bars().toSvg())
                    .append("</div>");
        }
        return html.append("</section>\n").toString();
    }

    private String errorRow(String label, boolean strong, ToDoubleFunction<Run> error) {
        StringBuilder html = new StringBuilder(strong ? "<tr class=\"strong\">" : "<tr>");
        html.append("<th scope=\"row\">").append(escape(label)).append("</th>");
        forEachRun((run, _) ->
                html.append("<td>").append(percent(error.applyAsDouble(run), 2)).append("</td>"));
        double first = error.applyAsDouble(data.runs().getFirst());
        forEachLaterRun(run -> html.append(change("td", error.applyAsDouble(run) - first, 2, false)));
        return html.append("</tr>").toString();
    }

    private String numberRow(String label, ToDoubleFunction<Run> value, DoubleFunction<String> text) {
        StringBuilder html = new StringBuilder("<tr><th scope=\"row\">")
                .append(escape(label))
                .append("</th>");
        forEachRun((run, _) ->
                html.append("<td>").append(text.apply(value.applyAsDouble(run))).append("</td>"));
        forEachLaterRun(_ -> html.append("<td></td>"));
        return html.append("</tr>").toString();
    }

    private BarChart bars() {
        List<BarChart.Group> groups = new ArrayList<>();
        groups.add(group("clean", r -> 1 - r.results().testAccuracy(), true));
        corruptions().forEach(c -> groups.add(group(words(c), r -> meanError(r, c), false)));
        groups.add(group("mean", Report::meanError, true));
        return new BarChart(List.copyOf(groups));
    }

    private BarChart.Group group(String label, ToDoubleFunction<Run> error, boolean strong) {
        return new BarChart.Group(
                label, data.runs().stream().mapToDouble(error).boxed().toList(), strong);
    }

    // ---- learning curves

    private String curves() {
        if (data.runs().stream().allMatch(r -> r.epochs().isEmpty())) {
            return "";
        }
        StringBuilder html = new StringBuilder("<section class=\"card\"><h2>Learning curves</h2>");
        html.append("<p class=\"legend\">");
        if (data.runs().size() > 1) {
            forEachRun((run, index) -> html.append("<span>")
                    .append(key(index))
                    .append(escape(run.name()))
                    .append("</span>"));
        }
        html.append("<span><span class=\"stroke\"></span>test</span>")
                .append("<span><span class=\"stroke dashed\"></span>training</span></p><div class=\"curves\">");
        html.append(curve(
                "Loss",
                "",
                List.of(
                        new Series("training", true, EpochRow::trainLoss),
                        new Series("test", false, EpochRow::testLoss))));
        html.append(curve(
                "Accuracy",
                "%",
                List.of(
                        new Series("training", true, e -> 100 * e.trainAccuracy()),
                        new Series("test", false, e -> 100 * e.testAccuracy()))));
        html.append(curve("Learning rate", "", List.of(new Series("learning rate", false, EpochRow::lr))));
        return html.append("</div></section>\n").toString();
    }

    /** One quantity of a chart, drawn for each run. */
    private record Series(String name, boolean dashed, ToDoubleFunction<EpochRow> value) {}

    private String curve(String title, String unit, List<Series> series) {
        List<LineChart.Line> lines = new ArrayList<>();
        for (Series s : series) {
            forEachRun((run, index) -> {
                List<LineChart.Point> points = run.epochs().stream()
                        .map(e -> new LineChart.Point(e.epoch(), s.value().applyAsDouble(e)))
                        .filter(p -> Double.isFinite(p.value()))
                        .toList();
                if (!points.isEmpty()) {
                    lines.add(new LineChart.Line(run.name() + " " + s.name(), colour(index), s.dashed(), points));
                }
            });
        }
        if (lines.isEmpty()) {
            return "";
        }
        // Runs on one course, as of the learning rate, would hide each other.
        boolean same = series.size() == 1
                && lines.stream().map(LineChart.Line::points).distinct().count() == 1;
        if (same && data.runs().size() > 1) {
            LineChart.Line line = new LineChart.Line(
                    "all runs", LineChart.NO_RUN, false, lines.getFirst().points());
            return figure(title, new LineChart(title, unit, List.of(line)));
        }
        return figure(title, new LineChart(title, unit, lines));
    }

    private static String figure(String title, LineChart chart) {
        return "<figure><h3>" + escape(title) + "</h3>" + chart.toSvg() + "</figure>";
    }

    // ---- corruption by severity

    private String heatMaps() {
        if (!anyCorruptions()) {
            return "";
        }
        List<Run> tested = data.runs().stream()
                .filter(r -> r.results().corruptions().isPresent())
                .toList();
        List<CorruptionErrors> tables = tested.stream().map(Report::table).toList();
        StringBuilder html = new StringBuilder(
                "<section class=\"card\"><h2>Error by corruption and severity, %</h2><div class=\"heats\">");
        forEachRun((run, index) -> run.results()
                .corruptions()
                .ifPresent(table -> html.append(
                        HeatMap.ofErrors(run.name(), data.runs().size() > 1 ? colour(index) : -1, table, tables)
                                .toHtml())));
        tested.stream().skip(1).forEach(run -> html.append(differenceMap(tested.getFirst(), run)));
        return html.append("</div></section>\n").toString();
    }

    private static String differenceMap(Run base, Run run) {
        return HeatMap.ofDifference(run.name() + " − " + base.name() + ", points", table(base), table(run))
                .map(HeatMap::toHtml)
                .orElse("");
    }

    // ---- calibration and confusions

    private String metrics() {
        List<MetricsSection.Entry> metrics = new ArrayList<>();
        forEachRun((run, index) -> run.results()
                .metrics()
                .ifPresent(m -> metrics.add(new MetricsSection.Entry(run.name(), colour(index), m))));
        return new MetricsSection(metrics, data.runs().size() > 1).toHtml();
    }

    // ---- configuration and provenance

    private String configuration() {
        StringBuilder html = new StringBuilder("<section class=\"card\"><h2>Configuration</h2>");
        if (data.runs().size() > 1) {
            List<Map<String, String>> settings = data.runs().stream()
                    .map(r -> ConfigTree.parse(r.configuration(), "configuration of " + r.name())
                            .flatten())
                    .toList();
            html.append(differencesTable(settings));
        }
        for (Run run : data.runs()) {
            String summary = data.runs().size() > 1 ? "All settings of " + run.name() : "All settings";
            html.append("<details")
                    .append(data.runs().size() == 1 ? " open" : "")
                    .append("><summary>")
                    .append(escape(summary))
                    .append("</summary><pre>")
                    .append(escape(run.configuration()))
                    .append("</pre></details>");
        }
        return html.append("</section>\n").toString();
    }

    private String differencesTable(List<Map<String, String>> settings) {
        Set<String> keys = allKeys(settings);
        keys.removeIf(key -> key.equals("name")
                || key.equals("description")
                || settings.stream()
                                .map(s -> s.getOrDefault(key, "–"))
                                .distinct()
                                .count()
                        == 1);
        if (keys.isEmpty()) {
            return "<p class=\"note\">The runs have the same settings.</p>";
        }
        StringBuilder html = new StringBuilder("<table class=\"facts\"><thead><tr><th scope=\"col\">differs in</th>");
        forEachRun((run, index) -> html.append("<th scope=\"col\">")
                .append(key(index))
                .append(' ')
                .append(escape(run.name()))
                .append("</th>"));
        html.append("</tr></thead><tbody>");
        for (String key : keys) {
            html.append("<tr><th scope=\"row\" class=\"mono\">")
                    .append(escape(key).replace(".", ".<wbr>").replace("_", "_<wbr>"))
                    .append("</th>");
            settings.forEach(s -> html.append("<td class=\"mono\">")
                    .append(escape(s.getOrDefault(key, "–")))
                    .append("</td>"));
            html.append("</tr>");
        }
        return html.append("</tbody></table>").toString();
    }

    // In the order of the configuration, which is not that of any one run where kinds differ.
    private static Set<String> allKeys(List<Map<String, String>> settings) {
        List<String> order = Recipes.keys().stream().map(SettingKey::path).toList();
        return settings.stream()
                .flatMap(s -> s.keySet().stream())
                .distinct()
                .sorted(Comparator.comparingInt(order::indexOf))
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private String provenance() {
        Set<String> names = new LinkedHashSet<>();
        data.runs().forEach(r -> names.addAll(r.provenance().keySet()));
        if (names.isEmpty()) {
            return "";
        }
        StringBuilder html =
                new StringBuilder("<section class=\"card\"><h2>Provenance</h2><table class=\"facts\"><tbody>");
        for (String name : names) {
            List<String> values = data.runs().stream()
                    .map(r -> r.provenance().getOrDefault(name, "–"))
                    .toList();
            boolean shared = values.stream().distinct().count() == 1;
            html.append("<tr><th scope=\"row\">").append(escape(name)).append("</th><td>");
            if (shared) {
                html.append(escape(values.getFirst()));
            } else {
                forEachRun((run, index) -> html.append(index == 0 ? "" : "<br>")
                        .append(key(index))
                        .append(' ')
                        .append(escape(run.name() + ": " + values.get(index))));
            }
            html.append("</td></tr>");
        }
        return html.append("</tbody></table></section>\n").toString();
    }

    // ---- the stand-alone drawing

    private String overview() {
        if (!anyCorruptions()) {
            throw new IllegalArgumentException("no run of \"" + data.title() + "\" was tested on corrupted images");
        }
        BarChart bars = bars();
        double margin = 16;
        double head = 62;
        double width = BarChart.WIDTH + 2 * margin;
        double height = head + bars.height() + margin;
        StringBuilder svg = new StringBuilder();
        svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %s %s\" width=\"%s\" height=\"%s\">"
                .formatted(
                        Markup.coordinate(width),
                        Markup.coordinate(height),
                        Markup.coordinate(2 * width),
                        Markup.coordinate(2 * height)));
        svg.append("<title>").append(escape(data.title())).append("</title><style>");
        svg.append(escapeStyle(ReportPage.resource("colours.css")));
        svg.append("svg .title { font-size: 14px; font-weight: 650; fill: var(--ink); }</style>");
        svg.append("<rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"var(--card)\"/>");
        svg.append("<text class=\"title\" x=\"%s\" y=\"26\">%s</text>"
                .formatted(Markup.coordinate(margin), escape(data.title())));
        double x = margin;
        for (int index = 0; index < data.runs().size(); index++) {
            String name = data.runs().get(index).name();
            svg.append("<rect class=\"bar r%d\" x=\"%s\" y=\"38\" width=\"9\" height=\"9\" rx=\"2\"/>"
                    .formatted(colour(index), Markup.coordinate(x)));
            svg.append("<text class=\"label\" x=\"%s\" y=\"46.5\">%s</text>"
                    .formatted(Markup.coordinate(x + 14), escape(name)));
            x += 34 + 7.4 * name.length();
        }
        svg.append("<text x=\"%s\" y=\"46.5\" text-anchor=\"end\">error, lower is better</text>"
                .formatted(Markup.coordinate(width - margin)));
        svg.append("<g transform=\"translate(%s %s)\">%s</g>"
                .formatted(Markup.coordinate(margin), Markup.coordinate(head), bars.content()));
        return svg.append("</svg>\n").toString();
    }

    private static String escapeStyle(String css) {
        return css.replace("&", "&amp;").replace("<", "&lt;");
    }

    // ---- what the sections share

    /** An action on a run and its place among the runs. */
    @FunctionalInterface
    private interface RunAction {
        void accept(Run run, int index);
    }

    private void forEachRun(RunAction action) {
        for (int i = 0; i < data.runs().size(); i++) {
            action.accept(data.runs().get(i), i);
        }
    }

    private void forEachLaterRun(Consumer<Run> action) {
        data.runs().stream().skip(1).forEach(action);
    }

    private String legend() {
        if (data.runs().size() == 1) {
            return "";
        }
        StringBuilder html = new StringBuilder("<p class=\"legend\">");
        forEachRun((run, index) -> html.append("<span>")
                .append(key(index))
                .append(escape(run.name()))
                .append("</span>"));
        return html.append("</p>").toString();
    }

    private static String key(int index) {
        return "<span class=\"key r" + colour(index) + "\"></span>";
    }

    private static int colour(int index) {
        return index % MOST_COLOURS;
    }

    private static String change(String element, double difference, int decimals, boolean moreIsBetter) {
        String text = points(difference, decimals);
        boolean changed = text.startsWith("+") || text.startsWith("−");
        String verdict = !changed ? "" : (difference > 0) == moreIsBetter ? " better" : " worse";
        return "<%s class=\"change%s\">%s</%s>".formatted(element, verdict, text, element);
    }

    private boolean anyCorruptions() {
        return data.runs().stream().anyMatch(r -> r.results().corruptions().isPresent());
    }

    private Set<String> corruptions() {
        Set<String> names = new LinkedHashSet<>();
        data.runs()
                .forEach(r -> r.results()
                        .corruptions()
                        .ifPresent(table -> names.addAll(table.errors().keySet())));
        return names;
    }

    private List<Integer> severities() {
        return data.runs().stream()
                .flatMap(r -> r.results().corruptions().stream())
                .findFirst()
                .orElseThrow()
                .severities();
    }

    private Set<String> extraNames() {
        Set<String> names = new LinkedHashSet<>();
        data.runs().forEach(r -> names.addAll(r.results().extra().keySet()));
        return names;
    }

    private static CorruptionErrors table(Run run) {
        return run.results().corruptions().orElseThrow();
    }

    private static double meanError(Run run) {
        return run.results().corruptions().map(CorruptionErrors::mean).orElse(Double.NaN);
    }

    private static double meanError(Run run, String corruption) {
        return run.results()
                .corruptions()
                .filter(table -> table.errors().containsKey(corruption))
                .map(table -> table.mean(corruption))
                .orElse(Double.NaN);
    }

    private static double errorAtSeverity(Run run, int severity) {
        return run.results()
                .corruptions()
                .filter(table -> table.severities().contains(severity))
                .map(table -> table.meanAtSeverity(severity))
                .orElse(Double.NaN);
    }

    private static String number(double value, String format) {
        return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, format, value);
    }

    private static String time(double seconds) {
        return Double.isNaN(seconds) ? "–" : Progress.duration(seconds);
    }
}
