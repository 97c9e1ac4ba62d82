package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.method.WeightNoisePerturbation;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.StepProfiler;
import dev.hornbeam.training.run.Throughput;
import dev.hornbeam.training.run.TrainingProfile;
import dev.hornbeam.training.run.Version;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam bench train}: how fast a network trains on one fixed batch. */
@Command(
        name = "train",
        description =
                "Measures training steps (zero gradients, forward, cross-entropy, backward, SGD) on one random batch.")
final class BenchTrainCommand implements Runnable {
    /** Deviations that the papers use; speed does not depend on them. */
    private static final double DAMP_SIGMA = 0.2;

    private static final double DAAP_SIGMA = 0.01;

    /** Where the gradient of a step is taken. */
    enum Method {
        SGD,
        DAMP,
        DAAP,
        SAM,
        ASAM
    }

    @Spec
    private CommandSpec spec;

    @Mixin
    private BenchTaskOptions options;

    @Mixin
    private ProfileOptions profile;

    @Option(
            names = "--method",
            paramLabel = "METHOD",
            defaultValue = "sgd",
            description = "sgd, damp, daap, sam or asam; sgd if not given.")
    private Method method;

    @Option(
            names = "--sub-batches",
            paramLabel = "M",
            defaultValue = "8",
            description = "Sub-batches with noise of their own, for damp and daap; 8 if not given.")
    private int subBatches;

    @Option(
            names = "--activation-checkpointing",
            description = "Keep only the inputs of blocks for the backward pass and compute the rest again.")
    private boolean activationCheckpointing;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    private long parameters;
    private Optional<TrainingProfile> profiled = Optional.empty();

    @Override
    public void run() {
        profile.check();
        FixedBatchTraining.Task task = options.task(activationCheckpointing);
        options.within("--sub-batches", subBatches, 1, hasSubBatches() ? task.batch() : Integer.MAX_VALUE);
        Throughput result = measure(task);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            ObjectNode root = json(task, result);
            profiled.ifPresent(steps -> profile.report(root, steps, title(task)));
            out.println(root);
        } else {
            print(out, task, result);
            profiled.ifPresent(steps -> {
                out.println();
                profile.report(out, steps, title(task), Optional.empty());
            });
        }
    }

    private boolean hasSubBatches() {
        return method == Method.DAMP || method == Method.DAAP;
    }

    private Throughput measure(FixedBatchTraining.Task task) {
        return switch (method) {
            case SGD -> measure(task, WeightPerturbation.none());
            case DAMP -> measure(task, noise(Noise.Kind.MULTIPLICATIVE, DAMP_SIGMA));
            case DAAP -> measure(task, noise(Noise.Kind.ADDITIVE, DAAP_SIGMA));
            case SAM, ASAM -> {
                try (BenchSharpness sharpness = new BenchSharpness(method == Method.ASAM)) {
                    yield measure(task, sharpness);
                }
            }
        };
    }

    private Throughput measure(FixedBatchTraining.Task task, WeightPerturbation weights) {
        return options.measured(task, "train on", () -> {
            try (FixedBatchTraining training = new FixedBatchTraining(task, weights, Device.cpu())) {
                parameters = training.parameters();
                Throughput result = Throughput.measure(training, options.seconds());
                profiled = profile(training);
                return result;
            }
        });
    }

    /** Profiles steps of their own, so that what was timed before has no profiler in it. */
    private Optional<TrainingProfile> profile(FixedBatchTraining training) {
        List<TrainingProfile> result = new ArrayList<>();
        if (profile.wanted()) {
            try (StepProfiler profiler = profile.profiler(0, result::add)) {
                training.profileWith(profiler);
                for (int i = 0; i < profile.steps(); i++) {
                    training.step();
                }
            }
        }
        return result.stream().findFirst();
    }

    private String title(FixedBatchTraining.Task task) {
        return task.model() + ", " + how() + ", " + task.dtype() + ", batches of " + task.batch() + " images of "
                + BenchTaskOptions.size(task);
    }

    private String how() {
        return lower(method) + (hasSubBatches() ? " with " + subBatches + " sub-batches" : "");
    }

    private WeightPerturbation noise(Noise.Kind kind, double sigma) {
        return new WeightNoisePerturbation(
                kind, sigma, subBatches, Noise.Gradient.AT_PERTURBED, FixedBatchTraining.SEED);
    }

    private ObjectNode json(FixedBatchTraining.Task task, Throughput result) {
        ObjectNode root = new JsonMapper().createObjectNode();
        root.put("engine", "hornbeam " + Version.CURRENT)
                .put("model", task.model())
                .put("parameters", parameters)
                .put("dtype", task.dtype().toString())
                .put("method", lower(method))
                .put("sub_batches", hasSubBatches() ? subBatches : 1)
                .put("threads", Engine.threads())
                .put("tier", Engine.tier())
                .put("batch", task.batch())
                .put("side", task.side())
                .put("channels", task.channels())
                .put("classes", task.classes())
                .put("activation_checkpointing", task.activationCheckpointing())
                .put("exact", options.exact())
                .put("steps", result.steps());
        root.putObject("step_ms")
                .put("median", result.medianMillis())
                .put("min", result.minMillis())
                .put("max", result.maxMillis());
        root.put("images_per_second", result.imagesPerSecond(task.batch()));
        root.putObject("loss").put("first", result.firstLoss()).put("last", result.lastLoss());
        root.put("memory_peak_bytes", result.peakBytes()).put("system_calls", result.systemCalls());
        return root;
    }

    private void print(PrintWriter out, FixedBatchTraining.Task task, Throughput result) {
        out.printf(
                Locale.ROOT,
                "%s, %s, %s, batches of %d images of %s, %d classes%n",
                task.model(),
                how(),
                task.dtype(),
                task.batch(),
                BenchTaskOptions.size(task),
                task.classes());
        out.printf(
                Locale.ROOT,
                "step        %.2f ms (median of %d; %.2f to %.2f)%n",
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
        out.printf(Locale.ROOT, "loss        %.4f to %.4f%n", result.firstLoss(), result.lastLoss());
        out.printf(
                Locale.ROOT,
                "engine      hornbeam %s, tier %s, %d threads%n",
                Version.CURRENT,
                Engine.tier(),
                Engine.threads());
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
