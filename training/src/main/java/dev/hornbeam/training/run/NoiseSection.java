package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.count;
import static dev.hornbeam.training.run.Markup.escape;
import static dev.hornbeam.training.run.Markup.percent;

import dev.hornbeam.training.noise.NoiseSummary;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * What noise did to the training images, as a section of a report.
 *
 * @param name of the run
 * @param noise what it did
 * @param named whether the name is shown
 */
record NoiseSection(String name, NoiseSummary noise, boolean named) {
    private static final int MOST_CLASSES = 12;
    private static final int MOST_PAIRS = 12;

    String toHtml() {
        StringBuilder html = new StringBuilder("<section class=\"card\"><h2>Noise in the training images");
        html.append(named ? ": " + escape(name) : "").append("</h2><table class=\"facts\"><tbody>");
        fact(html, "kind", noise.kind());
        if (!Double.isNaN(noise.rate())) {
            fact(html, "rate", String.format(Locale.ROOT, "%.4g", noise.rate()));
        }
        fact(html, "seed", Long.toString(noise.seed()));
        String expected = Double.isNaN(noise.expectedErrorRate())
                ? ""
                : ", expected " + percent(noise.expectedErrorRate(), 2) + " %";
        fact(
                html,
                "wrong labels",
                count(noise.wrongLabels()) + " of " + count(noise.images()) + ": " + percent(noise.errorRate(), 2)
                        + " %" + expected);
        fact(html, "images replaced", count(noise.noisyImages()));
        html.append("</tbody></table>");
        if (noise.wrongLabels() > 0) {
            html.append(noise.classNames().size() <= MOST_CLASSES ? matrix() : pairs());
        }
        return html.append("</section>\n").toString();
    }

    private static void fact(StringBuilder html, String what, String value) {
        html.append("<tr><th scope=\"row\">")
                .append(what)
                .append("</th><td>")
                .append(escape(value))
                .append("</td></tr>");
    }

    private String matrix() {
        StringBuilder html = new StringBuilder("<h3>Right labels (rows) and given ones (columns)</h3>"
                + "<div class=\"scroll\"><table class=\"results\"><thead><tr><th></th>");
        for (int c = 0; c < noise.classNames().size(); c++) {
            html.append("<th scope=\"col\">").append(c).append("</th>");
        }
        html.append("</tr></thead><tbody>");
        for (int k = 0; k < noise.labels().size(); k++) {
            html.append("<tr><th scope=\"row\">").append(label(k)).append("</th>");
            for (int images : noise.labels().get(k)) {
                html.append("<td>").append(images == 0 ? "" : count(images)).append("</td>");
            }
            html.append("</tr>");
        }
        return html.append("</tbody></table></div>").toString();
    }

    private record Pair(int right, int given, int images) {}

    private String pairs() {
        List<Pair> pairs = new ArrayList<>();
        for (int k = 0; k < noise.labels().size(); k++) {
            for (int j = 0; j < noise.labels().get(k).size(); j++) {
                if (j != k && noise.labels().get(k).get(j) > 0) {
                    pairs.add(new Pair(k, j, noise.labels().get(k).get(j)));
                }
            }
        }
        pairs.sort(Comparator.comparingInt(Pair::images).reversed());
        StringBuilder html = new StringBuilder("<h3>The most frequent wrong labels</h3><table class=\"facts\"><tbody>");
        pairs.stream()
                .limit(MOST_PAIRS)
                .forEach(pair -> html.append("<tr><th scope=\"row\">")
                        .append(label(pair.right()))
                        .append("</th><td>")
                        .append(label(pair.given()))
                        .append("</td><td>")
                        .append(count(pair.images()))
                        .append("</td></tr>"));
        return html.append("</tbody></table>").toString();
    }

    private String label(int index) {
        String className = noise.classNames().get(index);
        return className.equals(Integer.toString(index)) ? className : index + " " + escape(className);
    }
}
