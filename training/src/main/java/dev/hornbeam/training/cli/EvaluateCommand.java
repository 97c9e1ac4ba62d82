package dev.hornbeam.training.cli;

import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.evaluation.AdversarialErrors;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.CorruptionEvaluation;
import dev.hornbeam.training.evaluation.Evaluator;
import dev.hornbeam.training.evaluation.MappedClassFolder;
import dev.hornbeam.training.evaluation.PredictionMetrics;
import dev.hornbeam.training.evaluation.RelativeErrors;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.run.Baseline;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.Evaluation;
import dev.hornbeam.training.run.EvaluationReport;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.run.Version;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam evaluate}: a trained network on clean, corrupted and attacked test images. */
@Command(
        name = "evaluate",
        description = {
            "Measures a trained network on test images: clean, corrupted, attacked.",
            "Accuracy, top-k, negative log-likelihood, calibration and confusions of the images as they are; with --corruptions "
                    + "or --corrupted-set the error per corruption and severity, with --baseline also beside another network; "
                    + "with --fgsm the error under attack. --out keeps it all, with a report."
        })
final class EvaluateCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private WeightsOptions weights;

    @Option(
            names = "--dataset",
            paramLabel = "NAME|FILE",
            split = ",",
            description =
                    "Data set whose test images are used, or several; by default the checkpoint's own, unless there is --input.")
    private List<String> datasets = List.of();

    @Option(names = "--data", paramLabel = "DIR", description = "Folder the data set lies in.")
    private Path folder;

    @Option(
            names = "--input",
            paramLabel = "DIR",
            description = "Folder with a folder of images for each class; may be repeated.")
    private List<Path> inputs = List.of();

    @Option(
            names = "--class-map",
            paramLabel = "FILE",
            description =
                    "Lines FOLDER,CLASS that say which of the network's classes, by name or index, a folder of --input is.")
    private Path classMap;

    @Option(
            names = "--only-mapped",
            description =
                    "With --input: leave out all classes that there is no folder of, as ImageNet-A and -R are measured.")
    private boolean onlyMapped;

    @Option(
            names = "--corruptions",
            paramLabel = "NAME",
            split = ",",
            description =
                    "Corruptions, or sets of them: quick, common, …; none without this option. With --corrupted-set those "
                            + "of it that are used.")
    private List<String> corruptions = List.of();

    @Option(
            names = "--severities",
            paramLabel = "S",
            split = ",",
            description = "How strongly, 1 to 5; by default all.")
    private List<Integer> severities = List.of();

    @Option(
            names = "--seed",
            paramLabel = "S",
            defaultValue = "1",
            description = "Seed of the corruptions; default ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--corrupted-set",
            paramLabel = "DIR",
            description =
                    "Corrupted images on disk in the layout of CIFAR-10-C, MNIST-C or ImageNet-C, instead of corrupting "
                            + "the test images.")
    private Path corruptedSet;

    @Option(
            names = "--baseline",
            paramLabel = "RUN",
            description =
                    "Folder of a run or of an evaluation on the same corruptions: CE, mCE and relative mCE beside it.")
    private Path baseline;

    @Option(
            names = "--fgsm",
            paramLabel = "EPSILON",
            split = ",",
            description =
                    "Attack with the fast gradient sign method: how far pixels of 0..1 move, as in 2/255,8/255 or 0.03.")
    private List<String> epsilons = List.of();

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

    @Mixin
    private PreprocessingOptions preprocessing;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Write evaluation.json, report.html and the tables as CSV to this folder.")
    private Path out;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write the errors per corruption and severity here.")
    private Path csv;

    @Option(names = "--json", description = "Print JSON, and no progress.")
    private boolean json;

    /** A set of images, and which of the network's classes count; none for all. */
    private record Images(ImageSet set, List<Integer> candidates, Normalization normalization) {}

    @Override
    @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
    public Integer call() {
        severities.forEach(Corruptions::checkSeverity);
        List<Double> sizes = epsilons.stream().map(EvaluateCommand::epsilon).toList();
        List<Corruption> chosen = corruptedSet == null ? Corruptions.select(corruptions) : List.of();
        Optional<CorruptedSetFolder> onDisk = Optional.ofNullable(corruptedSet).map(CorruptedSetFolder::open);
        if (corruptions.isEmpty() && corruptedSet == null && (csv != null || baseline != null)) {
            throw new UserError((csv != null ? "--csv" : "--baseline")
                    + " needs --corruptions or --corrupted-set: there are no errors per corruption without");
        }
        Optional<Baseline> other = Optional.ofNullable(baseline).map(Baseline::read);
        if (inputs.isEmpty() && (classMap != null || onlyMapped)) {
            throw new UserError((classMap != null ? "--class-map" : "--only-mapped") + " belongs to --input");
        }
        List<Images> all = images();
        if (all.size() > 1 && (csv != null || onDisk.isPresent())) {
            throw new UserError((csv != null ? "--csv" : "--corrupted-set")
                    + " goes with one set of images, but there are " + all.size() + ": "
                    + String.join(
                            ", ", all.stream().map(one -> one.set().name()).toList()));
        }
        WeightsOptions.Loaded loaded = weights.load(all.getFirst().set().channels());
        List<Evaluation> evaluations = new ArrayList<>();
        try (var network = loaded.network();
                Progress progress = json ? Progress.silent() : Progress.create(Progress.Mode.AUTO, System.err)) {
            Precision computed = loaded.computeIn(dtype);
            for (Images images : all) {
                // Images that are decoded on the way take more than one thread.
                int workers = images.set().isOnDemand() ? Runtime.getRuntime().availableProcessors() : 1;
                Evaluator evaluator = new Evaluator(
                        network, Augmentation.none(images.normalization()), batch, workers, loaded.device());
                progress.stage("clean", images.set().size());
                PredictionMetrics clean = evaluator.metrics(images.set(), images.candidates(), progress::stageAdvance);
                progress.stageDone();
                Optional<CorruptionErrors> errors = corruptionErrors(evaluator, images, chosen, onDisk, progress);
                Optional<RelativeErrors> relative =
                        other.flatMap(base -> errors.map(table -> base.against(table, clean.error())));
                Optional<AdversarialErrors> adversarial = Optional.empty();
                if (!sizes.isEmpty()) {
                    progress.stage("fgsm", images.set().size());
                    adversarial = Optional.of(evaluator.fastGradientSign(
                            images.set(), images.normalization(), sizes, progress::stageAdvance));
                    progress.stageDone();
                }
                evaluations.add(new Evaluation(images.set().name(), computed, clean, errors, relative, adversarial));
            }
        }
        if (out != null) {
            write(evaluations, all);
        }
        if (csv != null) {
            UserFile.writeText(
                    csv, evaluations.getFirst().corruptions().orElseThrow().toCsv());
        }
        PrintWriter console = spec.commandLine().getOut();
        if (json) {
            console.print(Evaluation.toJson(evaluations));
        } else {
            evaluations.forEach(evaluation -> print(console, evaluation));
            if (out != null) {
                console.println("report: " + out.resolve("report.html"));
            }
        }
        console.flush();
        return 0;
    }

    private Optional<CorruptionErrors> corruptionErrors(
            Evaluator evaluator,
            Images images,
            List<Corruption> chosen,
            Optional<CorruptedSetFolder> onDisk,
            Progress progress) {
        if (onDisk.isPresent()) {
            CorruptedSetFolder set = onDisk.get();
            List<String> names = named(set);
            int cells = (names.isEmpty() ? set.corruptions() : names).size()
                    * (severities.isEmpty() ? set.severities() : severities).size();
            progress.stage("corruptions", (long) cells * images.set().size());
            CorruptionErrors errors = CorruptionEvaluation.ofFolder(
                    evaluator, set, names, severities, networkClasses(images.set()), subset, progress::stageAdvance);
            progress.stageDone();
            return Optional.of(errors);
        }
        if (chosen.isEmpty()) {
            return Optional.empty();
        }
        List<Integer> strengths = severities.isEmpty()
                ? IntStream.rangeClosed(Corruptions.MILDEST, Corruptions.STRONGEST)
                        .boxed()
                        .toList()
                : severities;
        CorruptionEvaluation evaluation = new CorruptionEvaluation(chosen, strengths, seed, Engine.threads());
        progress.stage("corruptions", evaluation.images(images.set().size()));
        CorruptionErrors errors = evaluation.run(evaluator, images.set(), progress::stageAdvance);
        progress.stageDone();
        return Optional.of(errors);
    }

    // A set on disk may have corruptions that nobody here can make; those are asked for by their names.
    private List<String> named(CorruptedSetFolder set) {
        List<String> names = new ArrayList<>();
        for (String name : corruptions) {
            if (Corruptions.setNames().contains(name)) {
                Corruptions.set(name).stream()
                        .map(Corruption::name)
                        .filter(set.corruptions()::contains)
                        .forEach(names::add);
            } else {
                names.add(name);
            }
        }
        if (names.isEmpty() && !corruptions.isEmpty()) {
            throw new UserError(set.folder() + " has none of " + String.join(", ", corruptions) + "; it has "
                    + String.join(", ", set.corruptions()));
        }
        return names.stream().distinct().toList();
    }

    private List<String> networkClasses(ImageSet clean) {
        return weights.checkpoint()
                .map(Checkpoint::classNames)
                .filter(names -> !names.isEmpty())
                .orElseGet(clean::classNames);
    }

    private List<Images> images() {
        List<Images> all = new ArrayList<>();
        for (String name : datasets) {
            all.add(ofDataSet(new ImagesOfWeights(weights, folder).test(name)));
        }
        for (Path input : inputs) {
            all.add(ofFolder(input));
        }
        if (all.isEmpty()) {
            all.add(ofDataSet(new ImagesOfWeights(weights, folder).test(null)));
        }
        int channels = all.getFirst().set().channels();
        for (Images images : all) {
            if (images.set().channels() != channels) {
                throw new UserError("the images of " + images.set().name() + " have "
                        + images.set().channels()
                        + " channels, those of " + all.getFirst().set().name() + " " + channels
                        + "; one network reads one or the other");
            }
        }
        return all;
    }

    private Images ofDataSet(ImageSet set) {
        Normalization scaling = preprocessing
                .givenNormalization()
                .or(() -> weights.checkpoint().map(Checkpoint::normalization))
                .orElseGet(() -> Normalization.none(set.channels()));
        return new Images(atMost(set), List.of(), scaling);
    }

    private Images ofFolder(Path input) {
        Preprocessing fit = preprocessing.preprocessing(weights);
        int classes = weights.classes();
        List<String> names =
                new ArrayList<>(weights.checkpoint().map(Checkpoint::classNames).orElse(List.of()));
        for (int c = names.size(); c < classes; c++) {
            names.add(Integer.toString(c));
        }
        MappedClassFolder folders = MappedClassFolder.open(input, classMap, names);
        return new Images(
                atMost(folders.images(fit, names, preprocessing.maxPixels())),
                onlyMapped ? folders.candidates() : List.of(),
                preprocessing.normalization(weights, fit));
    }

    private ImageSet atMost(ImageSet images) {
        return subset > 0 && subset < images.size() ? images.first(subset) : images;
    }

    /** A number, or a fraction as in 8/255. */
    private static double epsilon(String text) {
        try {
            String[] parts = text.strip().split("/", -1);
            if (parts.length <= 2) {
                double value = Double.parseDouble(parts[0]) / (parts.length == 2 ? Double.parseDouble(parts[1]) : 1);
                if (value >= 0 && value <= 1) {
                    return value;
                }
            }
        } catch (NumberFormatException e) {
            throw notAnEpsilon(text, e);
        }
        throw notAnEpsilon(text, null);
    }

    private static UserError notAnEpsilon(String text, Throwable cause) {
        return new UserError("--fgsm is " + text + "; expected numbers in 0..1, as in 8/255 or 0.03", cause);
    }

    private void write(List<Evaluation> evaluations, List<Images> all) {
        UserFile.writeText(out.resolve("evaluation.json"), Evaluation.toJson(evaluations));
        for (int i = 0; i < evaluations.size(); i++) {
            Evaluation evaluation = evaluations.get(i);
            String number = evaluations.size() == 1 ? "" : "-" + (i + 1);
            UserFile.writeText(
                    out.resolve("confusion" + number + ".csv"),
                    evaluation.clean().confusion().toCsv());
            UserFile.writeText(
                    out.resolve("reliability" + number + ".csv"),
                    evaluation.clean().reliability().toCsv());
            evaluation
                    .corruptions()
                    .ifPresent(
                            table -> UserFile.writeText(out.resolve("corruptions" + number + ".csv"), table.toCsv()));
        }
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("Hornbeam", Version.CURRENT);
        facts.put(
                "Command", String.join(" ", spec.commandLine().getParseResult().originalArgs()));
        facts.put("Weights", weights.file().toString());
        facts.put("Network", weights.requiredModelName());
        facts.put("Computed in", evaluations.getFirst().dtype().toString());
        facts.put("Instruction tier", Engine.tier());
        for (Images images : all) {
            images.set()
                    .sources()
                    .forEach(source -> facts.put("SHA-256 of " + source.path().getFileName(), source.sha256()));
        }
        EvaluationReport.write(
                out.resolve("report.html"), "Evaluation of " + weights.requiredModelName(), evaluations, facts);
    }

    private static void print(PrintWriter console, Evaluation evaluation) {
        PredictionMetrics clean = evaluation.clean();
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT,
                "%s: %d images, accuracy %.2f %%, ",
                evaluation.data(),
                clean.images(),
                100 * clean.accuracy()));
        int k = clean.topK().size();
        if (k > 1) {
            line.append(String.format(
                    Locale.ROOT, "top-%d %.2f %%, ", k, 100 * clean.topK().getLast()));
        }
        line.append(String.format(
                Locale.ROOT, "loss %.4f, calibration error %.2f %%", clean.loss(), 100 * clean.calibrationError()));
        console.println(line);
        evaluation.corruptions().ifPresent(table -> {
            console.print(table.toText());
            console.println("the mean is over " + table.averaged() + ", not normalised");
        });
        evaluation.relative().ifPresent(relative -> {
            TextTable table = new TextTable(1).row("beside " + relative.baseline() + ", %", "CE", "relative CE");
            relative.errors()
                    .forEach((corruption, ce) -> table.row(
                            corruption, ratio(ce), ratio(relative.relative().get(corruption))));
            table.row("mean (mCE, relative mCE)", ratio(relative.mean()), ratio(relative.relativeMean()));
            console.print(table);
        });
        evaluation.adversarial().ifPresent(errors -> {
            TextTable table = new TextTable(1).row("fgsm, epsilon", "error %", "loss");
            for (int i = 0; i < errors.epsilons().size(); i++) {
                table.row(
                        EvaluationReport.epsilon(errors.epsilons().get(i)),
                        String.format(Locale.ROOT, "%.2f", 100 * errors.errors().get(i)),
                        String.format(Locale.ROOT, "%.4f", errors.losses().get(i)));
            }
            console.print(table);
        });
    }

    private static String ratio(double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%.1f", 100 * value) : "–";
    }
}
