package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.coordinate;
import static dev.hornbeam.training.run.Markup.percent;

import dev.hornbeam.training.evaluation.Reliability;
import dev.hornbeam.training.evaluation.Reliability.Bin;
import java.util.List;
import java.util.Locale;

/**
 * Accuracy by confidence beside the diagonal of perfect calibration, and below it how many predictions each bin holds, as
 * inline SVG; colours come from the style sheet.
 *
 * @param reliability what is drawn
 * @param colour index of the run, for its colour
 */
record ReliabilityDiagram(Reliability reliability, int colour) {
    private static final double WIDTH = 400;
    private static final double HEIGHT = 330;
    private static final double LEFT = 56;
    private static final double RIGHT = 12;
    private static final double TOP = 12;
    private static final double PLOT = 210;
    private static final double GAP = 14;
    private static final double SHARES = 50;
    private static final double SPAN = WIDTH - LEFT - RIGHT;

    String toSvg() {
        StringBuilder svg = new StringBuilder();
        svg.append("<svg class=\"chart\" viewBox=\"0 0 %s %s\" role=\"img\" aria-label=\"Accuracy by confidence\">"
                .formatted(coordinate(WIDTH), coordinate(HEIGHT)));
        for (int tenths = 0; tenths <= 10; tenths += 2) {
            double y = TOP + PLOT * (1 - tenths / 10.0);
            double x = LEFT + SPAN * tenths / 10.0;
            svg.append("<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>"
                    .formatted(coordinate(LEFT), coordinate(WIDTH - RIGHT), coordinate(y), coordinate(y)));
            svg.append("<text class=\"tick\" x=\"%s\" y=\"%s\" text-anchor=\"end\">%d%%</text>"
                    .formatted(coordinate(LEFT - 7), coordinate(y + 4.6), 10 * tenths));
            svg.append("<text class=\"tick\" x=\"%s\" y=\"%s\" text-anchor=\"%s\">%d%%</text>"
                    .formatted(
                            coordinate(x),
                            coordinate(TOP + PLOT + GAP + SHARES + 17),
                            tenths == 10 ? "end" : "middle",
                            10 * tenths));
        }
        List<Bin> bins = reliability.bins();
        double step = SPAN / bins.size();
        long most = bins.stream().mapToLong(Bin::images).max().orElse(1);
        for (int b = 0; b < bins.size(); b++) {
            Bin bin = bins.get(b);
            if (bin.images() == 0) {
                continue;
            }
            double x = LEFT + b * step;
            double height = PLOT * bin.accuracy();
            String text = String.format(
                    Locale.ROOT,
                    "%,d images: confidence %s %%, accuracy %s %%",
                    bin.images(),
                    percent(bin.confidence(), 1),
                    percent(bin.accuracy(), 1));
            svg.append("<rect class=\"bar r%d\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>"
                    .formatted(
                            colour,
                            coordinate(x + 1),
                            coordinate(TOP + PLOT - height),
                            coordinate(step - 2),
                            coordinate(height),
                            text));
            double share = SHARES * bin.images() / Math.max(1, most);
            svg.append("<rect class=\"share\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>"
                    .formatted(
                            coordinate(x + 1),
                            coordinate(TOP + PLOT + GAP + SHARES - share),
                            coordinate(step - 2),
                            coordinate(share),
                            text));
        }
        svg.append("<line class=\"perfect\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>"
                .formatted(coordinate(LEFT), coordinate(TOP + PLOT), coordinate(WIDTH - RIGHT), coordinate(TOP)));
        svg.append("<text class=\"tick\" x=\"%s\" y=\"%s\" text-anchor=\"end\">images</text>"
                .formatted(coordinate(LEFT - 7), coordinate(TOP + PLOT + GAP + SHARES - 2)));
        svg.append("<text class=\"axis\" x=\"%s\" y=\"%s\" text-anchor=\"middle\">confidence</text>"
                .formatted(coordinate(LEFT + SPAN / 2), coordinate(HEIGHT - 4)));
        return svg.append("</svg>").toString();
    }
}
