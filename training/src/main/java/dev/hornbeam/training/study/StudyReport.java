package dev.hornbeam.training.study;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * A study in tables: means over the seeds with their 95 % intervals.
 *
 * <p>A method's CE ratio on a corruption is its error, summed over the severities, over that of SGD with the same seed; mCE is the
 * mean of these ratios over the corruptions. Differences are of runs with the same seed.
 */
final class StudyReport {
    private final DampStudy.Plan plan;
    private final DampStudy.Result result;

    StudyReport(DampStudy.Plan plan, DampStudy.Result result) {
        this.plan = plan;
        this.result = result;
    }

    private List<StudyRun> runs(StudyMethod method) {
        return result.runs().stream().filter(run -> run.method() == method).toList();
    }

    private StudyRun baseline(StudyRun run) {
        return runs(StudyMethod.SGD).stream()
                .filter(sgd -> sgd.seed() == run.seed())
                .findFirst()
                .orElseThrow();
    }

    private Estimate over(StudyMethod method, ToDoubleFunction<StudyRun> number) {
        return Estimate.of(runs(method).stream().map(number::applyAsDouble).toList());
    }

    private static CorruptionErrors table(StudyRun run) {
        return run.corruptions().orElseThrow();
    }

    private double ceRatio(StudyRun run, String corruption) {
        return table(run).mean(corruption) / table(baseline(run)).mean(corruption);
    }

    private double mce(StudyRun run) {
        return corruptions().stream()
                .mapToDouble(corruption -> ceRatio(run, corruption))
                .average()
                .orElseThrow();
    }

    private List<String> corruptions() {
        return List.copyOf(table(result.runs().getFirst()).errors().keySet());
    }

    private List<Integer> severities() {
        return table(result.runs().getFirst()).severities();
    }

    private Estimate clean(StudyMethod method) {
        return over(method, run -> 100 * run.error());
    }

    private Estimate corrupted(StudyMethod method) {
        return over(method, run -> 100 * table(run).mean());
    }

    private Estimate cleanDifference(StudyMethod method) {
        return over(method, run -> 100 * (run.error() - baseline(run).error()));
    }

    private Estimate corruptedDifference(StudyMethod method) {
        return over(
                method, run -> 100 * (table(run).mean() - table(baseline(run)).mean()));
    }

    // ---------------------------------------------------------------------------------------------------- Markdown

    /** The study as Markdown. */
    String markdown() {
        StringBuilder text = new StringBuilder("# DAMP, DAAP, SAM and ASAM beside SGD\n\n");
        text.append("Recipe `")
                .append(plan.recipe())
                .append("`, ")
                .append(plan.epochs())
                .append(" epochs, seeds ");
        text.append(String.join(", ", plan.seeds().stream().map(String::valueOf).toList()));
        plan.overrides()
                .forEach((key, value) ->
                        text.append(", `").append(key).append('=').append(value).append('`'));
        text.append(
                        ".\nErrors in percent: means over the seeds with 95 % intervals (Student's t). Corrupted: mean over ")
                .append(corruptions().size())
                .append(" corruptions and ")
                .append(severities().size())
                .append(" severities.\n\n## Errors\n\n| method | clean | corrupted |");
        severities()
                .forEach(severity -> text.append(" severity ").append(severity).append(" |"));
        text.append(" mCE, SGD = 1 | seconds of training |\n|---|---|---|")
                .append("---|".repeat(severities().size() + 2))
                .append('\n');
        for (StudyMethod method : plan.methods()) {
            text.append("| ")
                    .append(title(method))
                    .append(" | ")
                    .append(clean(method).text(2));
            text.append(" | ").append(corrupted(method).text(2)).append(" |");
            for (int severity : severities()) {
                Estimate at = over(method, run -> 100 * table(run).meanAtSeverity(severity));
                text.append(' ').append(at.text(2)).append(" |");
            }
            text.append(' ')
                    .append(
                            method == StudyMethod.SGD
                                    ? "1"
                                    : over(method, this::mce).text(3));
            text.append(String.format(
                    Locale.ROOT, " | %.0f |%n", over(method, StudyRun::seconds).mean()));
        }
        text.append("\n## Differences from SGD with the same seed\n\n| method | clean | corrupted |\n|---|---|---|\n");
        for (StudyMethod method : plan.methods()) {
            if (method != StudyMethod.SGD) {
                text.append("| ").append(method).append(" | ");
                text.append(cleanDifference(method).signedText(2)).append(" | ");
                text.append(corruptedDifference(method).signedText(2)).append(" |\n");
            }
        }
        appendRatios(text);
        appendSearch(text);
        return text.toString();
    }

