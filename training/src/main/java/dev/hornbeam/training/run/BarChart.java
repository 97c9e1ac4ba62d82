package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.coordinate;
import static dev.hornbeam.training.run.Markup.escape;
import static dev.hornbeam.training.run.Markup.percent;

import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Bars of error per corruption, one per run in each group, as inline SVG; colours come from the style sheet.
 *
 * @param groups the groups from top to bottom, each with a value per run
 */
record BarChart(List<Group> groups) {
    static final double WIDTH = 400;
    private static final double LEAST_LEFT = 110;
    private static final double MOST_LEFT = 210;
    private static final double CHARACTER = 7.4;
    private static final double RIGHT = 46;
    private static final double TOP = 4;
    private static final double BAR = 14;
    private static final double GAP = 11;
    private static final double BOTTOM = 22;

    /**
     * A group of bars.
     *
     * @param label what it shows
     * @param errors shares in [0, 1], one per run
     * @param halfWidths half the width of the interval around each, NaN for none
     * @param strong whether it stands out, as a mean does
     */
    record Group(String label, List<Double> errors, List<Double> halfWidths, boolean strong) {
        Group(String label, List<Double> errors, boolean strong) {
            this(label, errors, Collections.nCopies(errors.size(), Double.NaN), strong);
        }

        /** The largest share that is drawn, NaN for none. */
        double reach(int run) {
            double halfWidth = halfWidths.get(run);
            return errors.get(run) + (Double.isNaN(halfWidth) ? 0 : halfWidth);
        }
    }

    // Room for the longest label.
    private double left() {
        int longest = groups.stream().mapToInt(g -> g.label().length()).max().orElse(0);
        return Math.clamp(12 + CHARACTER * longest, LEAST_LEFT, MOST_LEFT);
    }

    double height() {
        return TOP + groups.stream().mapToDouble(this::heightOf).sum() + BOTTOM;
    }

    String toSvg() {
        return "<svg class=\"chart bars\" viewBox=\"0 0 %s %s\" role=\"img\" aria-label=\"Error by corruption\">%s</svg>"
                .formatted(coordinate(WIDTH), coordinate(height()), content());
    }

    /** The drawing without its SVG element, {@link #WIDTH} wide and {@link #height()} high. */
    String content() {
        double high = groups.stream()
                .flatMapToDouble(g -> IntStream.range(0, g.errors().size()).mapToDouble(g::reach))
                .filter(Double::isFinite)
                .max()
                .orElse(0);
        AxisTicks ticks = AxisTicks.around(0, Math.max(high, 0.001) * 100, 4);
        double perPercent = (WIDTH - left() - RIGHT) / ticks.high();
        StringBuilder svg = new StringBuilder();
        for (double value : ticks.values()) {
            String x = coordinate(left() + value * perPercent);
            svg.append("<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>"
                    .formatted(x, x, coordinate(TOP), coordinate(height() - BOTTOM)));
            svg.append("<text class=\"tick\" x=\"%s\" y=\"%s\" text-anchor=\"middle\">%s</text>"
                    .formatted(x, coordinate(height() - 4), ticks.text(value) + "%"));
        }
        double y = TOP;
        for (Group group : groups) {
            appendGroup(svg, group, y, perPercent);
            y += heightOf(group);
        }
        return svg.toString();
    }

    private void appendGroup(StringBuilder svg, Group group, double top, double perPercent) {
        double middle = top + GAP / 2 + group.errors().size() * BAR / 2;
        svg.append("<text class=\"label%s\" x=\"%s\" y=\"%s\" text-anchor=\"end\">%s</text>"
                .formatted(
                        group.strong() ? " strong" : "",
                        coordinate(left() - 8),
                        coordinate(middle + 4.6),
                        escape(group.label())));
        for (int run = 0; run < group.errors().size(); run++) {
            double error = group.errors().get(run);
            if (Double.isNaN(error)) {
                continue;
            }
            double y = top + GAP / 2 + run * BAR;
            double width = 100 * error * perPercent;
            svg.append("<rect class=\"bar r%d\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>"
                    .formatted(run, coordinate(left()), coordinate(y), coordinate(width), coordinate(BAR - 1)));
            double end = 100 * group.reach(run) * perPercent;
            if (end > width) {
                double low = Math.max(0, 2 * width - end);
                double middleOfBar = y + (BAR - 1) / 2;
                svg.append("<line class=\"whisker\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>"
                        .formatted(
                                coordinate(left() + low),
                                coordinate(left() + end),
                                coordinate(middleOfBar),
                                coordinate(middleOfBar)));
            }
            svg.append("<text class=\"value\" x=\"%s\" y=\"%s\">%s</text>"
                    .formatted(
                            coordinate(left() + Math.max(width, end) + 4),
                            coordinate(y + BAR - 2.6),
                            percent(error, 1)));
        }
    }

    private double heightOf(Group group) {
        return group.errors().size() * BAR + GAP;
    }
}
