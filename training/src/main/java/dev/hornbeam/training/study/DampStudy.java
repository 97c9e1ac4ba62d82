package dev.hornbeam.training.study;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npz;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.data.DataSet;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.run.Recipes;
import dev.hornbeam.training.run.ReportData;
import dev.hornbeam.training.run.RunConfig;
import dev.hornbeam.training.run.RunFolder;
import dev.hornbeam.training.run.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The DAMP study: one network by SGD, DAMP, DAAP, SAM and ASAM, tested on corrupted images.
 *
 * <p>First the number of each method, sigma or rho, is chosen: every value of its grid is trained once, on nine tenths of the
 * training images and for fewer epochs, and the one with the smallest error on the tenth that was held out (of every class the
 * same share, drawn by the seed 0) is taken, the first of several. Corrupted images have no part in it. Then every method
 * is trained with each seed on the training images and tested.
 *
 * <p>Every run has a folder below {@code out}, {@code search/...} or {@code runs/...}. A study that is started again in the
 * same folder takes the finished runs as they are and goes on with one that was stopped.
 */
public final class DampStudy {
    private static final double HELD_OUT = 0.1;

    /**
     * What is studied.
     *
     * @param recipe data, network and schedule; its method is replaced
     * @param overrides settings of all runs, over those of the recipe
     * @param methods what is compared; SGD is always part of it
     * @param grids values to choose from; a single one is taken without a search
     * @param subBatches of DAMP and DAAP
     * @param seeds of the final runs, at least one; the search uses the first
     * @param epochs of a final run
     * @param searchEpochs of a run of the search
     * @param corruptions names or groups, all at five severities
     */
    public record Plan(
            String recipe,
            Map<String, String> overrides,
            List<StudyMethod> methods,
            Map<StudyMethod, List<Double>> grids,
            int subBatches,
            List<Long> seeds,
            int epochs,
            int searchEpochs,
            List<String> corruptions) {}

    /**
     * What came out.
     *
     * @param search runs of the search
     * @param chosen the value of each method that was searched or given
     * @param runs the final runs
     */
    public record Result(List<StudyRun> search, Map<StudyMethod, Double> chosen, List<StudyRun> runs) {}

    /** A run that is to be made. */
    private record Job(
            StudyMethod method, double value, long seed, RunConfig config, Path folder, double work, boolean search) {
        String title() {
            String number = method == StudyMethod.SGD ? "" : " " + method.parameter() + " " + DampStudy.number(value);
            return (search ? "search " : "") + method + number + ", seed " + seed;
        }
    }

    private final Plan plan;
    private final Path out;
    private final Progress progress;
    private final List<String> command;
    private final Function<TrainingRun, Optional<ReportData.Run>> runner;
    private final Consumer<String> console;
    private double workDone;
    private double workLeft;
    private double secondsWorked;

    /**
     * Prepares a study; nothing is written before {@link #run}.
     *
     * @param out folder of the study
     * @param command arguments of the command line, for the provenance of the runs
     * @param runner runs one training run; empty if it was stopped
     * @param console takes a line on every run
     */
    public DampStudy(
            Plan plan,
            Path out,
            Progress progress,
            List<String> command,
            Function<TrainingRun, Optional<ReportData.Run>> runner,
            Consumer<String> console) {
        this.plan = plan;
        this.out = out;
        this.progress = progress;
        this.command = command;
        this.runner = runner;
        this.console = console;
    }

