package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.EpochRow;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.run.RunRecord;
import dev.hornbeam.training.run.RunResults;
import dev.hornbeam.training.run.RunSummary;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hornbeam runs}: a table of past runs. */
@Command(
        name = "runs",
        description = {
            "Lists the runs in folders, and in the folders below: what they do, how far they are, what came out.",
            "A run is finished, running (a process is at work on it), or stopped (\"hornbeam train --resume\" goes on with it)."
        })
final class RunsCommand implements Callable<Integer> {
    /** A run as the table and JSON show it. */
    private record Row(
            Path folder,
            String name,
            String method,
            String model,
            String data,
            long seed,
            int epochsDone,
            int epochs,
            double testAccuracy,
            double meanCorruptionError,
            double seconds,
            String state) {

        static Row of(RunRecord run) {
            List<EpochRow> epochs = run.epochs();
            double accuracy = Double.NaN;
            for (EpochRow epoch : epochs) {
                accuracy = epoch.tested() ? epoch.testAccuracy() : accuracy;
            }
            return new Row(
                    run.folder().path(),
                    run.name(),
                    run.method(),
                    run.setting("model.name"),
                    run.setting("data.name"),
                    whole(run.setting("seed")),
                    epochs.isEmpty() ? 0 : epochs.getLast().epoch(),
                    (int) whole(run.setting("epochs")),
                    run.summary()
                            .map(RunSummary::results)
                            .map(RunResults::testAccuracy)
                            .orElse(accuracy),
                    run.summary()
                            .flatMap(summary -> summary.results().corruptions())
                            .map(table -> table.mean())
                            .orElse(Double.NaN),
                    epochs.stream().mapToDouble(EpochRow::seconds).sum(),
                    run.state().toString());
        }

        private static long whole(String text) {
            return text.matches("-?\\d{1,18}") ? Long.parseLong(text) : 0;
        }

        String text(String column) {
            return switch (column) {
                case "folder" -> folder.toString();
                case "name" -> name;
                case "method" -> method;
                case "model" -> model;
                case "data" -> data;
                case "state" -> state;
                case "seed" -> Long.toString(seed);
                default -> throw new IllegalArgumentException(column);
            };
        }
    }

    private static final Map<String, Comparator<Row>> ORDERS = orders();
    private static final List<String> FILTERS = List.of("folder", "name", "method", "model", "data", "seed", "state");

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "DIR", arity = "0..*", description = "Folders to look in; default runs.")
    private List<Path> places = List.of();

    @Option(
            names = "--sort",
            paramLabel = "COLUMN",
            defaultValue = "folder",
            description = "folder (the default), name, method, model, data, seed, epochs, accuracy, error or time; "
                    + "with a minus before it the other way round.")
    private String sort;

    @Option(
            names = "--filter",
            paramLabel = "COLUMN=TEXT",
            description =
                    "Show only runs whose folder, name, method, model, data or state has the text in it, or whose seed is it; "
                            + "may be repeated.")
    private Map<String, String> filters = new LinkedHashMap<>();

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        boolean backwards = sort.startsWith("-");
        String column = backwards ? sort.substring(1) : sort;
        Comparator<Row> order = ORDERS.get(column);
        if (order == null) {
            throw unknown("--sort", column, ORDERS.keySet());
        }
        filters.keySet().forEach(key -> {
            if (!FILTERS.contains(key)) {
                throw unknown("--filter", key, FILTERS);
            }
        });
        List<Row> rows = new ArrayList<>();
        for (Path folder : folders()) {
            try {
                rows.add(Row.of(RunRecord.read(folder)));
            } catch (UserError e) {
                // One damaged run must not hide the others.
                spec.commandLine().getErr().println("hornbeam: warning: " + e.getMessage());
            }
        }
        rows.removeIf(row -> !filters.entrySet().stream()
                .allMatch(filter -> matches(filter.getKey(), row.text(filter.getKey()), filter.getValue())));
        rows.sort(backwards ? order.reversed() : order);
        PrintWriter console = spec.commandLine().getOut();
        if (json) {
            console.println(toJson(rows));
        } else if (rows.isEmpty()) {
            console.println("no runs");
        } else {
            console.print(table(rows));
        }
        console.flush();
        return 0;
    }

    private static boolean matches(String column, String text, String wanted) {
        return column.equals("seed")
                ? text.equals(wanted)
                : text.toLowerCase(Locale.ROOT).contains(wanted.toLowerCase(Locale.ROOT));
    }

    private Set<Path> folders() {
        Set<Path> folders = new LinkedHashSet<>();
        for (Path place : places.isEmpty() ? List.of(Path.of("runs")) : places) {
            if (!Files.isDirectory(place)) {
                throw new UserError(place + " is not a folder; name the folder that runs lie in"
                        + (places.isEmpty() ? ", as in hornbeam runs DIR" : ""));
            }
            folders.addAll(RunRecord.find(place));
        }
        return folders;
    }

    private static UserError unknown(String option, String name, java.util.Collection<String> known) {
        return new UserError(option + " is " + name + "; expected one of " + String.join(", ", known)
                + NearestNames.didYouMean(name, known));
    }

    private static String table(List<Row> rows) {
        TextTable table = new TextTable(5)
                .row(
                        "run",
                        "name",
                        "method",
                        "model",
                        "data",
                        "seed",
                        "epochs",
                        "accuracy %",
                        "corr. error %",
                        "time",
                        "state");
        for (Row row : rows) {
            table.row(
                    row.folder(),
                    row.name(),
                    row.method(),
                    row.model(),
                    // Of a path, its last part: the table is wide enough.
                    row.data().substring(row.data().lastIndexOf('/') + 1),
                    row.seed(),
                    row.epochsDone() + "/" + row.epochs(),
                    percent(row.testAccuracy()),
                    percent(row.meanCorruptionError()),
                    Progress.duration(row.seconds()),
                    row.state());
        }
        return table.toString();
    }

    private static String percent(double share) {
        return Double.isNaN(share) ? "–" : String.format(Locale.ROOT, "%.2f", 100 * share);
    }

    private static String toJson(List<Row> rows) {
        ArrayNode root = new JsonMapper().createArrayNode();
        for (Row row : rows) {
            ObjectNode node = root.addObject()
                    .put("folder", row.folder().toString())
                    .put("name", row.name())
                    .put("method", row.method())
                    .put("model", row.model())
                    .put("data", row.data())
                    .put("seed", row.seed())
                    .put("epochs_done", row.epochsDone())
                    .put("epochs", row.epochs());
            put(node, "test_accuracy", row.testAccuracy());
            put(node, "mean_corruption_error", row.meanCorruptionError());
            put(node, "seconds", row.seconds());
            node.put("state", row.state());
        }
        return root.toPrettyString();
    }

    private static void put(ObjectNode node, String key, double value) {
        if (Double.isFinite(value)) {
            node.put(key, value);
        } else {
            node.putNull(key);
        }
    }

    private static Map<String, Comparator<Row>> orders() {
        Map<String, Comparator<Row>> orders = new LinkedHashMap<>();
        for (String column : List.of("folder", "name", "method", "model", "data")) {
            Function<Row, String> text = row -> row.text(column);
            orders.put(column, Comparator.comparing(text));
        }
        orders.put("seed", Comparator.comparingLong(Row::seed));
        orders.put("epochs", Comparator.comparingInt(Row::epochsDone));
        orders.put("accuracy", Comparator.comparingDouble(Row::testAccuracy));
        orders.put("error", Comparator.comparingDouble(Row::meanCorruptionError));
        orders.put("time", Comparator.comparingDouble(Row::seconds));
        return orders;
    }
}
