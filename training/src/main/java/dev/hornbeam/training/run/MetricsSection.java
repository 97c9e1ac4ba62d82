package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.escape;
import static dev.hornbeam.training.run.Markup.percent;

import dev.hornbeam.training.evaluation.PredictionMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/**
 * Calibration and confusions of one or several networks or data sets, as a section of a report.
 *
 * @param entries what was measured
 * @param named whether the names are shown
 */
record MetricsSection(List<Entry> entries, boolean named) {
    /**
     * What was measured of one.
     *
     * @param name its name
     * @param colour index of its colour
     */
    record Entry(String name, int colour, PredictionMetrics metrics) {}

    String toHtml() {
        if (entries.isEmpty()) {
            return "";
        }
        StringBuilder html = new StringBuilder("<section class=\"card\"><h2>Calibration and confusions</h2>");
        html.append(table());
        for (Entry entry : entries) {
            html.append("<div class=\"split quality\"><figure><h3>")
                    .append(heading(entry))
                    .append("Accuracy by confidence</h3>")
                    .append(new ReliabilityDiagram(entry.metrics().reliability(), entry.colour()).toSvg())
                    .append("</figure><figure><h3>")
                    .append(heading(entry))
                    .append("Confusions</h3>")
                    .append(new ConfusionTable(entry.metrics().confusion()).toHtml())
                    .append("</figure></div>");
        }
        return html.append("<p class=\"note\">Calibration error: over ")
                .append(entries.getFirst().metrics().reliability().bins().size())
                .append(
                        " bins of equal width of the confidence, the mean distance of accuracy and mean confidence, weighted by ")
                .append("images. On the dashed line confidence and accuracy agree.</p></section>\n")
                .toString();
    }

    private String heading(Entry entry) {
        return named ? key(entry) + " · " : "";
    }

    private static String key(Entry entry) {
        return "<span class=\"key r" + entry.colour() + "\"></span>" + escape(entry.name());
    }

    private String table() {
        StringBuilder html =
                new StringBuilder("<div class=\"scroll\"><table class=\"results\"><thead><tr><th scope=\"col\"></th>");
        for (Entry entry : entries) {
            html.append("<th scope=\"col\">")
                    .append(named ? key(entry) : "clean test images")
                    .append("</th>");
        }
        html.append("</tr></thead><tbody>");
        int most =
                entries.stream().mapToInt(e -> e.metrics().topK().size()).max().orElse(1);
        for (int k = 1; k <= most; k++) {
            int rank = k;
            html.append(row(
                    "top-" + k + " accuracy, %",
                    m -> rank <= m.topK().size() ? percent(m.topK().get(rank - 1), 2) : "–"));
        }
        html.append(row("negative log-likelihood", m -> number(m.loss())));
        html.append(row("calibration error, %", m -> percent(m.calibrationError(), 2)));
        html.append(row("Brier score", m -> number(m.brier())));
        html.append(row("images", m -> Markup.count(m.images())));
        return html.append("</tbody></table></div>").toString();
    }

    private String row(String label, Function<PredictionMetrics, String> text) {
        List<String> cells = new ArrayList<>();
        entries.forEach(e -> cells.add("<td>" + text.apply(e.metrics()) + "</td>"));
        return "<tr><th scope=\"row\">" + label + "</th>" + String.join("", cells) + "</tr>";
    }

    private static String number(double value) {
        return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%.4f", value);
    }
}
