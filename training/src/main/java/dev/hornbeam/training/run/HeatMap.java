package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.escape;
import static dev.hornbeam.training.run.Markup.percent;
import static dev.hornbeam.training.run.Markup.points;
import static dev.hornbeam.training.run.Markup.words;

import dev.hornbeam.training.evaluation.CorruptionErrors;
import java.util.Collection;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;

/**
 * A table of corruption by severity whose cells are coloured by their value, as HTML.
 *
 * @param caption heading of the table
 * @param colour index of the run, for the dot before the caption; below 0 for none
 * @param severities heads of the columns
 * @param rows values by corruption, one per severity
 * @param low value of the scale's first colour
 * @param high value of the scale's last colour
 * @param light scale on a light page
 * @param dark scale on a dark page
 * @param text text of a cell
 */
record HeatMap(
        String caption,
        int colour,
        List<Integer> severities,
        Map<String, List<Double>> rows,
        double low,
        double high,
        ColourScale light,
        ColourScale dark,
        DoubleFunction<String> text) {

    /** The errors of one network, with colours over their own range. */
    static HeatMap ofErrors(String caption, int colour, CorruptionErrors table) {
        return ofErrors(caption, colour, table, List.of(table));
    }

    /** The errors of one network, with colours over the range of {@code all}. */
    static HeatMap ofErrors(String caption, int colour, CorruptionErrors table, Collection<CorruptionErrors> all) {
        DoubleSummaryStatistics range = all.stream()
                .flatMap(one -> one.errors().values().stream().flatMap(List::stream))
                .mapToDouble(Double::doubleValue)
                .summaryStatistics();
        return new HeatMap(
                caption,
                colour,
                table.severities(),
                table.errors(),
                range.getMin(),
                range.getMax(),
                ColourScale.ERROR_LIGHT,
                ColourScale.ERROR_DARK,
                x -> percent(x, 1));
    }

    /** What one network's errors are more than another's; empty where the two have no cell in common. */
    static Optional<HeatMap> ofDifference(String caption, CorruptionErrors base, CorruptionErrors other) {
        if (!base.severities().equals(other.severities())) {
            return Optional.empty();
        }
        Map<String, List<Double>> rows = new LinkedHashMap<>();
        base.errors().forEach((corruption, before) -> {
            List<Double> after = other.errors().get(corruption);
            if (after != null) {
                rows.put(
                        corruption,
                        IntStream.range(0, before.size())
                                .mapToObj(i -> after.get(i) - before.get(i))
                                .toList());
            }
        });
        if (rows.isEmpty()) {
            return Optional.empty();
        }
        double most = rows.values().stream()
                .flatMap(List::stream)
                .mapToDouble(Math::abs)
                .max()
                .orElse(0);
        // Equal tables still need a scale with a middle.
        double reach = Math.max(most, 0.001);
        return Optional.of(new HeatMap(
                caption,
                -1,
                base.severities(),
                rows,
                -reach,
                reach,
                ColourScale.CHANGE_LIGHT,
                ColourScale.CHANGE_DARK,
                x -> points(x, 1)));
    }

    String toHtml() {
        StringBuilder html = new StringBuilder("<figure class=\"heat\"><table><caption>");
        if (colour >= 0) {
            html.append("<span class=\"key r").append(colour).append("\"></span>");
        }
        html.append(escape(caption)).append("</caption><thead><tr><th scope=\"col\">severity</th>");
        severities.forEach(s -> html.append("<th scope=\"col\">").append(s).append("</th>"));
        html.append("<th scope=\"col\">mean</th></tr></thead><tbody>");
        rows.forEach((corruption, values) -> {
            html.append("<tr><th scope=\"row\">")
                    .append(escape(words(corruption)))
                    .append("</th>");
            values.forEach(value -> html.append(cell(value, "")));
            double mean =
                    values.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
            html.append(cell(mean, " class=\"mean\"")).append("</tr>");
        });
        html.append("</tbody></table>").append(legend()).append("</figure>");
        return html.toString();
    }

    private String cell(double value, String attributes) {
        double x = high > low ? (value - low) / (high - low) : 0.5;
        int onLight = light.at(x);
        int onDark = dark.at(x);
        return "<td%s style=\"--l:%s;--lt:%s;--d:%s;--dt:%s\">%s</td>"
                .formatted(
                        attributes,
                        ColourScale.css(onLight),
                        ColourScale.css(ColourScale.textOn(onLight)),
                        ColourScale.css(onDark),
                        ColourScale.css(ColourScale.textOn(onDark)),
                        text.apply(value));
    }

    private String legend() {
        return "<figcaption><span>%s</span><span class=\"ramp\" style=\"--l:%s;--d:%s\"></span><span>%s</span></figcaption>"
                .formatted(text.apply(low), light.cssGradient(), dark.cssGradient(), text.apply(high));
    }
}
