package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.coordinate;
import static dev.hornbeam.training.run.Markup.escape;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A chart of values by epoch as inline SVG; colours come from the page's style sheet.
 *
 * @param title what the vertical axis shows
 * @param unit sign after the vertical axis' numbers, may be empty
 * @param lines the lines, at least one with a point
 */
record LineChart(String title, String unit, List<Line> lines) {
    /** The colour of a line that belongs to no run in particular. */
    static final int NO_RUN = -1;

    private static final double WIDTH = 400;
    private static final double HEIGHT = 242;
    private static final double LEFT = 56;
    private static final double RIGHT = 12;
    private static final double TOP = 12;
    private static final double BOTTOM = 40;
    private static final int MOST_DOTS = 30;

    /**
     * One line.
     *
     * @param name what a reader sees on pointing at a dot
     * @param colour index of the run, for its colour, or {@link #NO_RUN}
     * @param dashed whether it is drawn thin and dashed
     * @param points its points, by epoch
     */
    record Line(String name, int colour, boolean dashed, List<Point> points) {}

    /** A value at an epoch. */
    record Point(int epoch, double value) {}

    String toSvg() {
        List<Point> all = lines.stream().flatMap(line -> line.points().stream()).toList();
        double low = all.stream().mapToDouble(Point::value).min().orElse(0);
        double high = all.stream().mapToDouble(Point::value).max().orElse(1);
        // A scale from zero, unless that would press the lines together.
        AxisTicks vertical = AxisTicks.around(low > 0 && low < high * 0.5 ? 0 : low, high, 4);
        int first = all.stream().mapToInt(Point::epoch).min().orElse(1);
        int last = all.stream().mapToInt(Point::epoch).max().orElse(1);
        Scale scale = new Scale(first, last, vertical.low(), vertical.high());

        StringBuilder svg = new StringBuilder();
        svg.append("<svg class=\"chart\" viewBox=\"0 0 ")
                .append(coordinate(WIDTH))
                .append(' ')
                .append(coordinate(HEIGHT))
                .append("\" role=\"img\" aria-label=\"")
                .append(escape(title))
                .append(" by epoch\">");
        for (double value : vertical.values()) {
            String y = coordinate(scale.y(value));
            svg.append("<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>"
                    .formatted(coordinate(LEFT), coordinate(WIDTH - RIGHT), y, y));
            svg.append("<text class=\"tick\" x=\"%s\" y=\"%s\" text-anchor=\"end\">%s</text>"
                    .formatted(coordinate(LEFT - 7), coordinate(scale.y(value) + 4), vertical.text(value) + unit));
        }
        for (double epoch : AxisTicks.whole(first, last, 6).values()) {
            svg.append("<text class=\"tick\" x=\"%s\" y=\"%s\" text-anchor=\"middle\">%d</text>"
                    .formatted(coordinate(scale.x(epoch)), coordinate(HEIGHT - BOTTOM + 17), (int) epoch));
        }
        svg.append("<text class=\"axis\" x=\"%s\" y=\"%s\" text-anchor=\"middle\">epoch</text>"
                .formatted(coordinate((LEFT + WIDTH - RIGHT) / 2), coordinate(HEIGHT - 3)));
        lines.forEach(line -> append(svg, line, scale));
        return svg.append("</svg>").toString();
    }

    private void append(StringBuilder svg, Line line, Scale scale) {
        String points = line.points().stream()
                .map(p -> coordinate(scale.x(p.epoch())) + "," + coordinate(scale.y(p.value())))
                .collect(Collectors.joining(" "));
        svg.append("<polyline class=\"line%s%s\" points=\"%s\"/>"
                .formatted(colourClass(line), line.dashed() ? " dashed" : "", points));
        boolean dots = !line.dashed() && line.points().size() <= MOST_DOTS;
        for (Point p : dots || line.points().size() == 1 ? line.points() : List.<Point>of()) {
            svg.append("<circle class=\"dot%s\" cx=\"%s\" cy=\"%s\" r=\"2.6\"><title>%s, epoch %d: %s</title></circle>"
                    .formatted(
                            colourClass(line),
                            coordinate(scale.x(p.epoch())),
                            coordinate(scale.y(p.value())),
                            escape(line.name()),
                            p.epoch(),
                            escape(String.format(Locale.ROOT, "%.4g", p.value()) + unit)));
        }
    }

    private static String colourClass(Line line) {
        return line.colour() == NO_RUN ? "" : " r" + line.colour();
    }

    /** From values to places in the drawing. */
    private record Scale(double firstEpoch, double lastEpoch, double low, double high) {
        double x(double epoch) {
            double share = lastEpoch == firstEpoch ? 0.5 : (epoch - firstEpoch) / (lastEpoch - firstEpoch);
            // A little room beside the first and last dot.
            return LEFT + 6 + share * (WIDTH - LEFT - RIGHT - 12);
        }

        double y(double value) {
            return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
        }
    }
}
