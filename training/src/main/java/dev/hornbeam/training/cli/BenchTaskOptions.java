package dev.hornbeam.training.cli;

import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.NativeMemoryException;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.Throughput;
import dev.hornbeam.training.run.TrainingParts;
import java.util.function.Supplier;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What {@code bench train} and {@code bench infer} measure: the network, its batch, and how it is computed. */
final class BenchTaskOptions {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(names = "--model", required = true, paramLabel = "MODEL", description = "Network, as in resnet18.")
    private String model;

    @Option(
            names = "--batch",
            paramLabel = "B",
            defaultValue = "128",
            description = "Images in the batch; ${DEFAULT-VALUE} if not given.")
    private int batch;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "f32",
            description = "Type to compute in: ${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE} if not given.")
    private Precision dtype;

    @Option(
            names = "--seconds",
            paramLabel = "S",
            defaultValue = "20",
            description = "How long to measure, at least " + Throughput.LEAST_STEPS + " times; 20 if not given.")
    private double seconds;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads of the engine, 0 for all cores; all if not given.")
    private int threads;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "cpu",
            description = "Where to compute, as in cpu or cuda; ${DEFAULT-VALUE} if not given.")
    private String device;

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

    @Option(names = "--exact", description = "Direct sums in all convolutions: slower, with smaller rounding errors.")
    private boolean exact;

    String model() {
        return model;
    }

    int batch() {
        return batch;
    }

    /**
     * Where to compute.
     *
     * @throws UserError if there is no such device here, with the reason
     */
    Device device() {
        return TrainingParts.device(device);
    }

    double seconds() {
        return seconds;
    }

    boolean exact() {
        return exact;
    }

    /**
     * Checks the options, and sets up the engine as they say.
     *
     * @throws ParameterException where one is out of range
     * @throws UserError if there is no such network
     */
    FixedBatchTraining.Task task(boolean activationCheckpointing) {
        ModelCatalog.Entry published = TrainingParts.requireModel(model);
        FixedBatchTraining.Task task = new FixedBatchTraining.Task(
                model,
                within("--batch", batch, 1, 1 << 20),
                within("--side", side == null ? published.side() : side, 4, 4096),
                within("--channels", channels == null ? published.channels() : channels, 1, 65_536),
                within("--classes", classes == null ? published.classes() : classes, 1, 1 << 24),
                activationCheckpointing,
                dtype);
        within("--threads", threads, 0, 1024);
        if (!(seconds >= 0) || seconds > 86_400) {
            throw outside("--seconds", Double.toString(seconds), "0 to 86400");
        }
        device();
        Engine.setThreads(threads);
        Engine.setExact(exact);
        return task;
    }

    int within(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw outside(option, Integer.toString(value), least + " to " + most);
        }
        return value;
    }

    private ParameterException outside(String option, String value, String range) {
        return new ParameterException(spec.commandLine(), option + " is " + value + "; expected " + range);
    }

    /**
     * Does the work, and says in words of the command line what the network or the memory did not allow.
     *
     * @param what as in "train on" images
     */
    <R> R measured(FixedBatchTraining.Task task, String what, Supplier<R> work) {
        try {
            return work.get();
        } catch (NativeMemoryException e) {
            throw new UserError(
                    "not enough memory for batches of " + batch + ": choose a smaller --batch (" + e.getMessage() + ")",
                    e);
        } catch (TensorArgumentException e) {
            throw new UserError(
                    model + " cannot " + what + " " + size(task) + " images in batches of " + batch + ": "
                            + e.getMessage(),
                    e);
        }
    }

    /** As in 32x32x3. */
    static String size(FixedBatchTraining.Task task) {
        return task.side() + "x" + task.side() + "x" + task.channels();
    }
}
