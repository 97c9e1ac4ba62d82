package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.escape;
import static dev.hornbeam.training.run.Markup.percent;
import static dev.hornbeam.training.run.Markup.words;

import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.evaluation.AdversarialErrors;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.RelativeErrors;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The report of an evaluation of one network on one or several sets of images: a single HTML file that needs nothing else. */
public final class EvaluationReport {
    private static final int COLOURS = 6;

    private final List<Evaluation> evaluations;
    private final Map<String, String> provenance;

    private EvaluationReport(List<Evaluation> evaluations, Map<String, String> provenance) {
        this.evaluations = evaluations;
        this.provenance = provenance;
    }

    /**
     * Writes the report.
     *
     * @param title heading
     * @param evaluations at least one
     * @param provenance names and values that say where the results come from, in order
     * @throws dev.hornbeam.training.UserError if the file cannot be written
     */
    public static void write(Path file, String title, List<Evaluation> evaluations, Map<String, String> provenance) {
        UserFile.writeText(file, html(title, evaluations, provenance));
    }

    /** The report as HTML; see {@link #write}. */
    public static String html(String title, List<Evaluation> evaluations, Map<String, String> provenance) {
        EvaluationReport report = new EvaluationReport(List.copyOf(evaluations), provenance);
        return new ReportPage(
                        title,
                        "",
                        report.tiles()
                                + report.metrics()
                                + report.corruptions()
                                + report.adversarial()
                                + report.facts(),
                        "Accuracy and error are shares of the images, in per cent.")
                .toHtml();
    }

    private String tiles() {
        StringBuilder html = new StringBuilder("<section class=\"tiles\">");
        for (Evaluation evaluation : evaluations) {
            String of = evaluations.size() == 1 ? "" : ", " + evaluation.data();
            html.append(tile("Accuracy" + of, percent(evaluation.clean().accuracy(), 2), "%"));
            evaluation
                    .corruptions()
                    .ifPresent(table -> html.append(tile("Mean corruption error" + of, percent(table.mean(), 2), "%")));
            evaluation
                    .relative()
                    .ifPresent(relative ->
                            html.append(tile("mCE beside " + relative.baseline() + of, ratio(relative.mean()), "%")));
            if (evaluations.size() == 1) {
                html.append(tile("Calibration error", percent(evaluation.clean().calibrationError(), 2), "%"));
            }
        }
        return html.append("</section>\n").toString();
    }

    private static String tile(String title, String value, String unit) {
        return "<div class=\"card tile single\"><h3>%s</h3><p><b>%s <small>%s</small></b></p></div>"
                .formatted(escape(title), value, unit);
    }

    private String metrics() {
        List<MetricsSection.Entry> entries = new ArrayList<>();
        for (int i = 0; i < evaluations.size(); i++) {
            entries.add(new MetricsSection.Entry(
                    evaluations.get(i).data(), i % COLOURS, evaluations.get(i).clean()));
        }
        return new MetricsSection(entries, evaluations.size() > 1).toHtml();
    }

    private String corruptions() {
        StringBuilder html = new StringBuilder();
        for (Evaluation evaluation : evaluations) {
            evaluation.corruptions().ifPresent(table -> html.append(corruptions(evaluation, table)));
        }
        return html.toString();
    }

    private String corruptions(Evaluation evaluation, CorruptionErrors table) {
        StringBuilder html = new StringBuilder("<section class=\"card\"><h2>Error by corruption and severity, %</h2>");
        html.append("<div class=\"heats\">");
        html.append(HeatMap.ofErrors(evaluation.data(), -1, table).toHtml());
        evaluation.relative().ifPresent(relative -> html.append(relative(relative)));
        html.append("</div><p class=\"note\">The mean over ")
                .append(escape(table.averaged()))
                .append(", not normalised, is ")
                .append(percent(table.mean(), 2))
                .append(" %.");
        evaluation
                .relative()
                .ifPresent(relative -> html.append(
                                " CE is the error of a corruption, summed over the severities, by that of ")
                        .append(escape(relative.baseline()))
                        .append(
                                "; relative CE is the same of what the corruption adds to the error on clean images. mCE is "
                                        + "the mean of CE over the corruptions."));
        return html.append("</p></section>\n").toString();
    }

