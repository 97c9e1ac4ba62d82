package dev.hornbeam.training.run;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What the folder of a run says of it, whether it is finished or not.
 *
 * @param folder the run's folder
 * @param settings every setting, by its dotted key, as it stands in {@code config.yaml}
 * @param configuration the text of {@code config.yaml}
 * @param epochs what was measured in each epoch that is done
 * @param summary the final results, of a finished run
 * @param state how far it is
 */
public record RunRecord(
        RunFolder folder,
        Map<String, String> settings,
        String configuration,
        List<EpochRow> epochs,
        Optional<RunSummary> summary,
        State state) {
    private static final int DEPTH = 6;

    /** How far a run is. */
    public enum State {
        /** A process is at work on it. */
        RUNNING,
        /** It was stopped, or killed, before its end; {@code train --resume} goes on with it. */
        STOPPED,
        /** It has its results. */
        FINISHED;

        @Override
        public String toString() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /**
     * Reads the folder of a run.
     *
     * @throws UserError if there is no run in it, or a file of it is damaged
     */
    public static RunRecord read(Path path) {
        RunFolder folder = RunFolder.open(path);
        String text;
        try {
            text = Files.readString(folder.config());
        } catch (IOException e) {
            throw UserError.cannotRead(folder.config(), e);
        }
        Optional<RunSummary> summary = Files.isRegularFile(folder.summary())
                ? Optional.of(RunSummary.read(folder.summary()))
                : Optional.empty();
        State state = summary.isPresent() ? State.FINISHED : RunLock.isHeld(folder) ? State.RUNNING : State.STOPPED;
        return new RunRecord(
                folder,
                ConfigTree.parse(text, folder.config().toString()).flatten(),
                text,
                MetricsLog.readEpochs(folder.metricsJsonl()),
                summary,
                state);
    }

    /**
     * Finds the runs at a place: the folder itself, if it is one, else those in it and in the folders below, by path.
     *
     * @throws UserError if a folder cannot be read
     */
    public static List<Path> find(Path place) {
        if (Files.isRegularFile(new RunFolder(place).config())) {
            return List.of(place);
        }
        try (Stream<Path> below = Files.walk(place, DEPTH, FileVisitOption.FOLLOW_LINKS)) {
            List<Path> found = new ArrayList<>();
            below.filter(path -> path.getFileName().toString().equals("config.yaml"))
                    .map(Path::getParent)
                    .sorted(Comparator.naturalOrder())
                    .forEach(found::add);
            return found;
        } catch (IOException e) {
            throw UserError.cannotRead(place, e);
        } catch (java.io.UncheckedIOException e) {
            throw UserError.cannotRead(place, e.getCause());
        }
    }

    /** A setting by its dotted key; empty text where there is none. */
    public String setting(String key) {
        return settings.getOrDefault(key, "");
    }

    /** Name of the run. */
    public String name() {
        return setting("name");
    }

    /** What a step does, in a word: the kind of weight perturbation, else the optimizer. */
    public String method() {
        String perturbation = setting("method.perturbation.kind");
        return perturbation.isEmpty() || perturbation.equals("none") ? setting("optimizer.kind") : perturbation;
    }

    /**
     * What a report shows of the run.
     *
     * @param name short name
     * @throws UserError if it is not finished
     */
    public ReportData.Run forReport(String name) {
        RunSummary results = summary.orElseThrow(() -> notFinished(folder.path()));
        return new ReportData.Run(
                name,
                results.results(),
                epochs,
                configuration,
                results.provenance().facts());
    }

    static UserError notFinished(Path folder) {
        return new UserError(
                "the run in " + folder + " is not finished: it has no summary.json; \"hornbeam train --resume --out "
                        + folder + "\" goes on with it");
    }
}
