package dev.hornbeam.bench;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.bench.NetworkConvolutions.Convolution;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.Machine;
import dev.hornbeam.training.run.ResultFile;
import dev.hornbeam.training.run.Spread;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The convolutions of the networks in this engine and in oneDNN, in one process: the library that PyTorch computes them with
 * on CPUs.
 *
 * <p>Forward, data gradient and weight gradient of every different shape, each library in turn, medians. oneDNN runs in the
 * layout that it likes best and in NHWC; it gets its operands in place and need not allocate results, ours allocates.
 */
@Command(
        name = "onednn",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true,
        description =
                "Times the convolutions of networks in this engine and in oneDNN, in turn. Prints a table in Markdown.")
public final class BesideOneDnn implements Runnable {
    private static final int LEAST_ROUNDS = 5;
    private static final int WARM_UP = 2;
    private static final long PAUSE_MILLIS = 3;

    /** Which of the two types. */
    enum Type {
        F32(DType.F32),
        BF16(DType.BF16);

        private final DType type;

        Type(DType type) {
            this.type = type;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(
            names = "--network",
            paramLabel = "NAME",
            split = ",",
            description = "Only these of the seven networks, as in resnet18.")
    private List<String> networks = List.of();

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "f32",
            description = "${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE} if not given.")
    private Type type;

    @Option(
            names = "--seconds",
            paramLabel = "S",
            defaultValue = "1",
            description =
                    "For each pass of each shape, at least " + LEAST_ROUNDS + " rounds; ${DEFAULT-VALUE} if not given.")
    private double seconds;

    @Option(names = "--threads", paramLabel = "N", defaultValue = "0", description = "Of both; all cores if not given.")
    private int threads;

    @Option(names = "--json", paramLabel = "FILE", description = "Also write everything to this file.")
    private Path json;

    /**
     * What was measured of one pass of one shape.
     *
     * @param ours milliseconds
     * @param theirs milliseconds in each layout that oneDNN supports
     * @param implementations what oneDNN chose in it
     */
    record Row(
            Convolution shape,
            String networks,
            ConvolutionPass pass,
            Spread ours,
            Map<OneDnnConvolution.Layout, Spread> theirs,
            Map<OneDnnConvolution.Layout, String> implementations) {
        /** oneDNN's faster layout over ours: above 1 we are faster. Empty where it supports neither. */
        OptionalDouble ratio() {
            return theirs.values().stream()
                    .mapToDouble(spread -> spread.median() / ours.median())
                    .min();
        }
    }

    /** Runs the program. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new BesideOneDnn())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((failure, command, _) -> {
                    if (!(failure instanceof UserError)) {
                        throw failure;
                    }
                    command.getErr().println("onednn: error: " + failure.getMessage());
                    return 1;
                })
                .execute(arguments));
    }

    @Override
    public void run() {
        Engine.setThreads(threads);
        try {
            OneDnnConvolution.setThreads(Engine.threads());
        } catch (IOException e) {
            throw new UserError("the libraries of this process cannot be listed: " + e.getMessage(), e);
        }
        PrintWriter out = spec.commandLine().getOut();
        Machine machine = Machine.here();
        Engine.Peaks peaks = Engine.measurePeaks();
        out.println(machine + "; oneDNN " + OneDnnConvolution.version() + ", " + type);
        out.printf(
                Locale.ROOT,
                "Peaks measured now: %.0f GFLOP/s of f32 multiply-adds, %.1f GB/s of triad%n%n",
                peaks.gflops(),
                peaks.gigabytes());
        out.println(HEAD);
        out.flush();
        List<Row> rows = new ArrayList<>();
        shapes().forEach((shape, names) -> {
            for (ConvolutionPass pass : ConvolutionPass.values()) {
                Row row = measure(shape, names, pass);
                rows.add(row);
                out.println(line(row));
                out.flush();
            }
        });
        out.println();
        out.println(summary(rows));
        out.flush();
        if (json != null) {
            ResultFile.write(json, json(machine, peaks, rows).toPrettyString());
        }
    }

    // Every shape once, with the networks that have it and how often.
    private Map<Convolution, String> shapes() {
        List<String> known = NetworkConvolutions.NETWORKS.stream()
                .map(NetworkConvolutions.Sized::name)
                .toList();
        for (String name : networks) {
            if (!known.contains(name)) {
                throw new UserError("--network " + name + ": expected one of " + String.join(", ", known));
            }
        }
        Map<Convolution, String> shapes = new LinkedHashMap<>();
        for (NetworkConvolutions.Sized sized : NetworkConvolutions.NETWORKS) {
            if (networks.isEmpty() || networks.contains(sized.name())) {
                NetworkConvolutions.of(sized)
                        .forEach((shape, count) -> shapes.merge(
                                shape, sized.name() + " ×" + count, (before, added) -> before + ", " + added));
            }
        }
        return shapes;
    }

    private Row measure(Convolution shape, String names, ConvolutionPass pass) {
        Map<OneDnnConvolution.Layout, OneDnnConvolution> others = new EnumMap<>(OneDnnConvolution.Layout.class);
        try (EngineConvolution ours = new EngineConvolution(shape, pass, type.type)) {
            for (OneDnnConvolution.Layout layout : OneDnnConvolution.Layout.values()) {
                Optional<OneDnnConvolution> other = OneDnnConvolution.of(shape, pass, type.type, layout);
                other.ifPresent(convolution -> others.put(layout, convolution));
            }
            List<Runnable> turns = new ArrayList<>(List.of(ours::run));
            others.values().forEach(other -> turns.add(other::run));
            List<Spread> times = inTurn(turns, seconds);
            Map<OneDnnConvolution.Layout, Spread> theirs = new EnumMap<>(OneDnnConvolution.Layout.class);
            Map<OneDnnConvolution.Layout, String> chosen = new EnumMap<>(OneDnnConvolution.Layout.class);
            int next = 1;
            for (var other : others.entrySet()) {
                theirs.put(other.getKey(), times.get(next++));
                chosen.put(other.getKey(), other.getValue().implementation());
            }
            return new Row(shape, names, pass, times.getFirst(), theirs, chosen);
        } finally {
            others.values().forEach(OneDnnConvolution::close);
        }
    }

    /** Milliseconds of each, run in turn after some rounds that do not count. */
    static List<Spread> inTurn(List<Runnable> turns, double seconds) {
        List<List<Double>> millis = new ArrayList<>();
        turns.forEach(_ -> millis.add(new ArrayList<>()));
        for (int i = 0; i < WARM_UP; i++) {
            turns.forEach(Runnable::run);
        }
        long end = System.nanoTime() + (long) (seconds * 1e9);
        for (int round = 0; round < LEAST_ROUNDS || System.nanoTime() < end; round++) {
            for (int i = 0; i < turns.size(); i++) {
                pause();
                long start = System.nanoTime();
                turns.get(i).run();
                millis.get(i).add((System.nanoTime() - start) / 1e6);
            }
        }
        return millis.stream()
                .map(values -> Spread.of(
                        values.stream().mapToDouble(Double::doubleValue).toArray()))
                .toList();
    }

