package dev.hornbeam.training.cli;

import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.tensor.NativeMemoryException;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.TrainingParts;
import java.util.function.Supplier;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What the commands under {@code bench} measure or predict: the network, its batch and its type. */
class BenchNetworkOptions {
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

    String model() {
        return model;
    }

    int batch() {
        return batch;
    }

    Precision dtype() {
        return dtype;
    }

    /**
     * Checks the options.
     *
     * @throws ParameterException where one is out of range
     * @throws UserError if there is no such network
     */
    FixedBatchTraining.Task task(boolean activationCheckpointing) {
        ModelCatalog.Entry published = TrainingParts.requireModel(model);
        return new FixedBatchTraining.Task(
                model,
                within("--batch", batch, 1, 1 << 20),
                within("--side", side == null ? published.side() : side, 4, 4096),
                within("--channels", channels == null ? published.channels() : channels, 1, 65_536),
                within("--classes", classes == null ? published.classes() : classes, 1, 1 << 24),
                activationCheckpointing,
                dtype);
    }

    int within(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw outside(option, Integer.toString(value), least + " to " + most);
        }
        return value;
    }

    ParameterException outside(String option, String value, String range) {
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
