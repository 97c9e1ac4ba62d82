package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.ChromeTrace;
import dev.hornbeam.training.run.Machine;
import dev.hornbeam.training.run.StepProfiler;
import dev.hornbeam.training.run.TrainingProfile;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options of the commands that can profile training steps. */
final class ProfileOptions {
    private static final int DEFAULT_STEPS = 10;
    private static final int MOST_STEPS = 10_000;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--profile",
            arity = "0..1",
            fallbackValue = "",
            paramLabel = "FILE",
            description = "Profile some steps: print where their time goes, and write them to FILE as a timeline for"
                    + " chrome://tracing or ui.perfetto.dev.")
    private String profile;

    @Option(
            names = "--profile-steps",
            paramLabel = "N",
            description = "How many steps to profile; " + DEFAULT_STEPS + " if not given.")
    private Integer steps;

    @Option(
            names = "--peaks",
            description = "With --profile: measure what the machine can do at most, for about a second, and compare.")
    private boolean peaks;

    /**
     * Checks the options.
     *
     * @throws ParameterException where one makes no sense
     */
    void check() {
        if (profile == null && (steps != null || peaks)) {
            throw new ParameterException(
                    spec.commandLine(), (peaks ? "--peaks" : "--profile-steps") + " says nothing without --profile");
        }
        if (steps != null && (steps < 1 || steps > MOST_STEPS)) {
            throw new ParameterException(
                    spec.commandLine(), "--profile-steps is " + steps + "; expected 1 to " + MOST_STEPS);
        }
    }

    /** Whether a profile is asked for. */
    boolean wanted() {
        return profile != null;
    }

    /** Steps to profile. */
    int steps() {
        return steps == null ? DEFAULT_STEPS : steps;
    }

    /** A profiler of as many steps as asked for; of none where no profile is. */
    StepProfiler profiler(int warmUp, Consumer<TrainingProfile> done) {
        return new StepProfiler(warmUp, wanted() ? steps() : 0, done);
    }

    /** The machine's peaks, measured now where that is asked for. */
    private Optional<Engine.Peaks> peaks() {
        return peaks ? Optional.of(Engine.measurePeaks()) : Optional.empty();
    }

    /**
     * Prints the table and writes the timeline.
     *
     * @param title what was trained
     * @param standard file of the timeline if the command line names none; empty for none
     */
    void report(PrintWriter out, TrainingProfile measured, String title, Optional<Path> standard) {
        new ProfileTable(measured, peaks(), title).print(out);
        Optional<Path> file = profile.isEmpty() ? standard : Optional.of(Path.of(profile));
        file.ifPresent(path -> {
            write(path, measured, title);
            out.println("timeline: " + path);
        });
        out.flush();
    }

    /** Adds the table to {@code root}, as {@code profile}, and writes the timeline where the command line names a file. */
    void report(ObjectNode root, TrainingProfile measured, String title) {
        root.set("profile", new ProfileTable(measured, peaks(), title).json());
        if (!profile.isEmpty()) {
            write(Path.of(profile), measured, title);
        }
    }

    private static void write(Path path, TrainingProfile measured, String title) {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("title", title);
        facts.put("machine", Machine.here().toString());
        ChromeTrace.write(path, measured, "hornbeam: " + title, facts);
    }
}
