package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.count;
import static dev.hornbeam.training.run.Markup.escape;
import static dev.hornbeam.training.run.Markup.percent;

import dev.hornbeam.training.evaluation.ConfusionMatrix;
import dev.hornbeam.training.evaluation.ConfusionMatrix.Entry;
import java.util.Arrays;
import java.util.List;

/**
 * A confusion matrix as HTML: whole where its classes are few, else the confusions that happened most.
 *
 * @param confusion what is shown
 */
record ConfusionTable(ConfusionMatrix confusion) {
    private static final int MOST_CLASSES = 12;
    private static final int MOST_PAIRS = 12;

    String toHtml() {
        return confusion.classNames().size() <= MOST_CLASSES ? whole() : pairs();
    }

    private String whole() {
        int[][] counts = confusion.counts();
        // Four digits do not fit into a cell on a narrow screen.
        boolean shares = confusion.entries().stream().anyMatch(entry -> entry.images() > 999);
        StringBuilder html = new StringBuilder(
                "<div class=\"heat confusion\"><table><thead><tr>" + "<th scope=\"col\">true class</th>");
        for (int c = 0; c < counts.length; c++) {
            html.append("<th scope=\"col\">").append(c).append("</th>");
        }
        html.append("</tr></thead><tbody>");
        for (int truth = 0; truth < counts.length; truth++) {
            html.append("<tr><th scope=\"row\">").append(label(truth)).append("</th>");
            int images = Arrays.stream(counts[truth]).sum();
            for (int predicted = 0; predicted < counts.length; predicted++) {
                html.append(cell(counts[truth][predicted], images, truth == predicted, shares));
            }
            html.append("</tr>");
        }
        return html.append(
                        "</tbody></table></div><p class=\"note\">Rows are true classes, columns predicted ones; numbers are ")
                .append(shares ? "shares of the row in per cent.</p>" : "images, colours shares of the row.</p>")
                .toString();
    }

    private static String cell(int images, int ofRow, boolean right, boolean shares) {
        // The square root lets rare confusions show.
        double x = ofRow == 0 ? 0 : Math.sqrt((double) images / ofRow);
        ColourScale light = right ? ColourScale.RIGHT_LIGHT : ColourScale.ERROR_LIGHT;
        ColourScale dark = right ? ColourScale.RIGHT_DARK : ColourScale.ERROR_DARK;
        int onLight = light.at(x);
        int onDark = dark.at(x);
        return "<td style=\"--l:%s;--lt:%s;--d:%s;--dt:%s\">%s</td>"
                .formatted(
                        ColourScale.css(onLight),
                        ColourScale.css(ColourScale.textOn(onLight)),
                        ColourScale.css(onDark),
                        ColourScale.css(ColourScale.textOn(onDark)),
                        text(images, ofRow, shares));
    }

    private static String text(int images, int ofRow, boolean share) {
        if (images == 0) {
            return "";
        }
        if (!share) {
            return Integer.toString(images);
        }
        String percent = percent((double) images / ofRow, 0);
        return percent.equals("0") ? "&lt;1" : percent;
    }

    private String pairs() {
        List<Entry> most = confusion.mostFrequent(MOST_PAIRS);
        if (most.isEmpty()) {
            return "<p class=\"note\">No image was predicted wrong.</p>";
        }
        int[] ofClass = new int[confusion.classNames().size()];
        confusion.entries().forEach(entry -> ofClass[entry.truth()] += entry.images());
        StringBuilder html =
                new StringBuilder("<table class=\"facts pairs\"><thead><tr><th scope=\"col\">true class</th>"
                        + "<th scope=\"col\">taken for</th><th scope=\"col\">images</th><th scope=\"col\">of its, %</th>"
                        + "</tr></thead><tbody>");
        for (Entry entry : most) {
            html.append("<tr><td>")
                    .append(label(entry.truth()))
                    .append("</td><td>")
                    .append(label(entry.predicted()))
                    .append("</td><td>")
                    .append(count(entry.images()))
                    .append("</td><td>")
                    .append(percent((double) entry.images() / ofClass[entry.truth()], 1))
                    .append("</td></tr>");
        }
        return html.append(
                        "</tbody></table><p class=\"note\">The confusions that happened most; confusion.csv has all.</p>")
                .toString();
    }

    private String label(int index) {
        String name = confusion.classNames().get(index);
        return name.equals(Integer.toString(index)) ? name : index + " " + escape(name);
    }
}
