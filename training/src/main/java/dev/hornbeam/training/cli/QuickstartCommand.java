package dev.hornbeam.training.cli;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.DataSetFetcher;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.run.Recipes;
import dev.hornbeam.training.run.Report;
import dev.hornbeam.training.run.ReportData;
import dev.hornbeam.training.run.RunConfig;
import dev.hornbeam.training.run.RunFolder;
import dev.hornbeam.training.run.TrainingRun;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam quickstart}: the same network by SGD and by DAMP, compared on corrupted images. */
@Command(
        name = "quickstart",
        description = {
            "Trains one network on Fashion-MNIST twice, by SGD and by DAMP, and compares them on corrupted test images.",
            "Gets the data first where it is missing. Takes some ten minutes on two cores. A quickstart that was stopped goes on "
                    + "where it was when the same command is given again."
        })
final class QuickstartCommand implements Callable<Integer> {
    private static final Map<String, String> RECIPES = recipes();

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "runs/quickstart",
            description = "Folder of the two runs and their report; default ${DEFAULT-VALUE}.")
    private Path out;

    @Option(
            names = "--seed",
            paramLabel = "S",
            defaultValue = "1",
            description = "Seed of every random draw; default ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads of the engine; 0, the default, takes all cores.")
    private int threads;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Folder that Fashion-MNIST lies in, or is to be put in.")
    private Path data;

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "Change a setting of both runs; may be repeated.")
    private Map<String, String> overrides = new LinkedHashMap<>();

    @Override
    @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
    public Integer call() {
        PrintWriter console = spec.commandLine().getOut();
        fetchData(console);
        List<ReportData.Run> runs = new ArrayList<>();
        try (Progress progress = Progress.create(Progress.Mode.AUTO, System.err)) {
            for (Map.Entry<String, String> recipe : RECIPES.entrySet()) {
                runs.add(train(recipe.getKey(), recipe.getValue(), progress));
            }
        }
        Path report = new RunFolder(out).report();
        Report.write(
                report,
                new ReportData(
                        "Quickstart: SGD and DAMP on Fashion-MNIST",
                        "The same network, data and seed; only the method differs. Errors on corrupted test images, lower is better.",
                        runs));
        console.println();
        console.print(ResultTable.of(runs));
        console.println("report: " + report);
        return 0;
    }

    private void fetchData(PrintWriter console) {
        DataSetCatalog catalog = DataSetCatalog.of(data, System.getenv());
        if (catalog.find("fashion-mnist").isEmpty()) {
            DataSetFetcher.of(catalog).fetch("fashion-mnist", line -> {
                console.println(line);
                console.flush();
            });
        }
    }

    private ReportData.Run train(String name, String recipe, Progress progress) {
        Map<String, String> settings = new LinkedHashMap<>(overrides);
        settings.put("name", name);
        settings.put("seed", Long.toString(seed));
        settings.put("threads", Integer.toString(threads));
        if (data != null) {
            settings.put("data.folder", "'" + data.toString().replace("'", "''") + "'");
        }
        RunConfig config = Recipes.load(recipe, settings);
        Path folder = out.resolve(name.toLowerCase(java.util.Locale.ROOT));
        Optional<ReportData.Run> result = Interruption.during(prepare(config, folder, progress));
        return result.orElseThrow(
                () -> new UserError("stopped before the end; the same command again goes on from the last checkpoint"));
    }

    // The same command again goes on with what it began.
    private TrainingRun prepare(RunConfig config, Path folder, Progress progress) {
        List<String> command = spec.commandLine().getParseResult().originalArgs();
        if (!TrainingRun.isResumable(folder)) {
            return TrainingRun.create(config, folder, progress, command);
        }
        TrainingRun earlier = TrainingRun.resume(folder, progress, command);
        if (!earlier.config().toYaml().equals(config.toYaml())) {
            throw new UserError(folder + " holds a run with other settings; choose another folder with --out");
        }
        return earlier;
    }

    private static Map<String, String> recipes() {
        Map<String, String> recipes = new LinkedHashMap<>();
        recipes.put("SGD", "quickstart/sgd");
        recipes.put("DAMP", "quickstart/damp");
        return recipes;
    }
}
