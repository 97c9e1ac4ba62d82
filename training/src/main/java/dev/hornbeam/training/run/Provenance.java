package dev.hornbeam.training.run;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Where a result comes from: what has to be the same for the run to give the same numbers, and what it ran on.
 *
 * @param version version of Hornbeam
 * @param revision git revision of Hornbeam's sources, with {@code -dirty} where files were changed; empty outside a
 *     clone
 * @param command arguments of the command line
 * @param seed seed of the run
 * @param device where it computed, as in {@code cpu}
 * @param tier instruction tier of the device, as in {@code avx2}
 * @param threads threads of the engine
 * @param dataSha256 SHA-256 of each data file, by file name
 * @param cpu processor of the host
 * @param os operating system of the host
 * @param java Java runtime
 * @param started when the run, or its last resumption, started
 * @param seconds wall time since then
 */
public record Provenance(
        String version,
        Optional<String> revision,
        List<String> command,
        long seed,
        String device,
        String tier,
        int threads,
        Map<String, String> dataSha256,
        String cpu,
        String os,
        String java,
        Instant started,
        double seconds) {

    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    /** Keeps its own copies. */
    public Provenance {
        command = List.copyOf(command);
        dataSha256 = Collections.unmodifiableMap(new TreeMap<>(dataSha256));
    }

    /**
     * The provenance of a run on this host.
     *
     * @param config the run's configuration
     * @param command arguments of the command line
     * @param device where the engine computes, in its own words
     * @param tier instruction tier the engine chose
     * @param threads threads the engine uses
     * @param dataSha256 SHA-256 of each data file, by file name
     * @param started when the run started
     * @param wallTime time since then
     */
    public static Provenance of(
            RunConfig config,
            List<String> command,
            String device,
            String tier,
            int threads,
            Map<String, String> dataSha256,
            Instant started,
            Duration wallTime) {
        return new Provenance(
                Version.CURRENT,
                sourceRevision(),
                command,
                config.seed(),
                device,
                tier,
                threads,
                dataSha256,
                cpuName(),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                System.getProperty("java.vendor") + " " + System.getProperty("java.runtime.version"),
                started.truncatedTo(ChronoUnit.SECONDS),
                wallTime.toMillis() / 1000.0);
    }

    /** Names and values for a reader, in order; what is unknown is left out. */
    public Map<String, String> facts() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("Hornbeam", version);
        revision.ifPresent(r -> facts.put("Revision", r));
        facts.put("Command", String.join(" ", command));
        facts.put("Seed", Long.toString(seed));
        facts.put("Device", device);
        facts.put("Instruction tier", tier);
        facts.put("Threads", Integer.toString(threads));
        facts.put("Processor", cpu);
        facts.put("System", os);
        facts.put("Java", java);
        facts.put("Started", started.toString());
        facts.put("Wall time", String.format(Locale.ROOT, "%.1f s", seconds));
        dataSha256.forEach((file, sum) -> facts.put("SHA-256 of " + file, sum));
        facts.values().removeIf(String::isEmpty);
        return facts;
    }

    /** The processor's name as the system gives it, or its architecture. */
    static String cpuName() {
        try (Stream<String> lines = Files.lines(CPU_INFO)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .findFirst()
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException e) {
            return System.getProperty("os.arch");
        }
    }

    // The clone is found from where the classes lie, so that a run started elsewhere names the right one.
    private static Optional<String> sourceRevision() {
        CodeSource source = Provenance.class.getProtectionDomain().getCodeSource();
        if (source == null) {
            return Optional.empty();
        }
        try {
            Path folder = Path.of(source.getLocation().toURI()).toAbsolutePath();
            while (folder != null && !Files.exists(folder.resolve(".git"))) {
                folder = folder.getParent();
            }
            return folder == null || !Files.exists(folder.resolve("pom.xml")) ? Optional.empty() : revision(folder);
        } catch (URISyntaxException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> revision(Path clone) {
        return git(clone, "rev-parse", "HEAD").map(head -> {
            boolean dirty = git(clone, "status", "--porcelain", "--untracked-files=no")
                    .filter(changes -> !changes.isEmpty())
                    .isPresent();
            return dirty ? head + "-dirty" : head;
        });
    }

    private static Optional<String> git(Path clone, String... arguments) {
        List<String> command = Stream.concat(Stream.of("git", "-C", clone.toString()), Stream.of(arguments))
                .toList();
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() == 0 ? Optional.of(output.strip()) : Optional.empty();
        } catch (IOException e) {
            // No git on this machine: the revision stays unknown.
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }
}