    private static String relative(RelativeErrors relative) {
        StringBuilder html =
                new StringBuilder("<figure class=\"heat\"><div class=\"scroll\"><table class=\"results\"><thead><tr>"
                        + "<th scope=\"col\">beside " + escape(relative.baseline()) + ", %</th>"
                        + "<th scope=\"col\">CE</th><th scope=\"col\">relative CE</th></tr></thead><tbody>");
        relative.errors()
                .forEach((corruption, value) -> html.append("<tr><th scope=\"row\">")
                        .append(escape(words(corruption)))
                        .append("</th><td>")
                        .append(ratio(value))
                        .append("</td><td>")
                        .append(ratio(relative.relative().get(corruption)))
                        .append("</td></tr>"));
        return html.append("<tr class=\"strong\"><th scope=\"row\">mean</th><td>")
                .append(ratio(relative.mean()))
                .append("</td><td>")
                .append(ratio(relative.relativeMean()))
                .append("</td></tr></tbody></table></div></figure>")
                .toString();
    }

    private String adversarial() {
        StringBuilder html = new StringBuilder();
        for (Evaluation evaluation : evaluations) {
            evaluation.adversarial().ifPresent(errors -> html.append(adversarial(evaluation, errors)));
        }
        return html.toString();
    }

    private static String adversarial(Evaluation evaluation, AdversarialErrors errors) {
        StringBuilder html = new StringBuilder("<section class=\"card\"><h2>Error under attack, ")
                .append(escape(evaluation.data()))
                .append("</h2><div class=\"scroll\"><table class=\"results\"><thead><tr><th scope=\"col\">")
                .append(escape(errors.attack().toUpperCase(Locale.ROOT)))
                .append(", epsilon</th><th scope=\"col\">error, %</th><th scope=\"col\">loss</th></tr></thead><tbody>");
        html.append(attackRow(
                "0 (clean)", evaluation.clean().error(), evaluation.clean().loss()));
        for (int i = 0; i < errors.epsilons().size(); i++) {
            html.append(attackRow(
                    epsilon(errors.epsilons().get(i)),
                    errors.errors().get(i),
                    errors.losses().get(i)));
        }
        return html.append(
                        "</tbody></table></div><p class=\"note\">Every pixel, of the range 0 to 1, moves by epsilon in the "
                                + "direction that raises the loss.</p></section>\n")
                .toString();
    }

    private static String attackRow(String label, double error, double loss) {
        return "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td></tr>"
                .formatted(label, percent(error, 2), String.format(Locale.ROOT, "%.4f", loss));
    }

    /** An epsilon as people write it: in 255ths where it is a whole number of them. */
    public static String epsilon(double value) {
        double of255 = value * 255;
        return Math.abs(of255 - Math.rint(of255)) < 1e-6
                ? Math.round(of255) + "/255"
                : new BigDecimal(value)
                        .round(new MathContext(4))
                        .stripTrailingZeros()
                        .toPlainString();
    }

    private String facts() {
        StringBuilder html =
                new StringBuilder("<section class=\"card\"><h2>Provenance</h2><table class=\"facts\"><tbody>");
        provenance.forEach((name, value) -> html.append("<tr><th scope=\"row\">")
                .append(escape(name))
                .append("</th><td>")
                .append(escape(value))
                .append("</td></tr>"));
        return html.append("</tbody></table></section>\n").toString();
    }

    // CE is written in per cent, as the paper does.
    private static String ratio(double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%.1f", 100 * value) : "–";
    }
}