    // The threads of the library that has just run wait for more work in a loop, on the cores that the next one needs.
    private static void pause() {
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UserError("interrupted", e);
        }
    }

    private static final String HEAD =
            "| networks | convolution | pass | Hornbeam ms | GFLOP/s | oneDNN ms | GFLOP/s | oneDNN NHWC ms | GFLOP/s | oneDNN/Hornbeam |\n"
                    + "|---|---|---|---|---|---|---|---|---|---|";

    /** A row of the table. */
    static String line(Row row) {
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT,
                "| %s | %s | %s | %.2f | %.0f |",
                row.networks(),
                row.shape(),
                row.pass(),
                row.ours().median(),
                row.shape().flops() / row.ours().median() * 1e-6));
        for (OneDnnConvolution.Layout layout : OneDnnConvolution.Layout.values()) {
            Spread time = row.theirs().get(layout);
            text.append(
                    time == null
                            ? " not supported | |"
                            : String.format(
                                    Locale.ROOT,
                                    " %.2f | %.0f |",
                                    time.median(),
                                    row.shape().flops() / time.median() * 1e-6));
        }
        OptionalDouble ratio = row.ratio();
        text.append(ratio.isPresent() ? String.format(Locale.ROOT, " %.2f |", ratio.getAsDouble()) : " |");
        return text.toString();
    }

    /** The geometric means of the ratios, by pass. */
    static String summary(List<Row> rows) {
        StringBuilder text = new StringBuilder("Geometric mean of oneDNN's faster layout over Hornbeam:");
        boolean any = false;
        for (ConvolutionPass pass : ConvolutionPass.values()) {
            OptionalDouble mean = rows.stream()
                    .filter(row -> row.pass() == pass)
                    .flatMapToDouble(row -> row.ratio().stream())
                    .map(Math::log)
                    .average();
            if (mean.isPresent()) {
                text.append(
                        String.format(Locale.ROOT, "%s %s %.2f", any ? "," : "", pass, Math.exp(mean.getAsDouble())));
                any = true;
            }
        }
        return any ? text.toString() : "oneDNN supports none of these on this CPU in this type.";
    }

    private ObjectNode json(Machine machine, Engine.Peaks peaks, List<Row> rows) {
        JsonMapper mapper = new JsonMapper();
        ObjectNode root = mapper.createObjectNode();
        root.set("machine", mapper.valueToTree(machine.facts()));
        root.putObject("peaks").put("fma_gflops", peaks.gflops()).put("triad_gbs", peaks.gigabytes());
        root.put("onednn", OneDnnConvolution.version())
                .put("dtype", type.toString())
                .put("seconds", seconds);
        ArrayNode list = root.putArray("rows");
        for (Row row : rows) {
            ObjectNode node = list.addObject();
            node.put("networks", row.networks())
                    .put("convolution", row.shape().toString())
                    .put("pass", row.pass().toString())
                    .put("flops", row.shape().flops());
            put(node.putObject("hornbeam_ms"), row.ours());
            row.theirs().forEach((layout, time) -> {
                ObjectNode other = node.putObject("onednn_" + layout.name().toLowerCase(Locale.ROOT));
                other.put("implementation", row.implementations().get(layout));
                put(other.putObject("ms"), time);
            });
            row.ratio().ifPresent(ratio -> node.put("ratio", ratio));
        }
        return root;
    }

    private static void put(ObjectNode node, Spread spread) {
        node.put("median", spread.median()).put("min", spread.min()).put("max", spread.max());
    }
}
