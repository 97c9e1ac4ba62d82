package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.training.method.SharpnessPerturbation;
import dev.hornbeam.training.method.WeightNoisePerturbation;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.StepProfiler;
import dev.hornbeam.training.run.Throughput;
import dev.hornbeam.training.run.TrainingProfile;
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
    /** Deviations and radii that the papers use; speed does not depend on them. */
    private static final double DAMP_SIGMA = 0.2;

    private static final double DAAP_SIGMA = 0.01;
    private static final double SAM_RHO = 0.05;
    private static final double ASAM_RHO = 0.5;
    private static final double ASAM_ETA = 0.01;

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
            description =
                    "Sub-batches with noise or an ascent of their own; if not given, 8 for damp and daap and 1 for sam"
                            + " and asam, which send each through the network alone.")
    private Integer subBatchesGiven;

    @Option(
            names = "--activation-checkpointing",
            description = "Keep only the inputs of blocks for the backward pass and compute the rest again.")
    private boolean activationCheckpointing;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    private int subBatches = 1;
    private long parameters;
    private Optional<TrainingProfile> profiled = Optional.empty();

    @Override
    public void run() {
        profile.check();
        FixedBatchTraining.Task task = options.task(activationCheckpointing);
        if (method != Method.SGD) {
            boolean noise = method == Method.DAMP || method == Method.DAAP;
            subBatches = subBatchesGiven == null ? noise ? 8 : 1 : subBatchesGiven;
        }
        options.within("--sub-batches", subBatches, 1, task.batch());
        Throughput result = measure(task);
        BenchReport report = new BenchReport(task, options.device(), parameters, options.exact(), result);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            ObjectNode root = json(report);
            profiled.ifPresent(steps -> profile.report(root, steps, title(task)));
            out.println(root);
        } else {
            print(out, report);
            profiled.ifPresent(steps -> {
                out.println();
                profile.report(out, steps, title(task), Optional.empty());
            });
        }
    }

    private Throughput measure(FixedBatchTraining.Task task) {
        try (WeightPerturbation weights = weights()) {
            return measure(task, weights);
        }
    }

    private WeightPerturbation weights() {
        return switch (method) {
            case SGD -> WeightPerturbation.none();
            case DAMP -> noise(Noise.Kind.MULTIPLICATIVE, DAMP_SIGMA);
            case DAAP -> noise(Noise.Kind.ADDITIVE, DAAP_SIGMA);
            case SAM -> SharpnessPerturbation.sam(SAM_RHO, subBatches, FixedBatchTraining.SEED);
            case ASAM -> SharpnessPerturbation.asam(ASAM_RHO, ASAM_ETA, subBatches, FixedBatchTraining.SEED);
        };
    }

    private Throughput measure(FixedBatchTraining.Task task, WeightPerturbation weights) {
        return options.measured(task, "train on", () -> {
            try (FixedBatchTraining training = new FixedBatchTraining(task, weights, options.device())) {
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
                + BenchNetworkOptions.size(task);
    }

    private String how() {
        return lower(method) + (subBatches > 1 ? " with " + subBatches + " sub-batches" : "");
    }

    private WeightPerturbation noise(Noise.Kind kind, double sigma) {
        return new WeightNoisePerturbation(
                kind, sigma, subBatches, Noise.Gradient.AT_PERTURBED, FixedBatchTraining.SEED);
    }

    private ObjectNode json(BenchReport report) {
        ObjectNode root = report.json();
        root.put("method", lower(method))
                .put("sub_batches", subBatches)
                .put("activation_checkpointing", report.task().activationCheckpointing());
        root.putObject("loss")
                .put("first", report.result().firstLoss())
                .put("last", report.result().lastLoss());
        return root;
    }

    private void print(PrintWriter out, BenchReport report) {
        report.print(out, how(), "step");
        Throughput result = report.result();
        out.printf(Locale.ROOT, "loss        %.4f to %.4f%n", result.firstLoss(), result.lastLoss());
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