    private void appendRatios(StringBuilder text) {
        text.append("\n## CE ratios, SGD = 1\n\n| corruption | SGD, error |");
        List<StudyMethod> others =
                plan.methods().stream().filter(m -> m != StudyMethod.SGD).toList();
        others.forEach(method -> text.append(' ').append(method).append(" |"));
        text.append("\n|---|---|").append("---|".repeat(others.size())).append('\n');
        for (String corruption : corruptions()) {
            Estimate sgd = over(StudyMethod.SGD, run -> 100 * table(run).mean(corruption));
            text.append("| ")
                    .append(corruption)
                    .append(" | ")
                    .append(sgd.text(2))
                    .append(" |");
            for (StudyMethod method : others) {
                text.append(' ')
                        .append(over(method, run -> ceRatio(run, corruption)).text(3))
                        .append(" |");
            }
            text.append('\n');
        }
    }

    private void appendSearch(StringBuilder text) {
        if (result.search().isEmpty()) {
            return;
        }
        text.append("\n## Search\n\nError on held-out training images after ")
                .append(plan.searchEpochs())
                .append(" epochs, seed ")
                .append(plan.seeds().getFirst())
                .append("; the smallest is taken.\n\n| method | value | error | |\n|---|---|---|---|\n");
        for (StudyRun run : result.search()) {
            boolean taken = result.chosen().get(run.method()) == run.value();
            text.append(String.format(
                    Locale.ROOT,
                    "| %s | %s %s | %.2f | %s |%n",
                    run.method(),
                    run.method().parameter(),
                    DampStudy.number(run.value()),
                    100 * run.error(),
                    taken ? "taken" : ""));
        }
    }

    private String title(StudyMethod method) {
        Double value = result.chosen().get(method);
        return value == null ? method.toString() : method + ", " + method.parameter() + " " + DampStudy.number(value);
    }

    // -------------------------------------------------------------------------------------------------------- JSON

    /** The study as a JSON object. */
    String json() {
        ObjectNode root = new JsonMapper().createObjectNode();
        root.put("recipe", plan.recipe()).put("epochs", plan.epochs()).put("search_epochs", plan.searchEpochs());
        root.put("sub_batches", plan.subBatches());
        plan.seeds().forEach(root.putArray("seeds")::add);
        ObjectNode overrides = root.putObject("overrides");
        plan.overrides().forEach(overrides::put);
        severities().forEach(root.putArray("severities")::add);
        ObjectNode methods = root.putObject("methods");
        for (StudyMethod method : plan.methods()) {
            ObjectNode node = methods.putObject(method.key());
            Double value = result.chosen().get(method);
            if (value != null) {
                node.put(method.parameter(), value);
            }
            put(node, "clean_error", clean(method));
            put(node, "mean_corruption_error", corrupted(method));
            ObjectNode bySeverity = node.putObject("error_at_severity");
            for (int severity : severities()) {
                put(
                        bySeverity,
                        Integer.toString(severity),
                        over(method, run -> 100 * table(run).meanAtSeverity(severity)));
            }
            put(node, "seconds", over(method, StudyRun::seconds));
            if (method != StudyMethod.SGD) {
                put(node, "clean_error_minus_sgd", cleanDifference(method));
                put(node, "mean_corruption_error_minus_sgd", corruptedDifference(method));
                put(node, "mce", over(method, this::mce));
                put(
                        node,
                        "clean_ratio",
                        over(method, run -> run.error() / baseline(run).error()));
                ObjectNode ratios = node.putObject("ce_ratios");
                for (String corruption : corruptions()) {
                    put(ratios, corruption, over(method, run -> ceRatio(run, corruption)));
                }
            }
            ObjectNode errors = node.putObject("errors");
            for (String corruption : corruptions()) {
                put(errors, corruption, over(method, run -> 100 * table(run).mean(corruption)));
            }
        }
        for (StudyRun run : result.search()) {
            root.withArray("search")
                    .addObject()
                    .put("method", run.method().key())
                    .put("value", run.value())
                    .put("held_out_error", 100 * run.error());
        }
        return root.toPrettyString() + "\n";
    }

    private static void put(ObjectNode node, String name, Estimate estimate) {
        ObjectNode numbers = node.putObject(name).put("mean", estimate.mean());
        if (Double.isNaN(estimate.halfWidth())) {
            numbers.putNull("half_width_95");
        } else {
            numbers.put("half_width_95", estimate.halfWidth());
        }
    }
}
