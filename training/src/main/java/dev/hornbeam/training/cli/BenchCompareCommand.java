package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.cli.comparison.ComparisonTables;
import dev.hornbeam.training.cli.comparison.Contestant;
import dev.hornbeam.training.cli.comparison.ContestantFailedException;
import dev.hornbeam.training.cli.comparison.ModelComparison;
import dev.hornbeam.training.cli.comparison.NetworkPair;
import dev.hornbeam.training.cli.comparison.PeerScript;
import dev.hornbeam.training.cli.comparison.Rounds;
import dev.hornbeam.training.run.Machine;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.ResultFile;
import dev.hornbeam.training.run.TrainingParts;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hornbeam bench compare}: this program beside PyTorch, and its methods beside SGD, in turn. */
@Command(
        name = "compare",
        description = {
            "Measures training or inference beside a PyTorch script (--peer), and the methods beside SGD (--method): every"
                    + " program in a process of its own, once a round, in an order that rotates.",
            "Prints tables in Markdown: medians over the rounds with smallest and largest, and the median of the ratios"
                    + " taken within each round. docs/benchmarks.md says how to read them."
        })
final class BenchCompareCommand implements Runnable {
    private static final List<String> TRAINING_VARIANTS =
            List.of("--layout nhwc --fused", "--layout nhwc --fused --compile", "--layout nchw --fused");
    private static final List<String> INFERENCE_VARIANTS =
            List.of("--layout nhwc", "--layout nhwc --compile", "--layout nchw");

    /** Networks that belong together. */
    enum Suite {
        NETWORKS
    }

