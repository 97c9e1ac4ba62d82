package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.FixedBatchInference;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Throughput;
import dev.hornbeam.training.run.Version;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam bench infer}: how fast a network answers, on one fixed batch. */
@Command(
        name = "infer",
        description = "Measures forward passes in evaluation mode, without gradients, on one random batch.")
final class BenchInferCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Mixin
    private BenchTaskOptions options;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    private long parameters;

    @Override
    public void run() {
        FixedBatchTraining.Task task = options.task(false);
        Throughput result = options.measured(task, "look at", () -> {
            try (FixedBatchInference inference = new FixedBatchInference(task, Device.cpu())) {
                parameters = inference.parameters();
                return Throughput.measure(inference, options.seconds());
            }
        });
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(json(task, result));
        } else {
            print(out, task, result);
        }
    }

    private ObjectNode json(FixedBatchTraining.Task task, Throughput result) {
        ObjectNode root = new JsonMapper().createObjectNode();
        root.put("engine", "hornbeam " + Version.CURRENT)
                .put("model", task.model())
                .put("parameters", parameters)
                .put("dtype", task.dtype().toString())
                .put("threads", Engine.threads())
                .put("tier", Engine.tier())
                .put("batch", task.batch())
                .put("side", task.side())
                .put("channels", task.channels())
                .put("classes", task.classes())
                .put("exact", options.exact())
                .put("steps", result.steps());
        root.putObject("step_ms")
                .put("median", result.medianMillis())
                .put("min", result.minMillis())
                .put("max", result.maxMillis());
        root.put("images_per_second", result.imagesPerSecond(task.batch()))
                .put("memory_peak_bytes", result.peakBytes())
                .put("system_calls", result.systemCalls());
        return root;
    }

    private static void print(PrintWriter out, FixedBatchTraining.Task task, Throughput result) {
        out.printf(
                Locale.ROOT,
                "%s, inference, %s, batches of %d images of %s, %d classes%n",
                task.model(),
                task.dtype(),
                task.batch(),
                BenchTaskOptions.size(task),
                task.classes());
        out.printf(
                Locale.ROOT,
                "pass        %.2f ms (median of %d; %.2f to %.2f)%n",
                result.medianMillis(),
                result.steps(),
                result.minMillis(),
                result.maxMillis());
        out.printf(Locale.ROOT, "images/s    %.1f%n", result.imagesPerSecond(task.batch()));
        out.printf(
                Locale.ROOT,
                "memory      %.1f MiB at most, %d system calls while measuring%n",
                result.peakBytes() / 1048576.0,
                result.systemCalls());
        out.printf(
                Locale.ROOT,
                "engine      hornbeam %s, tier %s, %d threads%n",
                Version.CURRENT,
                Engine.tier(),
                Engine.threads());
    }
}
