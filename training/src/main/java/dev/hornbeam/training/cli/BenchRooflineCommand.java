package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.profile.Profiler;
import dev.hornbeam.profile.StepProfile;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Machine;
import dev.hornbeam.training.run.ResultFile;
import dev.hornbeam.training.run.Roofline;
import dev.hornbeam.training.run.Throughput;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam bench roofline}: where every millisecond of a training step goes, and what the machine would allow. */
@Command(
        name = "roofline",
        description = {
            "Records training steps on one random batch, and sets every layer's time beside the least that this machine's"
                    + " measured peaks allow for its arithmetic and its bytes.",
            "Prints a table in Markdown, in the order of the step. docs/performance.md says how to read it."
        })
final class BenchRooflineCommand implements Runnable {
    // Of one step, with room: the largest network makes about a thousand calls.
    private static final int RECORDS_A_STEP = 20_000;

    @Spec
    private CommandSpec spec;

    @Mixin
    private BenchTaskOptions options;

    @Option(names = "--json", paramLabel = "FILE", description = "Also write it to this file.")
    private Path json;

    @Override
    public void run() {
        FixedBatchTraining.Task task = options.task(false);
        Engine.Peaks peaks = Engine.measurePeaks();
        Roofline roofline = options.measured(task, "train on", () -> {
            try (FixedBatchTraining training = new FixedBatchTraining(task, WeightPerturbation.none(), Device.cpu())) {
                return record(training, peaks);
            }
        });
        Machine machine = Machine.here();
        PrintWriter out = spec.commandLine().getOut();
        out.println(machine);
        out.println();
        print(out, task, roofline);
        out.println();
        printSums(out, roofline);
        if (json != null) {
            ResultFile.write(json, json(machine, task, roofline).toPrettyString());
        }
    }

    private Roofline record(FixedBatchTraining training, Engine.Peaks peaks) {
        long shortest = Long.MAX_VALUE;
        for (int i = 0; i < Throughput.WARM_UP; i++) {
            long start = System.nanoTime();
            training.step();
            shortest = Math.min(shortest, System.nanoTime() - start);
        }
        int steps = (int) Math.clamp(options.seconds() * 1e9 / (double) shortest, Throughput.LEAST_STEPS, 100);
        try (Profiler profiler = Profiler.start(RECORDS_A_STEP * steps)) {
            long start = System.nanoTime();
            for (int i = 0; i < steps; i++) {
                training.step();
            }
            long wall = System.nanoTime() - start;
            Profiler.Recording recording = profiler.stop();
            if (recording.lost() > 0) {
                throw new UserError("a step makes more calls than the " + RECORDS_A_STEP + " that are recorded of it");
            }
            return Roofline.of(recording.ops(), StepProfile.of(recording.ops(), steps, wall), peaks);
        }
    }

    private static void print(PrintWriter out, FixedBatchTraining.Task task, Roofline roofline) {
        out.printf(
                Locale.ROOT,
                "%s, %s, batches of %d images of %s. Peaks measured now: %.0f GFLOP/s of f32 multiply-adds, %.1f GB/s of"
                        + " triad.%n%n",
                task.model(),
                task.dtype(),
                task.batch(),
                BenchNetworkOptions.size(task),
                roofline.peaks().gflops(),
                roofline.peaks().gigabytes());
        out.println(
                "| op | shape | algorithm | calls | GFLOP | MB | bound by | limit ms | measured ms | of limit, % | of step, % |");
        out.println("|---|---|---|---|---|---|---|---|---|---|---|");
        double rest = 0;
        for (Roofline.Row row : roofline.rows()) {
            if (row.limitMillis() == 0) {
                rest += row.millis();
                continue;
            }
            out.printf(
                    Locale.ROOT,
                    "| %s | %s | %s | %.0f | %s | %.2f | %s | %.3f | %.3f | %.0f | %.1f |%n",
                    row.name(),
                    row.shape(),
                    row.algorithm(),
                    row.calls(),
                    row.gigaflops() > 0 ? String.format(Locale.ROOT, "%.2f", row.gigaflops()) : "",
                    row.megabytes(),
                    row.bound().name().toLowerCase(Locale.ROOT),
                    row.limitMillis(),
                    row.millis(),
                    percent(row.limitMillis(), row.millis()),
                    percent(row.millis(), roofline.stepMillis()));
        }
        total(out, "views, and what fused ops do besides", 0, rest, roofline);
        total(out, "all ops", roofline.limitMillis(), roofline.engineMillis(), roofline);
        total(out, "outside the engine", 0, roofline.outsideMillis(), roofline);
        total(out, "**step**", roofline.limitMillis(), roofline.stepMillis(), roofline);
    }

    // Below a thousandth of the step, nobody looks.
    private static void printSums(PrintWriter out, Roofline roofline) {
        out.println("| op | algorithm | limit ms | measured ms | of limit, % | of step, % |");
        out.println("|---|---|---|---|---|---|");
        for (Roofline.Sum sum : roofline.sums()) {
            double share = percent(sum.millis(), roofline.stepMillis());
            if (share >= 0.1) {
                out.printf(
                        Locale.ROOT,
                        "| %s | %s | %.2f | %.2f | %.0f | %.1f |%n",
                        sum.name(),
                        sum.algorithm(),
                        sum.limitMillis(),
                        sum.millis(),
                        percent(sum.limitMillis(), sum.millis()),
                        share);
            }
        }
    }

    private static void total(PrintWriter out, String name, double limit, double millis, Roofline roofline) {
        out.printf(
                Locale.ROOT,
                "| %s | | | | | | | %.3f | %.3f | %.0f | %.1f |%n",
                name,
                limit,
                millis,
                percent(limit, millis),
                percent(millis, roofline.stepMillis()));
    }

    private static double percent(double part, double whole) {
        return whole > 0 ? 100 * part / whole : 0;
    }

    private static ObjectNode json(Machine machine, FixedBatchTraining.Task task, Roofline roofline) {
        JsonMapper mapper = new JsonMapper();
        ObjectNode root = mapper.createObjectNode();
        root.set("machine", mapper.valueToTree(machine.facts()));
        root.putObject("peaks")
                .put("fma_gflops", roofline.peaks().gflops())
                .put("triad_gbs", roofline.peaks().gigabytes());
        root.put("model", task.model())
                .put("dtype", task.dtype().toString())
                .put("batch", task.batch())
                .put("step_ms", roofline.stepMillis())
                .put("limit_ms", roofline.limitMillis())
                .put("outside_ms", roofline.outsideMillis());
        ArrayNode rows = root.putArray("rows");
        for (Roofline.Row row : roofline.rows()) {
            rows.addObject()
                    .put("op", row.name())
                    .put("shape", row.shape())
                    .put("algorithm", row.algorithm())
                    .put("calls", row.calls())
                    .put("gflop", row.gigaflops())
                    .put("megabytes", row.megabytes())
                    .put("bound", row.bound().name().toLowerCase(Locale.ROOT))
                    .put("limit_ms", row.limitMillis())
                    .put("ms", row.millis());
        }
        return root;
    }
}