    /** What is measured. */
    enum Work {
        TRAIN,
        INFER
    }

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--model",
            paramLabel = "MODEL",
            split = ",",
            description = "Networks, by the peer's names; may be given several times.")
    private List<String> models = List.of();

    @Option(names = "--suite", paramLabel = "SUITE", description = "networks: the seven of docs/performance.md.")
    private Suite suite;

    @Option(
            names = "--work",
            paramLabel = "WORK",
            defaultValue = "train",
            description = "train or infer; ${DEFAULT-VALUE} if not given.")
    private Work work;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "f32",
            description = "Type that both compute in: ${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE} if not given.")
    private Precision dtype;

    @Option(
            names = "--peer",
            paramLabel = "FILE",
            description = "The PyTorch script; without it only methods are measured.")
    private Path peer;

    @Option(
            names = "--python",
            paramLabel = "PROGRAM",
            defaultValue = "python3",
            description = "What runs the script; ${DEFAULT-VALUE} if not given.")
    private String python;

    @Option(
            names = "--variant",
            paramLabel = "OPTIONS",
            description = "Options of the script to try, as in \"--layout nhwc --fused\"; may be given several times."
                    + " If not given: NHWC, the same compiled, and NCHW.")
    private List<String> variants = List.of();

    @Option(
            names = "--jemalloc",
            paramLabel = "FILE",
            description =
                    "Allocator that the script is given; libjemalloc.so.2 of the system, if it has it, if not given.")
    private Path jemalloc;

    @Option(names = "--plain-malloc", description = "Give the script no other allocator.")
    private boolean plainMalloc;

    @Option(
            names = "--method",
            paramLabel = "METHOD",
            split = ",",
            description = "Methods to measure beside SGD: damp, daap, sam, asam.")
    private List<BenchTrainCommand.Method> methods = List.of();

    @Option(
            names = "--sub-batches",
            paramLabel = "M",
            description =
                    "Sub-batches with noise or an ascent of their own; if not given, 8 for damp and daap and 1 for sam"
                            + " and asam.")
    private Integer subBatches;

    @Option(
            names = "--batch",
            paramLabel = "B",
            description = "Images in the batch, where there is no peer to ask; 128 if not given.")
    private Integer batch;

    @Option(
            names = "--rounds",
            paramLabel = "R",
            defaultValue = "5",
            description = "Runs of each program; ${DEFAULT-VALUE} if not given.")
    private int rounds;

    @Option(
            names = "--seconds",
            paramLabel = "S",
            defaultValue = "20",
            description = "How long each run measures; ${DEFAULT-VALUE} if not given.")
    private double seconds;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads of both programs, 0 for all cores; all if not given.")
    private int threads;

    @Option(names = "--exact", description = "Ours with direct sums in all convolutions.")
    private boolean exact;

    @Option(
            names = "--limit",
            paramLabel = "MINUTES",
            defaultValue = "20",
            description = "After which a run has failed; ${DEFAULT-VALUE} if not given.")
    private int limit;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Also write everything that was measured to this file.")
    private Path json;

    @Override
    public void run() {
        check();
        Engine.setThreads(threads);
        Machine machine = Machine.here();
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        Engine.Peaks peaks = Engine.measurePeaks();
        out.println(machine);
        out.println();
        out.printf(
                Locale.ROOT,
                "Peaks measured now: %.0f GFLOP/s of f32 multiply-adds, %.1f GB/s of triad. %d rounds of %s s, %s, %s.%n%n",
                peaks.gflops(),
                peaks.gigabytes(),
                rounds,
                number(seconds),
                work == Work.TRAIN ? "training" : "inference",
                dtype);
        out.flush();
        List<ModelComparison> comparisons = new ArrayList<>();
        try {
            PeerScript script = peer == null ? null : script();
            Map<String, PeerScript.Network> networks = script == null
                    ? Map.of()
                    : script.describe(pairs().stream().map(NetworkPair::peer).toList());
            for (NetworkPair pair : pairs()) {
                if (script != null && !networks.containsKey(pair.peer())) {
                    throw new UserError("--model " + pair.peer() + ": " + peer + " has no such network");
                }
                comparisons.add(compare(pair, script, networks.get(pair.peer()), err));
                write(machine, peaks, comparisons);
            }
        } catch (ContestantFailedException e) {
            throw new UserError(e.getMessage(), e);
        }
        for (String table : List.of(
                ComparisonTables.peer(comparisons),
                ComparisonTables.speed(comparisons),
                ComparisonTables.variants(comparisons),
                ComparisonTables.methods(comparisons))) {
            if (!table.isEmpty()) {
                out.println(table);
            }
        }
    }

    private void check() {
        if (pairs().isEmpty()) {
            throw wrong("say what to measure: --model or --suite");
        }
        if (peer == null && methods.isEmpty()) {
            throw wrong("say what to compare with: --peer, --method, or both");
        }
        if (!methods.isEmpty() && work == Work.INFER) {
            throw wrong("--method is about training; leave it or --work infer out");
        }
        if (methods.contains(BenchTrainCommand.Method.SGD)) {
            throw wrong("--method sgd: the others are compared with it, and it is there in any case");
        }
        if (peer != null && batch != null) {
            throw wrong("--batch: with --peer the batch is the peer's; leave it out");
        }
        if (batch != null && (batch < 1 || batch > 1 << 20)) {
            throw wrong("--batch is " + batch + "; expected 1 to " + (1 << 20));
        }
        if (rounds < 1 || rounds > 1000) {
            throw wrong("--rounds is " + rounds + "; expected 1 to 1000");
        }
        if (!(seconds >= 0) || seconds > 86_400) {
            throw wrong("--seconds is " + seconds + "; expected 0 to 86400");
        }
        if (threads < 0 || threads > 1024) {
            throw wrong("--threads is " + threads + "; expected 0 to 1024");
        }
        if (limit < 1 || limit > 1440) {
            throw wrong("--limit is " + limit + "; expected 1 to 1440");
        }
        if (peer != null && !Files.isRegularFile(peer)) {
            throw new UserError("--peer " + peer + ": there is no such file");
        }
        if (jemalloc != null && !Files.isRegularFile(jemalloc)) {
            throw new UserError("--jemalloc " + jemalloc + ": there is no such file");
        }
        pairs().forEach(pair -> TrainingParts.requireModel(pair.ours()));
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private List<NetworkPair> pairs() {
        List<NetworkPair> pairs = new ArrayList<>();
        if (suite == Suite.NETWORKS) {
            pairs.addAll(NetworkPair.SUITE);
        }
        models.forEach(model -> pairs.add(NetworkPair.of(model)));
        return pairs;
    }

    private PeerScript script() {
        Path home = Path.of(System.getProperty(BenchOpsCommand.HOME, "")).toAbsolutePath();
        Path inference = home.resolve("bench").resolve("peer").resolve("inference.py");
        if (!Files.isRegularFile(inference)) {
            throw new UserError("the comparison needs a script of Hornbeam's sources, and there is no " + inference
                    + ": use ./hornbeam of a checkout");
        }
        return new PeerScript(python, peer.toAbsolutePath(), inference);
    }

    private ModelComparison compare(NetworkPair pair, PeerScript script, PeerScript.Network network, PrintWriter err) {
        List<Contestant> ours = new ArrayList<>();
        ours.add(new Contestant(work == Work.TRAIN ? "sgd" : "hornbeam", ours(pair, network, "sgd"), Map.of()));
        for (BenchTrainCommand.Method method : methods) {
            String name = method.name().toLowerCase(Locale.ROOT);
            ours.add(new Contestant(name, ours(pair, network, name), Map.of()));
        }
        List<Contestant> peers = new ArrayList<>();
        if (script != null) {
            Map<String, String> environment = plainMalloc ? Map.of() : PeerScript.allocator(jemalloc);
            List<String> usual = work == Work.TRAIN ? TRAINING_VARIANTS : INFERENCE_VARIANTS;
            for (String variant : variants.isEmpty() ? usual : variants) {
                peers.add(script.contestant(
                        pair.peer(),
                        variant,
                        work == Work.TRAIN,
                        dtype.toString(),
                        seconds,
                        Engine.threads(),
                        environment));
            }
        }
        Rounds.Result measured = Rounds.run(ours, peers, rounds, Duration.ofMinutes(limit), line -> {
            err.println(pair.peer() + ", " + line);
            err.flush();
        });
        long parameters = measured.ours()
                .getFirst()
                .rounds()
                .getFirst()
                .result()
                .path("parameters")
                .asLong();
        return new ModelComparison(pair, parameters, network == null ? 0 : network.parameters(), measured);
    }

    // A process of its own like the peer, with the launcher's options.
    private List<String> ours(NetworkPair pair, PeerScript.Network network, String method) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-Xms64m"));
        String library = System.getProperty("hornbeam.library");
        if (library != null) {
            command.add("-Dhornbeam.library=" + library);
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Hornbeam.class.getName()));
        command.addAll(List.of("bench", work == Work.TRAIN ? "train" : "infer", "--json", "--model", pair.ours()));
        if (work == Work.TRAIN) {
            command.addAll(List.of("--method", method));
            if (subBatches != null) {
                command.addAll(List.of("--sub-batches", Integer.toString(subBatches)));
            }
        }
        ModelCatalog.Entry published = TrainingParts.requireModel(pair.ours());
        PeerScript.Network size = network != null
                ? network
                : new PeerScript.Network(0, batch == null ? 128 : batch, published.side(), published.classes());
        command.addAll(List.of(
                "--batch",
                Integer.toString(size.batch()),
                "--side",
                Integer.toString(size.side()),
                "--classes",
                Integer.toString(size.classes()),
                "--dtype",
                dtype.toString(),
                "--seconds",
                Double.toString(seconds),
                "--threads",
                Integer.toString(Engine.threads())));
        if (exact) {
            command.add("--exact");
        }
        return command;
    }

    // After every network: a comparison takes hours, and what it has is worth keeping.
    private void write(Machine machine, Engine.Peaks peaks, List<ModelComparison> comparisons) {
        if (json == null) {
            return;
        }
        JsonMapper mapper = new JsonMapper();
        ObjectNode root = mapper.createObjectNode();
        root.set("machine", mapper.valueToTree(machine.facts()));
        root.putObject("peaks").put("fma_gflops", peaks.gflops()).put("triad_gbs", peaks.gigabytes());
        root.put(
                "arguments",
                String.join(" ", spec.commandLine().getParseResult().originalArgs()));
        root.put("work", work.name().toLowerCase(Locale.ROOT))
                .put("dtype", dtype.toString())
                .put("rounds", rounds)
                .put("seconds", seconds)
                .put("exact", exact);
        ModelComparison.geometricMean(comparisons).ifPresent(mean -> root.put("geometric_mean", mean));
        comparisons.forEach(comparison -> root.withArray("models").add(comparison.toJson()));
        ResultFile.write(json, root.toPrettyString());
    }

    private static String number(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }
}
