package dev.hornbeam.training.run;

import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.models.weights.Fit;
import dev.hornbeam.nn.Module;
import dev.hornbeam.optim.Optimizer;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.BatchLoader;
import dev.hornbeam.training.data.DataSelection;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.CorruptionEvaluation;
import dev.hornbeam.training.evaluation.Evaluator;
import dev.hornbeam.training.evaluation.PredictionMetrics;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.noise.NoisySet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * One training run from its configuration to its report, in a folder of its own.
 *
 * <p>The folder gets {@code config.yaml}, {@code metrics.jsonl}, {@code metrics.csv}, {@code checkpoints/}, and at the end {@code summary.json}
 * and {@code report.html}. A run that was stopped goes on with {@link #resume}, to the same bits as one that was not.
 */
public final class TrainingRun {
    private static final String VALIDATION = "validation";

    /** The extra column of an epoch that has the accuracy on the validation images. */
    static final String VALIDATION_ACCURACY = VALIDATION + "_accuracy";

    private final RunConfig config;
    private final RunFolder folder;
    private final boolean resumed;
    private final Progress progress;
    private final List<String> command;
    private final List<TrainingListener> listeners = new ArrayList<>();
    // Held from when the folder is there until the report is written.
    private RunLock lock;
    // Null where TensorBoard is not asked for.
    private TensorBoardLog board;
    private StepProfiler profiler = StepProfiler.none();
    private volatile boolean stopRequested;
    private volatile Runnable stop = () -> {};

    private TrainingRun(RunConfig config, RunFolder folder, boolean resumed, Progress progress, List<String> command) {
        this.config = config;
        this.folder = folder;
        this.resumed = resumed;
        this.progress = progress;
        this.command = List.copyOf(command);
    }

    /**
     * Prepares a new run; nothing is written before {@link #run}.
     *
     * @param out folder of the run
     * @param command arguments of the command line, for the provenance
     */
    public static TrainingRun create(RunConfig config, Path out, Progress progress, List<String> command) {
        return new TrainingRun(config, new RunFolder(out), false, progress, command);
    }

    /**
     * Prepares to go on with the run in a folder, at its latest checkpoint.
     *
     * @throws UserError if there is no run in it
     */
    public static TrainingRun resume(Path out, Progress progress, List<String> command) {
        RunFolder folder = RunFolder.open(out);
        return new TrainingRun(RunConfig.load(folder.config()), folder, true, progress, command);
    }

    /** Adds a listener to the training loop, after this run's own. */
    public TrainingRun listen(TrainingListener listener) {
        listeners.add(listener);
        return this;
    }

    /** Takes the profile of some steps with {@code newProfiler}, which stays the caller's to close. */
    public TrainingRun profileWith(StepProfiler newProfiler) {
        profiler = newProfiler;
        return this;
    }

    /** Makes {@link #run} write a checkpoint and return after the step in progress. Any thread may call it. */
    public void requestStop() {
        stopRequested = true;
        stop.run();
    }

    /** The run's configuration. */
    public RunConfig config() {
        return config;
    }

    /**
     * Trains, tests and reports.
     *
     * @return what a report shows of this run; empty if it was stopped by {@link #requestStop}, after a last checkpoint
     * @throws UserError if the configuration does not fit the data, something cannot be read or written, or training diverges
     */
    public Optional<ReportData.Run> run() {
        try {
            return runHoldingFolder();
        } finally {
            if (lock != null) {
                lock.close();
                lock = null;
            }
            if (board != null) {
                board.close();
                board = null;
            }
        }
    }

    private Optional<ReportData.Run> runHoldingFolder() {
        Instant started = Instant.now();
        Engine.setThreads(config.threads());
        Engine.setExact(config.exact());
        List<Device> devices = TrainingParts.devices(config.device());
        Device device = devices.getFirst();
        TrainingParts.subBatchesOfReplica(config.method(), devices.size());
        // What can be refused is refused before anything is written.
        List<dev.hornbeam.training.corruption.Corruption> corruptions =
                Corruptions.select(config.evaluation().corruptions());
        DataSelection.Parts data = config.data().load(System.getenv());
        ImageSet train = data.train();
        boolean testsHeldOut = config.evaluation().part() == EvaluationConfig.Part.VALIDATION;
        ImageSet test = testsHeldOut
                ? data.validation()
                        .orElseThrow(() -> new UserError("evaluation.part is validation, but no images are held out;"
                                + " add data.split.validation, as in {kind: fraction, share: 0.1}"))
                : data.test();
        Optional<ImageSet> validation = testsHeldOut ? Optional.empty() : data.validation();
        checkAlike(train, test);
        Normalization normalization = TrainingParts.normalization(config.data().normalize(), train);
        // From here on the images are those that are trained on, with what is wrong with them on purpose.
        SpoiledImages spoiled = SpoiledImages.of(
                config, resumed ? Optional.of(folder) : Optional.empty(), train, validation, device, progress);
        train = spoiled.train();
        int classes = config.model().classes().orElse(train.classes());
        if (classes < train.classes()) {
            throw new UserError("model.classes is " + classes + ", but " + train.name() + " has " + train.classes()
                    + " classes; leave it out or raise it");
        }
        ModelSpec spec = new ModelSpec(
                train.channels(),
                classes,
                config.model().width(),
                config.model().zeroInitResidual(),
                config.model().dropRate(),
                config.model().dropPath(),
                train.height() == train.width() ? OptionalInt.of(train.height()) : OptionalInt.empty());
        try (Module model = TrainingParts.model(config.model().name(), spec, config.seed())) {
            config.dtype().applyTo(model);
            model.setActivationCheckpointing(config.model().activationCheckpointing());
            // A run that goes on has its weights from its checkpoint.
            if (!resumed || new CheckpointFolder(folder.checkpoints()).latest().isEmpty()) {
                config.model().init().ifPresent(file -> start(model, file));
            }
            model.to(device);
            // Each sub-batch with statistics of its own, or all together.
            model.setStatisticsGroups(TrainingParts.statisticsGroups(config.method(), model, devices.size()));
            TrainingLoop.Method method =
                    TrainingParts.method(config.method(), normalization, config.seed(), 0, devices.size());
            try (WeightPerturbation _ = method.weights();
                    OtherReplicas others = otherReplicas(devices, spec, normalization);
                    Optimizer optimizer = TrainingParts.optimizer(config.optimizer(), model.namedParameters());
                    BatchLoader loader = loader(train, normalization, classes)) {
                TrainingLoop loop = new TrainingLoop(
                        model,
                        loader,
                        method,
                        optimizer,
                        TrainingParts.schedule(
                                config.schedule(), config.optimizer().lr(), config.epochs(), loader.batchesPerEpoch()),
                        config.optimizer().clip(),
                        config.epochs(),
                        config.seed(),
                        device);
                loop.alsoOn(others.all(), TrainingParts.averagesEveryPass(config.method()));
                requireShares(train, devices);
                Evaluator evaluator = new Evaluator(
                        model,
                        Augmentation.none(normalization),
                        config.evaluation().batch(),
                        config.data().workers(),
                        device);
                if (!train(loop, loader, evaluator, spoiled, validation, test, normalization)) {
                    return Optional.empty();
                }
                PredictionMetrics metrics = metrics(evaluator, test);
                Optional<CorruptionErrors> errors = corruptions.isEmpty()
                        ? Optional.empty()
                        : Optional.of(corruptionErrors(evaluator, test, corruptions));
                Optional<SeverityResults> severities =
                        spoiled.mixture().map(mixture -> mixture.test(evaluator, test, Engine.threads(), progress));
                return Optional.of(report(errors, severities, metrics, device, started, spoiled, test));
            }
        }
    }

    /** Replicas 1, 2, … of the network, which follow the first one. */
    private record OtherReplicas(List<TrainingLoop.Replica> all) implements AutoCloseable {
        @Override
        public void close() {
            all.forEach(TrainingLoop.Replica::close);
        }
    }

    private OtherReplicas otherReplicas(List<Device> devices, ModelSpec spec, Normalization normalization) {
        OtherReplicas others = new OtherReplicas(new ArrayList<>());
        for (int r = 1; r < devices.size(); r++) {
            Module model = TrainingParts.model(config.model().name(), spec, config.seed());
            config.dtype().applyTo(model);
            model.setActivationCheckpointing(config.model().activationCheckpointing());
            model.to(devices.get(r));
            model.setStatisticsGroups(TrainingParts.statisticsGroups(config.method(), model, devices.size()));
            others.all()
                    .add(new TrainingLoop.Replica(
                            model,
                            TrainingParts.method(config.method(), normalization, config.seed(), r, devices.size()),
                            TrainingParts.optimizer(config.optimizer(), model.namedParameters()),
                            devices.get(r),
                            r));
        }
        return others;
    }

    // Every device has at least one image of every batch.
    private void requireShares(ImageSet train, List<Device> devices) {
        int last = config.data().dropLast() ? 0 : train.size() % config.data().batch();
        int smallest = last == 0 ? config.data().batch() : last;
        if (smallest < devices.size()) {
            throw new UserError((last == 0 ? "batches have " : "the last batch of an epoch has ") + smallest
                    + (smallest == 1 ? " image" : " images") + ", too few for " + devices.size()
                    + " devices; change data.batch" + (last == 0 ? "" : ", or set data.drop_last"));
        }
    }

    private void start(Module model, String file) {
        Fit fit = config.model().initPartial() ? Fit.PARTIAL : Fit.NEW_HEAD;
        try {
            progress.line("init " + file + ": " + Checkpoint.loadWeights(Path.of(file), model, fit));
        } catch (UserError e) {
            throw fit == Fit.PARTIAL || !(e.getCause() instanceof TensorFileException)
                    ? e
                    : new UserError(e.getMessage() + " (--init-partial takes what fits)", e);
        }
    }

    private static void checkAlike(ImageSet train, ImageSet test) {
        if (train.channels() != test.channels()) {
            throw new UserError("training images of " + train.name() + " have " + train.channels()
                    + " channels but test images of " + test.name() + " have " + test.channels());
        }
        if (test.classes() > train.classes()) {
            throw new UserError("test images of " + test.name() + " have " + test.classes()
                    + " classes but training images of " + train.name() + " only " + train.classes());
        }
    }

    private BatchLoader loader(ImageSet train, Normalization normalization, int classes) {
        BatchLoader.Builder builder = BatchLoader.of(
                        train, TrainingParts.augmentation(config.data().augment(), normalization, config.seed()))
                .batchSize(config.data().batch())
                .shuffle(config.seed())
                .workers(config.data().workers())
                .prefetch(config.data().prefetch());
        TrainingParts.mixing(config.data().augment(), classes, config.seed()).ifPresent(builder::mixing);
        return (config.data().dropLast() ? builder.dropLast() : builder).open();
    }

    private boolean train(
            TrainingLoop loop,
            BatchLoader loader,
            Evaluator evaluator,
            SpoiledImages spoiled,
            Optional<ImageSet> validation,
            ImageSet test,
            Normalization normalization) {
        ImageSet train = spoiled.train();
        CheckpointFolder checkpoints = new CheckpointFolder(folder.checkpoints());
        if (!resumed) {
            RunFolder.create(folder.path());
        }
        lock = RunLock.take(folder);
        if (resumed) {
            Path latest = checkpoints.latest().orElse(null);
            if (latest != null) {
                checkSameData(latest, train);
                Checkpoint.restore(latest, loop);
            }
        } else {
            spoiled.write(folder.noise(), folder.mixture());
            config.save(folder.config());
        }
        if (config.log().tensorboard()) {
            long done = loop.position().step();
            board = TensorBoardLog.open(folder, done, config.log().every());
            if (done == 0) {
                board.images(
                        train,
                        TrainingParts.augmentation(config.data().augment(), normalization, config.seed()),
                        normalization);
            }
        }
        progress.line(startLine(train, test, loop));
        spoiled.lines().forEach(progress::line);
        Map<String, List<ImageSet>> sets = new LinkedHashMap<>();
        validation.ifPresent(images -> sets.put(VALIDATION, List.of(images)));
        sets.putAll(NoiseSets.of(config, spoiled, test, loop.device(), progress));
        long imagesPerEpoch = config.data().dropLast()
                ? (long) loader.batchesPerEpoch() * config.data().batch()
                : train.size();
        try (MetricsLog metrics = MetricsLog.resume(folder, loop.position().step(), NoiseSets.columns(sets))) {
            progress.start(config.name(), loop.position().epoch(), config.epochs(), imagesPerEpoch);
            loop.testWith(config.evaluation().every(), () -> {
                progress.stage("test", test.size());
                Evaluator.Result result = evaluator.evaluate(test, progress::stageAdvance);
                progress.stageDone();
                return result;
            });
            loop.measureWith(NoiseSets.columns(sets), () -> NoiseSets.measure(sets, evaluator, progress));
            loop.listen(new TrainingListener() {
                @Override
                public void stepDone(StepRow row, int images) {
                    TrainingLoop.Position at = loop.position();
                    progress.batch(images, at.lossSum() / at.images(), (double) at.correct() / at.images());
                    if (config.log().every() > 0 && row.step() % config.log().every() == 0) {
                        metrics.step(row);
                    }
                }

                @Override
                public void epochDone(EpochRow row) {
                    metrics.epoch(row);
                    progress.epochDone(row);
                }

                @Override
                public void savePoint(TrainingLoop at, boolean endOfEpoch) {
                    int every = config.checkpoint().every();
                    int epoch = at.position().epoch();
                    boolean due = endOfEpoch && (epoch == config.epochs() || (every > 0 && epoch % every == 0));
                    if (due || at.isStopRequested()) {
                        checkpoint(at, train, normalization)
                                .write(checkpoints.file(at.position().step()), at);
                        checkpoints.keep(config.checkpoint().keep());
                    }
                }
            });
            if (board != null) {
                loop.listen(board);
            }
            listeners.forEach(loop::listen);
            loop.profileWith(profiler);
            stop = loop::requestStop;
            if (stopRequested) {
                loop.requestStop();
            }
            return loop.run();
        }
    }

    private void checkSameData(Path file, ImageSet train) {
        Checkpoint checkpoint = Checkpoint.read(file);
        if (!checkpoint.dataChecksum().equals(train.checksum())) {
            throw new UserError("the training images of " + train.name() + " are not those that " + folder.path()
                    + " was trained on: their checksum is " + train.checksum() + ", that of the run "
                    + checkpoint.dataChecksum());
        }
    }

    private Checkpoint checkpoint(TrainingLoop loop, ImageSet train, Normalization normalization) {
        return new Checkpoint(
                config.model().name(),
                train.channels(),
                train.height(),
                train.width(),
                train.classNames(),
                config.model().classes().orElse(train.classes()),
                config.model().width(),
                config.dtype(),
                normalization,
                Preprocessing.of(train.height(), train.width(), train.channels()),
                loop.position(),
                loop.optimizer().steps(),
                config.toYaml(),
                train.checksum());
    }

    private String startLine(ImageSet train, ImageSet test, TrainingLoop loop) {
        String from = loop.position().step() == 0
                ? ""
                : ", from step " + loop.position().step();
        return config.name() + ": " + config.model().name() + " ("
                + loop.model().parameterCount() + " parameters) on "
                + train.name() + " (" + train.size() + " + " + test.size() + " images), device " + config.device()
                + ", tier "
                + Engine.tier() + ", " + config.dtype() + ", " + Engine.threads() + " threads, Hornbeam "
                + Version.CURRENT + from;
    }

    private CorruptionErrors corruptionErrors(
            Evaluator evaluator, ImageSet test, List<dev.hornbeam.training.corruption.Corruption> corruptions) {
        CorruptionEvaluation evaluation = new CorruptionEvaluation(
                corruptions, config.evaluation().severities(), config.seed(), Engine.threads());
        progress.stage("corruptions", evaluation.images(test.size()));
        CorruptionErrors errors = evaluation.run(evaluator, test, progress::stageAdvance);
        progress.stageDone();
        return errors;
    }

    private PredictionMetrics metrics(Evaluator evaluator, ImageSet test) {
        progress.stage("calibration", test.size());
        PredictionMetrics metrics = evaluator.metrics(test, List.of(), progress::stageAdvance);
        progress.stageDone();
        return metrics;
    }

    private ReportData.Run report(
            Optional<CorruptionErrors> errors,
            Optional<SeverityResults> severities,
            PredictionMetrics metrics,
            Device device,
            Instant started,
            SpoiledImages spoiled,
            ImageSet test) {
        List<EpochRow> epochs = MetricsLog.readEpochs(folder.metricsJsonl());
        EpochRow last = epochs.getLast();
        double seconds = epochs.stream().mapToDouble(EpochRow::seconds).sum();
        double rate =
                epochs.stream().mapToDouble(EpochRow::imagesPerSecond).average().orElse(Double.NaN);
        RunResults results = new RunResults(
                last.testAccuracy(),
                last.testLoss(),
                last.trainAccuracy(),
                last.trainLoss(),
                seconds,
                rate,
                errors,
                Optional.of(metrics),
                extra(last, spoiled, severities));
        Map<String, String> sums = new TreeMap<>();
        Stream.concat(spoiled.train().sources().stream(), test.sources().stream())
                .forEach(source -> sums.put(source.path().getFileName().toString(), source.sha256()));
        Provenance provenance = Provenance.of(
                config,
                command,
                device.toString(),
                Engine.tier(),
                Engine.threads(),
                sums,
                started,
                Duration.between(started, Instant.now()));
        if (board != null) {
            board.results(last.step(), metrics, errors);
        }
        RunSummary summary = new RunSummary(
                config.name(), results, provenance, spoiled.noise().map(NoisySet::summary));
        summary.write(folder.summary());
        severities.ifPresent(table -> UserFile.writeText(folder.severities(), table.toCsv()));
        errors.ifPresent(table -> UserFile.writeText(folder.corruptions(), table.toCsv()));
        UserFile.writeText(folder.confusion(), metrics.confusion().toCsv());
        UserFile.writeText(folder.reliability(), metrics.reliability().toCsv());
        ReportData.Run run = ReportData.Run.of(config.name(), summary, config, epochs);
        Report.write(folder.report(), new ReportData(config.name(), config.description(), List.of(run)));
        return run;
    }

    private static Map<String, Double> extra(
            EpochRow last, SpoiledImages spoiled, Optional<SeverityResults> severities) {
        Map<String, Double> extra = new LinkedHashMap<>(last.extra());
        spoiled.noise()
                .ifPresent(
                        noise -> extra.put("label_error_rate", noise.summary().errorRate()));
        severities.ifPresent(table -> extra.putAll(table.numbers()));
        return extra;
    }

    /** Whether the folder holds a run that can be resumed. */
    public static boolean isResumable(Path out) {
        return Files.isRegularFile(new RunFolder(out).config());
    }
}
