package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.NativeMemoryException;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.method.WeightNoisePerturbation;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Throughput;
import dev.hornbeam.training.run.TrainingParts;
import dev.hornbeam.training.run.Version;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
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

    /** Types to compute in. */
    enum Precision {
        F32,
        BF16
    }

    /** Where the gradient of a step is taken. */
    enum Method {
        SGD,
        DAMP,
        DAAP
    }

    @Spec
    private CommandSpec spec;

    @Option(names = "--model", required = true, paramLabel = "MODEL", description = "Network, as in resnet18.")
    private String model;

    @Option(names = "--batch", paramLabel = "B", defaultValue = "128", description = "Images a step; 128 if not given.")
    private int batch;

    @Option(names = "--dtype", paramLabel = "TYPE", defaultValue = "f32", description = "Type to compute in: f32.")
    private Precision precision;

    @Option(names = "--method", paramLabel = "METHOD", defaultValue = "sgd", description = "sgd, damp or daap.")
    private Method method;

    @Option(
            names = "--sub-batches",
            paramLabel = "M",
            defaultValue = "8",
            description = "Sub-batches with noise of their own, for damp and daap; 8 if not given.")
    private int subBatches;

    @Option(
            names = "--seconds",
            paramLabel = "S",
            defaultValue = "20",
            description = "How long to measure, at least " + Throughput.LEAST_STEPS + " steps; 20 if not given.")
    private double seconds;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads of the engine, 0 for all cores; all if not given.")
    private int threads;

    @Option(
            names = "--side",
            paramLabel = "PIXELS",
            description = "Height and width of the images; those that the network was published for if not given.")
    private Integer side;

    @Option(
            names = "--channels",
            paramLabel = "C",
            description = "Channels of the images; those that the network was published for if not given.")
    private Integer channels;

    @Option(
            names = "--classes",
            paramLabel = "K",
            description = "Classes; those that the network was published for if not given.")
    private Integer classes;

    @Option(
            names = "--activation-checkpointing",
            description = "Keep only the inputs of blocks for the backward pass and compute the rest again.")
    private boolean activationCheckpointing;

    @Option(names = "--exact", description = "Direct sums in all convolutions: slower, with smaller rounding errors.")
    private boolean exact;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public void run() {
        ModelCatalog.Entry published = TrainingParts.requireModel(model);
        FixedBatchTraining.Task task = new FixedBatchTraining.Task(
                model,
                within("--batch", batch, 1, 1 << 20),
                within("--side", side == null ? published.side() : side, 4, 4096),
                within("--channels", channels == null ? published.channels() : channels, 1, 65_536),
                within("--classes", classes == null ? published.classes() : classes, 1, 1 << 24),
                activationCheckpointing);
        within("--threads", threads, 0, 1024);
        within("--sub-batches", subBatches, 1, method == Method.SGD ? Integer.MAX_VALUE : batch);
        if (!(seconds >= 0) || seconds > 86_400) {
            throw outside("--seconds", Double.toString(seconds), "0 to 86400");
        }
        if (precision == Precision.BF16) {
            throw new UserError("--dtype bf16: training in bf16 is not there yet; use --dtype f32");
        }
        Engine.setThreads(threads);
        Engine.setExact(exact);
        Throughput result = measure(task);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(json(task, result));
        } else {
            print(out, task, result);
        }
    }

    private int within(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw outside(option, Integer.toString(value), least + " to " + most);
        }
        return value;
    }

    private ParameterException outside(String option, String value, String range) {
        return new ParameterException(spec.commandLine(), option + " is " + value + "; expected " + range);
    }

    private Throughput measure(FixedBatchTraining.Task task) {
        try (FixedBatchTraining training = new FixedBatchTraining(task, weights(), Device.cpu())) {
            return Throughput.measure(training, seconds);
        } catch (NativeMemoryException e) {
            throw new UserError(
                    "not enough memory for batches of " + batch + ": choose a smaller --batch (" + e.getMessage() + ")",
                    e);
        } catch (TensorArgumentException e) {
            throw new UserError(
                    model + " cannot train on " + size(task) + " images in batches of " + batch + ": " + e.getMessage(),
                    e);
        }
    }

    private WeightPerturbation weights() {
        return switch (method) {
            case SGD -> WeightPerturbation.none();
            case DAMP -> noise(Noise.Kind.MULTIPLICATIVE, DAMP_SIGMA);
            case DAAP -> noise(Noise.Kind.ADDITIVE, DAAP_SIGMA);
        };
    }

    private WeightPerturbation noise(Noise.Kind kind, double sigma) {
        return new WeightNoisePerturbation(
                kind, sigma, subBatches, Noise.Gradient.AT_PERTURBED, FixedBatchTraining.SEED);
    }

    private ObjectNode json(FixedBatchTraining.Task task, Throughput result) {
        ObjectNode root = new JsonMapper().createObjectNode();
        root.put("engine", "hornbeam " + Version.CURRENT)
                .put("model", model)
                .put("dtype", lower(precision))
                .put("method", lower(method))
                .put("sub_batches", method == Method.SGD ? 1 : subBatches)
                .put("threads", Engine.threads())
                .put("tier", Engine.tier())
                .put("batch", batch)
                .put("side", task.side())
                .put("channels", task.channels())
                .put("classes", task.classes())
                .put("activation_checkpointing", task.activationCheckpointing())
                .put("exact", exact)
                .put("steps", result.steps());
        root.putObject("step_ms")
                .put("median", result.medianMillis())
                .put("min", result.minMillis())
                .put("max", result.maxMillis());
        root.put("images_per_second", result.imagesPerSecond(batch));
        root.putObject("loss").put("first", result.firstLoss()).put("last", result.lastLoss());
        root.put("memory_peak_bytes", result.peakBytes()).put("system_calls", result.systemCalls());
        return root;
    }

    private void print(PrintWriter out, FixedBatchTraining.Task task, Throughput result) {
        String how = method == Method.SGD ? "sgd" : lower(method) + " with " + subBatches + " sub-batches";
        out.printf(
                Locale.ROOT,
                "%s, %s, %s, batches of %d images of %s, %d classes%n",
                model,
                how,
                lower(precision),
                batch,
                size(task),
                task.classes());
        out.printf(
                Locale.ROOT,
                "step        %.2f ms (median of %d; %.2f to %.2f)%n",
                result.medianMillis(),
                result.steps(),
                result.minMillis(),
                result.maxMillis());
        out.printf(Locale.ROOT, "images/s    %.1f%n", result.imagesPerSecond(batch));
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

    private static String size(FixedBatchTraining.Task task) {
        return task.side() + "x" + task.side() + "x" + task.channels();
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
