package dev.hornbeam.training.cli;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.run.ReportData;
import dev.hornbeam.training.run.RunConfig;
import dev.hornbeam.training.run.RunFolder;
import dev.hornbeam.training.run.StepProfiler;
import dev.hornbeam.training.run.Throughput;
import dev.hornbeam.training.run.TrainingRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hornbeam train}: one run, from a recipe to a report. */
@Command(
        name = "train",
        description = {
            "Trains a network by a recipe.",
            "Writes config.yaml, metrics.jsonl, metrics.csv, checkpoints/, summary.json and report.html to the --out folder. "
                    + "Stopped by Ctrl-C it writes a checkpoint first; --resume goes on from the latest one, to the same bits."
        })
final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--recipe",
            paramLabel = "NAME|FILE",
            description =
                    "What to train: a name of \"hornbeam recipes list\", or a YAML file. Not needed with --resume.")
    private String recipe;

    @Mixin
    private RecipeOptions options;

    @Mixin
    private ProfileOptions profile;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            required = true,
            description = "Folder of the run; made if it is not there.")
    private Path out;

    @Option(names = "--resume", description = "Go on with the run in the --out folder, from its latest checkpoint.")
    private boolean resume;

    @Option(names = "--json", description = "Print the summary as JSON to standard output, and no progress.")
    private boolean json;

    @Override
    @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
    public Integer call() {
        profile.check();
        try (Progress progress = json ? Progress.silent() : Progress.create(Progress.Mode.AUTO, System.err)) {
            TrainingRun run = prepare(progress);
            Optional<ReportData.Run> result = during(run, progress);
            if (result.isEmpty()) {
                throw new UserError("stopped before the end; \"hornbeam train --resume --out " + out + "\" goes on");
            }
            RunFolder folder = new RunFolder(out);
            if (json) {
                print(folder.summary());
            } else {
                spec.commandLine().getOut().print(ResultTable.of(List.of(result.get())));
                spec.commandLine().getOut().println("report: " + folder.report());
            }
            return 0;
        }
    }

    private Optional<ReportData.Run> during(TrainingRun run, Progress progress) {
        if (!profile.wanted()) {
            return Interruption.during(run);
        }
        RunConfig config = run.config();
        String title = config.name() + ", " + config.model().name() + ", " + config.dtype() + ", batches of "
                + config.data().batch();
        PrintWriter to = json ? spec.commandLine().getErr() : spec.commandLine().getOut();
        try (StepProfiler profiler = profile.profiler(Throughput.WARM_UP, measured -> {
            progress.pause();
            profile.report(to, measured, title, Optional.of(new RunFolder(out).trace()));
        })) {
            Optional<ReportData.Run> result = Interruption.during(run.profileWith(profiler));
            profiler.finish();
            if (!profiler.isReported()) {
                to.println("no profile: fewer than " + (Throughput.WARM_UP + 1) + " steps were trained, and the first "
                        + Throughput.WARM_UP + " only warm up");
            }
            return result;
        }
    }

    private TrainingRun prepare(Progress progress) {
        List<String> command = spec.commandLine().getParseResult().originalArgs();
        if (!resume) {
            if (recipe == null) {
                throw new ParameterException(
                        spec.commandLine(), "say what to train with --recipe NAME|FILE, or go on with --resume");
            }
            return TrainingRun.create(options.load(recipe), out, progress, command);
        }
        TrainingRun run = TrainingRun.resume(out, progress, command);
        // Settings given again must say the same: a run cannot change on the way.
        if (recipe != null) {
            RunConfig given = options.load(recipe);
            if (!given.toYaml().equals(run.config().toYaml())) {
                throw new UserError("the settings given are not those of the run in " + out
                        + " (see its config.yaml); resume with --resume --out " + out
                        + " alone, or start another run in another folder");
            }
        } else if (options.changesAnything()) {
            throw new UserError(
                    "--resume goes on with the settings in " + new RunFolder(out).config()
                            + "; leave out --set, --seed, --threads, --exact, --dtype, --device, --data, --init and --init-partial");
        }
        return run;
    }

    private void print(Path file) {
        try {
            spec.commandLine().getOut().print(Files.readString(file));
            spec.commandLine().getOut().flush();
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }
}
