package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.profile.Profiler;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.GpuSpecification;
import dev.hornbeam.training.run.GpuSpecification.Arithmetic;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.PredictedStep;
import dev.hornbeam.training.run.PredictedStep.Assumptions;
import dev.hornbeam.training.run.PredictedStep.Limit;
import dev.hornbeam.training.run.ResultFile;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hornbeam bench predict}: how long a training step would take on a GPU that is not here. */
@Command(
        name = "predict",
        description = {
            "Predicts the time of a training step on a GPU from the bytes and operations of its ops; needs no GPU, and"
                    + " computes nothing.",
            "Prints tables in Markdown. docs/benchmarks.md says what the numbers are made of. They are predicted, not"
                    + " measured."
        })
final class BenchPredictCommand implements Runnable {
    // Of one step, with room: the largest network makes about a thousand calls.
    private static final int RECORDS = 100_000;

    /** How products of f32 are made. */
    enum F32Product {
        EXACT,
        TF32X3,
        TF32;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Spec
    private CommandSpec spec;

    @Mixin
    private BenchNetworkOptions options;

    @Option(
            names = "--f32",
            paramLabel = "HOW",
            defaultValue = "tf32x3",
            description =
                    "How f32 is multiplied, as HORNBEAM_CUDA_F32: ${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE} if not"
                            + " given.")
    private F32Product f32;

    @Option(
            names = "--gpu",
            paramLabel = "GPU",
            defaultValue = "h100",
            description = "Which GPU; ${DEFAULT-VALUE} if not given, and the only one that is known.")
    private String gpu;

    @Option(names = "--layers", description = "Also print a row for every shape.")
    private boolean layers;

    @Option(names = "--json", paramLabel = "FILE", description = "Also write it to this file.")
    private Path json;

    @Override
    public void run() {
        GpuSpecification specification = GpuSpecification.of(gpu)
                .orElseThrow(() -> new ParameterException(
                        spec.commandLine(),
                        "--gpu is " + gpu + "; expected "
                                + GpuSpecification.all().stream()
                                        .map(GpuSpecification::name)
                                        .collect(Collectors.joining(", "))));
        FixedBatchTraining.Task task = options.task(false);
        Arithmetic arithmetic = options.dtype() == Precision.BF16
                ? Arithmetic.BF16
                : switch (f32) {
                    case EXACT -> Arithmetic.EXACT;
                    case TF32X3 -> Arithmetic.TF32X3;
                    case TF32 -> Arithmetic.TF32;
                };
        PredictedStep step = predicted(task, specification, arithmetic);
        print(spec.commandLine().getOut(), task, step);
        if (json != null) {
            ResultFile.write(json, json(task, step).toPrettyString());
        }
    }

    // On the device that computes nothing: the calls are those of training, and their shapes. The first step also makes
    // what the optimizer keeps.
    private PredictedStep predicted(
            FixedBatchTraining.Task task, GpuSpecification specification, Arithmetic arithmetic) {
        return options.measured(task, "train on", () -> {
            try (FixedBatchTraining training =
                    new FixedBatchTraining(task, WeightPerturbation.none(), Device.nothing())) {
                training.step();
                try (Profiler profiler = Profiler.start(RECORDS)) {
                    training.step();
                    Profiler.Recording recording = profiler.stop();
                    if (recording.lost() > 0) {
                        throw new UserError("a step makes more calls than the " + RECORDS + " that are recorded of it");
                    }
                    return PredictedStep.of(recording.ops(), specification, arithmetic, Assumptions.STANDARD);
                }
            }
        });
    }