    /**
     * Makes all runs that are not there yet.
     *
     * @throws UserError if a run cannot be made, or was stopped; the same call again goes on
     */
    public Result run() {
        List<StudyMethod> searched =
                plan.methods().stream().filter(this::isSearched).toList();
        List<Job> search = new ArrayList<>();
        if (!searched.isEmpty()) {
            Path held = holdOut();
            for (StudyMethod method : searched) {
                for (double value : plan.grids().get(method)) {
                    search.add(searchJob(method, value, held));
                }
            }
        }
        // The values are not known yet, but the time does not depend on them.
        double finals = 0;
        for (StudyMethod method : plan.methods()) {
            for (long seed : plan.seeds()) {
                Job job = finalJob(method, 0, seed);
                finals += isFinished(job) ? 0 : job.work();
            }
        }
        workLeft = finals;
        for (Job job : search) {
            workLeft += isFinished(job) ? 0 : job.work();
        }
        int total = search.size() + plan.methods().size() * plan.seeds().size();
        List<StudyRun> searchRuns = new ArrayList<>();
        for (Job job : search) {
            searchRuns.add(finish(job, searchRuns.size() + 1, total));
        }
        Map<StudyMethod, Double> chosen = choose(searchRuns);
        chosen.forEach((method, value) -> {
            if (searched.contains(method)) {
                console.accept("chosen: " + method + " " + method.parameter() + " " + number(value));
            }
        });
        List<StudyRun> runs = new ArrayList<>();
        for (long seed : plan.seeds()) {
            for (StudyMethod method : plan.methods()) {
                Job job = finalJob(method, chosen.getOrDefault(method, Double.NaN), seed);
                runs.add(finish(job, search.size() + runs.size() + 1, total));
            }
        }
        return new Result(searchRuns, chosen, runs);
    }

    private boolean isSearched(StudyMethod method) {
        return method != StudyMethod.SGD && plan.grids().get(method).size() > 1;
    }

    private Map<StudyMethod, Double> choose(List<StudyRun> search) {
        Map<StudyMethod, Double> chosen = new LinkedHashMap<>();
        for (StudyMethod method : plan.methods()) {
            if (method != StudyMethod.SGD) {
                chosen.put(method, plan.grids().get(method).getFirst());
            }
        }
        Map<StudyMethod, Double> best = new LinkedHashMap<>();
        for (StudyRun run : search) {
            if (run.error() < best.getOrDefault(run.method(), Double.POSITIVE_INFINITY)) {
                best.put(run.method(), run.error());
                chosen.put(run.method(), run.value());
            }
        }
        return chosen;
    }

    // ------------------------------------------------------------------------------------------------------ one run

    private Job searchJob(StudyMethod method, double value, Path held) {
        Map<String, String> settings = settings(method, value, plan.seeds().getFirst());
        settings.put("name", "'search " + method.key() + " " + number(value) + "'");
        settings.put("epochs", Integer.toString(plan.searchEpochs()));
        settings.put("data.name", quoted(held));
        settings.put("data.test", "null");
        settings.put("data.test_subset", "0");
        settings.put("evaluation.every", "0");
        settings.put("evaluation.corruptions", "none");
        return job(method, value, settings, out.resolve("search/" + method.key() + "-" + number(value)), true);
    }

    private Job finalJob(StudyMethod method, double value, long seed) {
        Map<String, String> settings = settings(method, value, seed);
        settings.put("name", "'" + method.key() + " seed " + seed + "'");
        settings.put("epochs", Integer.toString(plan.epochs()));
        settings.put("evaluation.every", "0");
        settings.put("evaluation.corruptions", plan.corruptions().toString());
        return job(method, value, settings, out.resolve("runs/" + method.key() + "-" + seed), false);
    }

    private Map<String, String> settings(StudyMethod method, double value, long seed) {
        Map<String, String> settings = new LinkedHashMap<>(plan.overrides());
        settings.putAll(method.settings(value, plan.subBatches()));
        settings.put("seed", Long.toString(seed));
        return settings;
    }

    private Job job(StudyMethod method, double value, Map<String, String> settings, Path folder, boolean search) {
        RunConfig config = Recipes.load(plan.recipe(), settings);
        // A test image takes about a quarter of the time of a training image, and there are as many kinds of tests as
        // corruptions times severities; how many images there are hardly matters for what is left.
        double images =
                config.data().trainSubset() == 0 ? 60_000 : config.data().trainSubset();
        double tested = search || config.evaluation().corruptions().isEmpty()
                ? 0
                : 19.0
                        * 5
                        * (config.data().testSubset() == 0
                                ? 10_000
                                : config.data().testSubset());
        double work = config.epochs() * images * method.cost() + tested / 3;
        return new Job(
                method, method == StudyMethod.SGD ? Double.NaN : value, config.seed(), config, folder, work, search);
    }

