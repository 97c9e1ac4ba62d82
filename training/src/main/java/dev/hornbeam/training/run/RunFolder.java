package dev.hornbeam.training.run;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The folder of one training run and the names of the files in it.
 *
 * @param path the folder itself
 */
public record RunFolder(Path path) {

    /**
     * Makes a folder for a new run.
     *
     * @throws UserError if the folder cannot be written or already holds a run
     */
    public static RunFolder create(Path path) {
        RunFolder folder = new RunFolder(path);
        if (Files.exists(folder.config()) || Files.exists(folder.metricsJsonl())) {
            throw new UserError(
                    path + " already holds a run; continue it with --resume, or choose another --out folder");
        }
        try {
            Files.createDirectories(folder.checkpoints());
            // createDirectories accepts a folder that exists but may not be written to.
            Files.delete(Files.createTempFile(path, ".probe", ".tmp"));
        } catch (IOException e) {
            throw UserError.cannotWrite(path, e);
        }
        return folder;
    }

    /**
     * Opens the folder of a run that was started before.
     *
     * @throws UserError if there is no run in it
     */
    public static RunFolder open(Path path) {
        RunFolder folder = new RunFolder(path);
        if (!Files.isRegularFile(folder.config())) {
            throw new UserError("no run in " + path + ": " + folder.config() + " is missing; "
                    + "give the folder that an earlier run named with --out");
        }
        return folder;
    }

    /** The complete configuration, {@code config.yaml}. */
    public Path config() {
        return path.resolve("config.yaml");
    }

    /** One JSON object per epoch and per logged step, {@code metrics.jsonl}. */
    public Path metricsJsonl() {
        return path.resolve("metrics.jsonl");
    }

    /** One line per epoch, {@code metrics.csv}. */
    public Path metricsCsv() {
        return path.resolve("metrics.csv");
    }

    /** Final results and provenance, {@code summary.json}. */
    public Path summary() {
        return path.resolve("summary.json");
    }

    /** Errors on corrupted test images, {@code corruptions.csv}. */
    public Path corruptions() {
        return path.resolve("corruptions.csv");
    }

    /** Which classes the test images were taken for, {@code confusion.csv}. */
    public Path confusion() {
        return path.resolve("confusion.csv");
    }

    /** Confidence beside accuracy on the test images, {@code reliability.csv}. */
    public Path reliability() {
        return path.resolve("reliability.csv");
    }

    /** The noise of the training images, {@code noise}. */
    public Path noise() {
        return path.resolve("noise");
    }

    /** The division of the training images among severities, {@code mixture}. */
    public Path mixture() {
        return path.resolve("mixture");
    }

    /** Accuracy and loss at each severity, {@code severities.csv}. */
    public Path severities() {
        return path.resolve("severities.csv");
    }

    /** The timeline of profiled steps, {@code trace.json}. */
    public Path trace() {
        return path.resolve("trace.json");
    }

    /** The folder of the event files for TensorBoard, {@code tensorboard}. */
    public Path tensorBoard() {
        return path.resolve("tensorboard");
    }

    /** Locked while a process is at work on the run, {@code run.lock}. */
    public Path lock() {
        return path.resolve("run.lock");
    }

    /** The report, {@code report.html}. */
    public Path report() {
        return path.resolve("report.html");
    }

    /** The folder of the checkpoints, {@code checkpoints}. */
    public Path checkpoints() {
        return path.resolve("checkpoints");
    }
}