    private void print(PrintWriter out, FixedBatchTraining.Task task, PredictedStep step) {
        Assumptions assumed = Assumptions.STANDARD;
        GpuSpecification where = step.gpu();
        out.printf(
                Locale.ROOT,
                "%s, %s, batches of %d images of %s, one training step on an %s: **predicted, not measured**.%n%n",
                task.model(),
                step.arithmetic(),
                task.batch(),
                BenchNetworkOptions.size(task),
                where.product());
        out.printf(
                Locale.ROOT,
                "Bound: %.2f ms (%.0f images/s). Predicted: %.2f ms (%.0f images/s), %d kernels;%s.%n%n",
                step.boundMicros() * 1e-3,
                task.batch() / step.boundMicros() * 1e6,
                step.micros() * 1e-3,
                task.batch() / step.micros() * 1e6,
                step.kernels(),
                step.microsByLimit().entrySet().stream()
                        .filter(entry -> entry.getValue() > 0)
                        .map(entry -> String.format(
                                Locale.ROOT,
                                " %.0f %% by %s",
                                100 * entry.getValue() / step.micros(),
                                text(entry.getKey())))
                        .collect(Collectors.joining(",")));
        out.printf(
                Locale.ROOT,
                "Rates: %.2f TB/s of memory, %.1f TFLOP/s of products; predicted at %.0f %% and %.0f %% of them, %.1f TB/s"
                        + " of L2 cache, and %.1f µs to start a kernel.%n%n",
                where.memoryGigabytes() * 1e-3,
                where.teraflops(step.arithmetic()),
                100 * assumed.memory(),
                100 * (step.arithmetic() == Arithmetic.EXACT ? assumed.fma() : assumed.tensor()),
                where.cacheGigabytes() * 1e-3 * assumed.cache(),
                assumed.launchMicros());
        out.println(
                "| op | calls | kernels | GFLOP | MB | bound by | bound µs | predicted by | predicted µs | of step, % |");
        out.println("|---|---|---|---|---|---|---|---|---|---|");
        step.sums().forEach(row -> out.println(cells(row, "", step)));
        out.printf(
                Locale.ROOT,
                "| **step** | | %d | | | | %.1f | | %.1f | 100.0 |%n",
                step.kernels(),
                step.boundMicros(),
                step.micros());
        if (layers) {
            out.println();
            out.println(
                    "| op | shape | calls | kernels | GFLOP | MB | bound by | bound µs | predicted by | predicted µs | of step, % |");
            out.println("|---|---|---|---|---|---|---|---|---|---|---|");
            step.rows().forEach(row -> out.println(cells(row, " " + row.shape() + " |", step)));
        }
    }

    private static String cells(PredictedStep.Row row, String shape, PredictedStep step) {
        return String.format(
                Locale.ROOT,
                "| %s |%s %d | %d | %s | %.2f | %s | %.1f | %s | %.1f | %.1f |",
                row.name(),
                shape,
                row.calls(),
                row.kernels(),
                row.gigaflops() > 0 ? String.format(Locale.ROOT, "%.2f", row.gigaflops()) : "",
                row.megabytes(),
                row.bound(),
                row.boundMicros(),
                text(row.limit()),
                row.micros(),
                100 * row.micros() / step.micros());
    }

    private static String text(Limit limit) {
        return limit == Limit.CACHE ? "L2 cache" : limit.toString();
    }

    private static ObjectNode json(FixedBatchTraining.Task task, PredictedStep step) {
        JsonMapper mapper = new JsonMapper();
        ObjectNode root = mapper.createObjectNode();
        root.put("predicted", true)
                .put("gpu", step.gpu().name())
                .put("model", task.model())
                .put("arithmetic", step.arithmetic().toString())
                .put("batch", task.batch())
                .put("bound_ms", step.boundMicros() * 1e-3)
                .put("predicted_ms", step.micros() * 1e-3)
                .put("kernels", step.kernels());
        root.set("rates", mapper.valueToTree(step.gpu()));
        root.set("assumptions", mapper.valueToTree(Assumptions.STANDARD));
        ArrayNode rows = root.putArray("rows");
        for (PredictedStep.Row row : step.rows()) {
            rows.addObject()
                    .put("op", row.name())
                    .put("shape", row.shape())
                    .put("calls", row.calls())
                    .put("kernels", row.kernels())
                    .put("gflop", row.gigaflops())
                    .put("megabytes", row.megabytes())
                    .put("bound", row.bound().toString())
                    .put("bound_us", row.boundMicros())
                    .put("limit", row.limit().toString())
                    .put("predicted_us", row.micros());
        }
        return root;
    }
}