    private static boolean isFinished(Job job) {
        return Files.isRegularFile(new RunFolder(job.folder()).summary());
    }

    private StudyRun finish(Job job, int number, int total) {
        RunFolder folder = new RunFolder(job.folder());
        String place = "[" + number + "/" + total + "] " + job.title() + ": ";
        if (TrainingRun.isResumable(job.folder())
                && !RunConfig.load(folder.config()).toYaml().equals(job.config().toYaml())) {
            throw new UserError(job.folder() + " holds a run with other settings (see its config.yaml); choose another"
                    + " folder with --out, or delete that one");
        }
        boolean there = isFinished(job);
        if (!there) {
            long start = System.nanoTime();
            TrainingRun run = TrainingRun.isResumable(job.folder())
                    ? TrainingRun.resume(job.folder(), progress, command)
                    : TrainingRun.create(job.config(), job.folder(), progress, command);
            if (runner.apply(run).isEmpty()) {
                throw new UserError("stopped before the end; the same command again goes on where it was");
            }
            secondsWorked += (System.nanoTime() - start) / 1e9;
            workDone += job.work();
            workLeft -= job.work();
        }
        StudyRun result = StudyRun.read(job.method(), job.value(), job.seed(), folder.summary());
        String errors = String.format(Locale.ROOT, "error %.2f %%", 100 * result.error())
                + result.corruptions()
                        .map(table -> String.format(Locale.ROOT, ", corrupted %.2f %%", 100 * table.mean()))
                        .orElse("");
        console.accept(place + errors + (there ? ", was there" : left()));
        return result;
    }

    private String left() {
        if (workLeft <= 0) {
            return "";
        }
        return "; about " + clock(secondsWorked / workDone * workLeft) + " left";
    }

    private static String clock(double seconds) {
        long minutes = Duration.ofSeconds(Math.round(seconds)).toMinutes() + 1;
        return minutes < 60 ? minutes + " min" : minutes / 60 + " h " + minutes % 60 + " min";
    }

    // ---------------------------------------------------------------------------------------------------- held out

    // An .npz file whose test images are a tenth of the training images, and whose training images are the others.
    private Path holdOut() {
        Path file = out.resolve("held-out.npz");
        if (Files.isRegularFile(file)) {
            return file;
        }
        RunConfig config = Recipes.load(plan.recipe(), plan.overrides());
        DataSet data = DataSetCatalog.of(config.data().folder().map(Path::of).orElse(null), System.getenv())
                .load(config.data().name());
        if (!data.hasTrain()) {
            throw new UserError(config.data().name() + ": has no training images to hold some out of");
        }
        ImageSet.Division parts = data.train().stratifiedSplit(HELD_OUT, 0);
        Map<String, HostArray> arrays = new LinkedHashMap<>();
        put(arrays, "train", parts.remaining());
        put(arrays, "test", parts.heldOut());
        try {
            Files.createDirectories(out);
            Npz.write(file, arrays, false);
        } catch (IOException e) {
            throw UserError.cannotWrite(file, e);
        }
        return file;
    }

    private static void put(Map<String, HostArray> arrays, String part, ImageSet set) {
        byte[] pixels = new byte[Math.multiplyExact(set.size(), set.imageLength())];
        for (int i = 0; i < set.size(); i++) {
            set.copyImage(i, pixels, i * set.imageLength());
        }
        arrays.put(part + "_images", HostArray.wrap(pixels, set.size(), set.height(), set.width(), set.channels()));
        arrays.put(part + "_labels", HostArray.of(set.labels(), set.size()));
    }

    private static String quoted(Path file) {
        return "'" + file.toString().replace("'", "''") + "'";
    }

    /** A number as short as it can be written. */
    static String number(double value) {
        return value == Math.rint(value) ? Long.toString(Math.round(value)) : Double.toString(value);
    }

    /** Writes the write-up: {@code study.md} and {@code study.json} in the study's folder. */
    public void write(Result result) {
        StudyReport report = new StudyReport(plan, result);
        UserFile.writeText(out.resolve("study.md"), report.markdown());
        UserFile.writeText(out.resolve("study.json"), report.json());
    }
}
