package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.CorruptionEvaluation;
import dev.hornbeam.training.evaluation.Evaluator;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.DataConfig;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.run.RunConfig;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam evaluate}: a trained network on clean and corrupted test images. */
@Command(name = "evaluate", description = "Measures a trained network on test images, clean and corrupted.")
final class EvaluateCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private WeightsOptions weights;

    @Option(
            names = "--dataset",
            paramLabel = "NAME|FILE",
            description = "Data set whose test images are used; by default the checkpoint's own.")
    private String dataset;

    @Option(names = "--data", paramLabel = "DIR", description = "Folder the data set lies in.")
    private Path folder;

    @Option(
            names = "--corruptions",
            paramLabel = "NAME",
            split = ",",
            description = "Corruptions, or sets of them: quick, common, …; none without this option.")
    private List<String> corruptions = List.of();

    @Option(
            names = "--severities",
            paramLabel = "S",
            split = ",",
            defaultValue = "1,2,3,4,5",
            description = "How strongly, 1 to 5; default ${DEFAULT-VALUE}.")
    private List<Integer> severities;

    @Option(
            names = "--seed",
            paramLabel = "S",
            defaultValue = "1",
            description = "Seed of the corruptions; default ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--subset",
            paramLabel = "N",
            defaultValue = "0",
            description = "Use the first N test images only; 0, the default, uses all.")
    private int subset;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "256",
            description = "Images per forward pass; default ${DEFAULT-VALUE}.")
    private int batch;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description =
                    "Type to compute in: ${COMPLETION-CANDIDATES}; by default the checkpoint's own, f32 for weights alone.")
    private Precision dtype;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write the errors per corruption and severity here.")
    private Path csv;

    @Option(names = "--json", description = "Print JSON, and no progress.")
    private boolean json;

    @Override
    @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
    public Integer call() {
        List<Corruption> chosen = Corruptions.select(corruptions);
        severities.forEach(Corruptions::checkSeverity);
        ImageSet test = testImages();
        WeightsOptions.Loaded loaded = weights.load(test.channels());
        try (var network = loaded.network();
                Progress progress = json ? Progress.silent() : Progress.create(Progress.Mode.AUTO, System.err)) {
            Precision computed = loaded.computeIn(dtype);
            Evaluator evaluator = new Evaluator(
                    network, Augmentation.none(loaded.normalization(test.channels())), batch, 1, loaded.device());
            progress.stage("clean", test.size());
            Evaluator.Result clean = evaluator.evaluate(test, progress::stageAdvance);
            progress.stageDone();
            Optional<CorruptionErrors> errors = Optional.empty();
            if (!chosen.isEmpty()) {
                CorruptionEvaluation evaluation = new CorruptionEvaluation(chosen, severities, seed, Engine.threads());
                progress.stage("corruptions", evaluation.images(test.size()));
                errors = Optional.of(evaluation.run(evaluator, test, progress::stageAdvance));
                progress.stageDone();
            }
            print(test, computed, clean, errors);
            if (csv != null) {
                CorruptionErrors table = errors.orElseThrow(
                        () -> new UserError("--csv needs --corruptions: there are no errors per corruption to write"));
                UserFile.writeText(csv, table.toCsv());
            }
        }
        return 0;
    }

    private ImageSet testImages() {
        Optional<DataConfig> own = weights.checkpoint()
                .map(Checkpoint::config)
                .map(yaml ->
                        RunConfig.parse(yaml, "configuration in the checkpoint").data());
        String name = dataset != null
                ? dataset
                : own.map(DataConfig::name)
                        .orElseThrow(() ->
                                new UserError("weights alone do not say what data they are for; give --dataset NAME"));
        Path place = folder != null
                ? folder
                : own.flatMap(DataConfig::folder).map(Path::of).orElse(null);
        String test = dataset == null ? own.flatMap(DataConfig::test).orElse(null) : null;
        ImageSet images =
                DataSetCatalog.of(place, System.getenv()).load(name, test).test();
        return subset > 0 && subset < images.size() ? images.first(subset) : images;
    }

    private void print(ImageSet test, Precision computed, Evaluator.Result clean, Optional<CorruptionErrors> errors) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            ObjectNode root = new JsonMapper().createObjectNode();
            root.put("data", test.name()).put("images", clean.images()).put("dtype", computed.toString());
            root.put("accuracy", clean.accuracy()).put("loss", clean.loss());
            errors.ifPresent(table -> {
                ObjectNode node = root.putObject("corruption_errors");
                table.severities().forEach(node.putArray("severities")::add);
                ObjectNode rows = node.putObject("errors");
                table.errors().forEach((name, row) -> row.forEach(rows.withArray(name)::add));
                root.put("mean_corruption_error", table.mean());
            });
            out.println(root.toPrettyString());
            return;
        }
        out.printf(
                Locale.ROOT,
                "%s: %d images, accuracy %.2f %%, loss %.4f%n",
                test.name(),
                clean.images(),
                100 * clean.accuracy(),
                clean.loss());
        errors.ifPresent(table -> {
            out.print(table.toText());
            out.flush();
        });
    }
}
