package dev.hornbeam.training.cli;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.Version;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command line program.
 *
 * <p>Exit codes: 0 all went well, 1 it failed or the input was bad, 2 the command line was not understood. Results go to
 * standard output; progress, warnings and errors to standard error.
 */
@Command(
        name = "hornbeam",
        description = "Trains networks that stay accurate when labels, images or test conditions go wrong.",
        scope = ScopeType.INHERIT,
        mixinStandardHelpOptions = true,
        versionProvider = Hornbeam.VersionText.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        subcommands = {
            QuickstartCommand.class,
            TrainCommand.class,
            StudyCommand.class,
            EvaluateCommand.class,
            ReportCommand.class,
            RunsCommand.class,
            SharpnessCommand.class,
            PredictCommand.class,
            ExportCommand.class,
            ModelsCommand.class,
            WeightsCommand.class,
            RecipesCommand.class,
            DataCommand.class,
            CorruptCommand.class,
            NoiseCommand.class,
            InfoCommand.class,
            BenchCommand.class
        })
public final class Hornbeam implements Runnable {
    private static final int FAILED = 1;
    private static final int NOT_UNDERSTOOD = 2;
    private static final String DEBUG = "--debug";

    @Spec
    private CommandSpec spec;

    @Option(
            names = DEBUG,
            scope = ScopeType.INHERIT,
            description = "Show debug messages, and the stack trace of an error.")
    private boolean debug;

    private Hornbeam() {}

    /** Runs the program and ends the JVM with its exit code. */
    public static void main(String[] args) {
        // The logger reads its level once, before picocli has seen the options.
        if (List.of(args).contains(DEBUG)) {
            System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "debug");
        }
        // Images are decoded; no display is wanted, and where there is none, none is missed.
        System.setProperty("java.awt.headless", "true");
        PrintWriter out = new PrintWriter(System.out, true, System.out.charset());
        PrintWriter err = new PrintWriter(System.err, true, System.err.charset());
        int exitCode = run(out, err, args);
        out.flush();
        System.exit(exitCode);
    }

    /**
     * Runs the program.
     *
     * @param out where results go
     * @param err where errors go
     * @param args arguments of the command line
     * @return the exit code
     */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        Hornbeam root = new Hornbeam();
        CommandLine commandLine = new CommandLine(root)
                .setOut(out)
                .setErr(err)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler(Hornbeam::notUnderstood)
                .setExecutionExceptionHandler((failure, _, _) -> root.failed(failure, err));
        try {
            return commandLine.execute(args);
        } catch (Error failure) {
            // picocli hands over exceptions only; a lack of memory or a broken native library deserves a line too.
            return root.failed(failure, err);
        }
    }

    /** Says that a subcommand is needed. */
    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }

    private static int notUnderstood(ParameterException problem, String[] args) {
        CommandLine command = problem.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("hornbeam: error: " + oneLine(problem.getMessage()));
        boolean suggested = UnmatchedArgumentException.printSuggestions(problem, err);
        if (!suggested) {
            String name = command.getCommandSpec().qualifiedName();
            if (!command.getSubcommands().isEmpty()) {
                err.println("Commands of " + name + ": "
                        + String.join(", ", command.getSubcommands().keySet()));
            }
            err.println("Try \"" + name + " --help\".");
        }
        return NOT_UNDERSTOOD;
    }

    private int failed(Throwable failure, PrintWriter err) {
        if (failure instanceof UserError) {
            err.println("hornbeam: error: " + oneLine(failure.getMessage()));
        } else {
            err.println("hornbeam: internal error: " + oneLine(failure.toString()) + stackTraceHint(failure));
        }
        if (debug) {
            failure.printStackTrace(err);
        }
        return FAILED;
    }

    // A run may have taken hours; its stack trace must not need a second one.
    private String stackTraceHint(Throwable failure) {
        if (debug) {
            return "";
        }
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace, true));
        try {
            Path log = Files.createTempFile("hornbeam-error-", ".log");
            Files.writeString(log, "Hornbeam " + Version.CURRENT + "\n" + trace);
            return " (details in " + log + ")";
        } catch (IOException e) {
            return " (run again with " + DEBUG + " for details)";
        }
    }

    private static String oneLine(String message) {
        return message == null ? "" : message.strip().replaceAll("\\s*\\R\\s*", " ");
    }

    /** What {@code --version} prints. */
    static final class VersionText implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {
                "hornbeam " + Version.CURRENT, "Java " + Runtime.version() + ", " + System.getProperty("os.arch")
            };
        }
    }
}
