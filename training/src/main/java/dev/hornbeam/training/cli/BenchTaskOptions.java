package dev.hornbeam.training.cli;

import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Throughput;
import dev.hornbeam.training.run.TrainingParts;
import picocli.CommandLine.Option;

/** What {@code bench train} and {@code bench infer} measure: the network, its batch, and how it is computed. */
final class BenchTaskOptions extends BenchNetworkOptions {
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

    @Option(names = "--exact", description = "Direct sums in all convolutions: slower, with smaller rounding errors.")
    private boolean exact;

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

    /** {@inheritDoc} Sets up the engine as they say. */
    @Override
    FixedBatchTraining.Task task(boolean activationCheckpointing) {
        FixedBatchTraining.Task task = super.task(activationCheckpointing);
        within("--threads", threads, 0, 1024);
        if (!(seconds >= 0) || seconds > 86_400) {
            throw outside("--seconds", Double.toString(seconds), "0 to 86400");
        }
        device();
        Engine.setThreads(threads);
        Engine.setExact(exact);
        return task;
    }
}
