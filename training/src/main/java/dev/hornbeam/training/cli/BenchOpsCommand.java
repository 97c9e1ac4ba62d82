package dev.hornbeam.training.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.Precision;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code hornbeam bench ops}: the speed of single ops, measured by the op table, a program that is built with the engine's
 * tests (native/tests/op_table).
 */
@Command(name = "ops", description = "Measures the speed of the engine's ops, beside the peaks of this machine.")
final class BenchOpsCommand implements Callable<Integer> {
    /** System property with the path of the op table's program. */
    static final String PROPERTY = "hornbeam.op_table";

    /** Environment variable with the path of the op table's program. */
    static final String VARIABLE = "HORNBEAM_OP_TABLE";

    /** System property with the project's folder, which the launcher gives. */
    static final String HOME = "hornbeam.home";

    private static final Path BUILD = Path.of("native", "target", "cmake");
    private static final String PROGRAM = "op_table";

    /** Kernels to measure. */
    enum Tier {
        SCALAR,
        AVX2,
        AVX512,
        AMX
    }

    @Spec
    private CommandSpec spec;

    @Option(names = "--op", paramLabel = "NAME", description = "Only this op, as in conv2d.")
    private String op;

    @Option(
            names = "--network",
            paramLabel = "NAME",
            description = "Only the shapes that this network of docs/performance.md has, as in resnet18.")
    private String network;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "f32",
            description = "Type of the activations: ${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE} if not given.")
    private Precision dtype;

    @Option(
            names = "--tier",
            paramLabel = "TIER",
            description = "scalar, avx2, avx512 or amx; the CPU's best if not given.")
    private Tier tier;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        if (op != null) {
            checkOp(op);
        }
        if (tier != null) {
            checkTier(lower(tier));
        }
        Path program = program();
        List<String> command = new ArrayList<>(List.of(program.toString(), "perf"));
        if (op != null) {
            command.add("--op");
            command.add(op);
        }
        if (network != null) {
            command.add("--network");
            command.add(network);
        }
        if (dtype != Precision.F32) {
            command.add("--type");
            command.add(dtype.toString());
        }
        if (json) {
            command.add("--json");
        }
        ProcessBuilder builder = new ProcessBuilder(command);
        if (tier != null) {
            builder.environment().put("HORNBEAM_TIER", lower(tier));
        }
        return run(builder, program);
    }

    private static Path program() {
        String given = System.getProperty(PROPERTY);
        String by = "the system property " + PROPERTY;
        if (given == null || given.isBlank()) {
            given = System.getenv(VARIABLE);
            by = "the environment variable " + VARIABLE;
        }
        if (given != null && !given.isBlank()) {
            Path program = Path.of(given);
            if (!Files.isExecutable(program) || Files.isDirectory(program)) {
                throw new UserError(by + " is " + program + ", where there is no program; correct it or leave it out");
            }
            return program;
        }
        // Without the launcher, as under Maven, the project is where the program was started.
        Path home = Path.of(System.getProperty(HOME, "")).toAbsolutePath();
        if (!Files.isRegularFile(home.resolve("native").resolve("CMakeLists.txt"))) {
            throw new UserError("the op table is built from Hornbeam's sources, and they are not in " + home
                    + ": use ./hornbeam of a checkout, or name the program with " + VARIABLE);
        }
        Path program = home.resolve(BUILD).resolve(PROGRAM);
        if (!Files.isExecutable(program)) {
            throw new UserError("the op table is not built: there is no " + program + ". Build it with: cmake --build "
                    + home.resolve(BUILD) + " --target " + PROGRAM);
        }
        return program;
    }

    private static void checkOp(String name) {
        List<String> ops = Engine.ops().stream().map(Engine.Op::name).toList();
        if (!ops.contains(name)) {
            String near = NearestNames.didYouMean(name, ops);
            throw new UserError("--op " + name + ": the engine has no such op"
                    + (near.isEmpty() ? "; it has " + String.join(", ", ops) : near));
        }
    }

    // The op table says the same, but on standard output and as a success: its tests skip a tier that the CPU lacks.
    private static void checkTier(String name) {
        try {
            for (JsonNode supported : new JsonMapper().readTree(Engine.info()).path("tiers")) {
                if (supported.asText().equals(name)) {
                    return;
                }
            }
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
        throw new UserError(
                "--tier " + name + ": this CPU lacks the instructions; leave --tier out for the best it has");
    }

    private static String lower(Tier tier) {
        return tier.name().toLowerCase(Locale.ROOT);
    }

    private int run(ProcessBuilder builder, Path program) {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new UserError("cannot run " + program + ": " + e.getMessage(), e);
        }
        try {
            Thread errors = Thread.ofVirtual().start(() -> copy(process.errorReader(StandardCharsets.UTF_8), err));
            copy(process.inputReader(StandardCharsets.UTF_8), out);
            int exitCode = process.waitFor();
            errors.join();
            return exitCode;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UserError("interrupted while " + program + " was running", e);
        } finally {
            process.destroy();
        }
    }

    private static void copy(BufferedReader from, PrintWriter to) {
        try (from) {
            for (String line = from.readLine(); line != null; line = from.readLine()) {
                to.println(line);
                to.flush();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
