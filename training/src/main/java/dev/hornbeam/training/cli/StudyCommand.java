package dev.hornbeam.training.cli;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.study.DampStudy;
import dev.hornbeam.training.study.StudyMethod;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.LongStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hornbeam study}: many runs that answer one question. */
@Command(
        name = "study",
        description = "Carries out a study: many training runs, and one table of what came out.",
        subcommands = StudyCommand.Damp.class)
final class StudyCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say which study: damp");
    }

    /** {@code hornbeam study damp}. */
    @Command(
            name = "damp",
            description = {
                "Trains one network by SGD, DAMP, DAAP, SAM and ASAM with several seeds and compares them on corrupted images.",
                "Sigma and rho are chosen on held-out training images first. Writes study.md and study.json to the --out folder, "
                        + "and each run to a folder of its own below it. The same command again takes finished runs as they are "
                        + "and goes on with one that was stopped. As it stands it takes some two and a half hours on two cores."
            })
    static final class Damp implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Option(names = "--out", paramLabel = "DIR", required = true, description = "Folder of the study.")
        private Path out;

        @Option(
                names = "--recipe",
                paramLabel = "NAME|FILE",
                defaultValue = "sgd/fashion-mnist-resnet20-small",
                description = "Data, network and schedule of all runs; default ${DEFAULT-VALUE}.")
        private String recipe;

        @Option(
                names = "--methods",
                paramLabel = "METHOD",
                split = ",",
                description = "What to compare with SGD: damp, daap, sam, asam; all if not given.")
        private List<StudyMethod> methods =
                List.of(StudyMethod.DAMP, StudyMethod.DAAP, StudyMethod.SAM, StudyMethod.ASAM);

        @Option(
                names = "--seeds",
                paramLabel = "N",
                defaultValue = "3",
                description = "Final runs of each method, with the seeds 1 to N; default ${DEFAULT-VALUE}.")
        private int seeds;

        @Option(
                names = "--epochs",
                paramLabel = "E",
                defaultValue = "15",
                description = "Epochs of a final run; default ${DEFAULT-VALUE}.")
        private int epochs;

        @Option(
                names = "--search-epochs",
                paramLabel = "E",
                defaultValue = "6",
                description = "Epochs of a run of the search; default ${DEFAULT-VALUE}.")
        private int searchEpochs;

        @Option(
                names = "--train-subset",
                paramLabel = "N",
                defaultValue = "20000",
                description = "Train on the first N images; 0 takes all; default ${DEFAULT-VALUE}.")
        private int trainSubset;

        @Option(
                names = "--test-subset",
                paramLabel = "N",
                defaultValue = "2000",
                description = "Test on the first N images; 0 takes all; default ${DEFAULT-VALUE}.")
        private int testSubset;

        @Option(
                names = "--corruptions",
                paramLabel = "NAME",
                split = ",",
                description = "Corruptions or groups of them, at five severities; common,extra if not given.")
        private List<String> corruptions = List.of("common", "extra");

        @Option(
                names = "--sub-batches",
                paramLabel = "M",
                defaultValue = "8",
                description = "Sub-batches of DAMP and DAAP; default ${DEFAULT-VALUE}.")
        private int subBatches;

        @Option(names = "--damp-sigma", paramLabel = "S", split = ",", description = "To choose from; 0.1,0.2,0.3.")
        private List<Double> dampSigma = StudyMethod.DAMP.grid();

        @Option(names = "--daap-sigma", paramLabel = "S", split = ",", description = "To choose from; 0.005,0.01,0.02.")
        private List<Double> daapSigma = StudyMethod.DAAP.grid();

        @Option(names = "--sam-rho", paramLabel = "R", split = ",", description = "To choose from; 0.02,0.05,0.1.")
        private List<Double> samRho = StudyMethod.SAM.grid();

        @Option(names = "--asam-rho", paramLabel = "R", split = ",", description = "To choose from; 0.5,1,2.")
        private List<Double> asamRho = StudyMethod.ASAM.grid();

        @Option(
                names = "--threads",
                paramLabel = "N",
                defaultValue = "0",
                description = "Threads of the engine; 0, the default, takes all cores.")
        private int threads;

        @Option(names = "--data", paramLabel = "DIR", description = "Folder that the data set lies in.")
        private Path data;

        @Option(
                names = "--set",
                paramLabel = "KEY=VALUE",
                description = "Change a setting of all runs; may be repeated.")
        private Map<String, String> settings = new LinkedHashMap<>();

        @Override
        @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
        public Integer call() {
            atLeast("--seeds", seeds, 1);
            atLeast("--train-subset", trainSubset, 0);
            atLeast("--test-subset", testSubset, 0);
            PrintWriter console = spec.commandLine().getOut();
            try (Progress progress = Progress.create(Progress.Mode.AUTO, System.err)) {
                List<String> command = spec.commandLine().getParseResult().originalArgs();
                DampStudy study = new DampStudy(plan(), out, progress, command, Interruption::during, line -> {
                    progress.pause();
                    console.println(line);
                    console.flush();
                });
                study.write(study.run());
            }
            console.println();
            console.print(text(out.resolve("study.md")));
            console.println("study: " + out.resolve("study.md"));
            return 0;
        }

        private DampStudy.Plan plan() {
            Map<String, String> overrides = new LinkedHashMap<>();
            overrides.put("threads", Integer.toString(threads));
            overrides.put("data.train_subset", Integer.toString(trainSubset));
            overrides.put("data.test_subset", Integer.toString(testSubset));
            if (data != null) {
                overrides.put("data.folder", "'" + data.toString().replace("'", "''") + "'");
            }
            overrides.putAll(settings);
            List<StudyMethod> compared = new ArrayList<>(List.of(StudyMethod.SGD));
            methods.stream().filter(m -> !compared.contains(m)).forEach(compared::add);
            Map<StudyMethod, List<Double>> grids = new EnumMap<>(StudyMethod.class);
            grids.put(StudyMethod.DAMP, dampSigma);
            grids.put(StudyMethod.DAAP, daapSigma);
            grids.put(StudyMethod.SAM, samRho);
            grids.put(StudyMethod.ASAM, asamRho);
            List<Long> numbers = LongStream.rangeClosed(1, seeds).boxed().toList();
            return new DampStudy.Plan(
                    recipe, overrides, compared, grids, subBatches, numbers, epochs, searchEpochs, corruptions);
        }

        private void atLeast(String option, int value, int least) {
            if (value < least) {
                throw new ParameterException(
                        spec.commandLine(), option + " is " + value + "; expected at least " + least);
            }
        }

        private static String text(Path file) {
            try {
                return Files.readString(file);
            } catch (IOException e) {
                throw UserError.cannotRead(file, e);
            }
        }
    }
}
