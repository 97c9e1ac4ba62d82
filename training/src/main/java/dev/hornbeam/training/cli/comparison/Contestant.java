package dev.hornbeam.training.cli.comparison;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/**
 * A program that measures itself and prints one JSON object with {@code batch} and {@code step_ms.median}.
 *
 * @param name in messages and tables
 * @param command its words
 * @param environment variables that it gets beside those of this process
 */
public record Contestant(String name, List<String> command, Map<String, String> environment) {
    private static final long LOOK_EVERY_MILLIS = 50;

    /** Keeps its own copies. */
    public Contestant {
        command = List.copyOf(command);
        environment = Map.copyOf(environment);
    }

    /** The command in one line, without Java's class path, which is long and says nothing. */
    public String shown() {
        List<String> words = new ArrayList<>(command);
        int classPath = words.indexOf("-cp") + 1;
        if (classPath > 0 && classPath < words.size()) {
            words.set(classPath, "...");
        }
        return String.join(" ", words);
    }

    /**
     * Runs it once.
     *
     * @param limit after which it is ended and has failed
     * @throws ContestantFailedException if it cannot be run, fails, takes too long, or prints no such object
     */
    public Measurement run(Duration limit) {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new ContestantFailedException(name + " cannot be run: " + e.getMessage(), e);
        }
        try {
            FutureTask<String> output = reading(process.inputReader(StandardCharsets.UTF_8), '{');
            FutureTask<String> errors = reading(process.errorReader(StandardCharsets.UTF_8), '\0');
            long deadline = System.nanoTime() + limit.toNanos();
            long peak = 0;
            while (!process.waitFor(LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS)) {
                peak = Math.max(peak, residentPeak(process.pid()));
                if (System.nanoTime() > deadline) {
                    throw new ContestantFailedException(name + " took longer than " + limit.toSeconds() + " s", null);
                }
            }
            if (process.exitValue() != 0) {
                String last = errors.get();
                throw new ContestantFailedException(
                        name + " ended with exit code " + process.exitValue() + (last.isEmpty() ? "" : ": " + last),
                        null);
            }
            return new Measurement(parsed(output.get()), peak);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ContestantFailedException(name + " was interrupted", e);
        } catch (ExecutionException e) {
            throw new ContestantFailedException(name + " cannot be read: " + e.getCause(), e);
        } finally {
            end(process);
        }
    }

    // Compilers start workers of their own; nothing may go on computing while the next program is timed.
    private static void end(Process process) {
        List<ProcessHandle> children = process.descendants().toList();
        process.destroyForcibly();
        children.forEach(ProcessHandle::destroyForcibly);
    }

    // The last line that is not blank, and begins with that character if it is one.
    private static FutureTask<String> reading(BufferedReader reader, char first) {
        FutureTask<String> task = new FutureTask<>(() -> {
            String last = "";
            try (reader) {
                for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                    if (!line.isBlank() && (first == '\0' || line.charAt(0) == first)) {
                        last = line.strip();
                    }
                }
            }
            return last;
        });
        Thread.ofPlatform().daemon().start(task);
        return task;
    }

    private JsonNode parsed(String line) {
        JsonNode result;
        try {
            result = new JsonMapper().readTree(line);
        } catch (JsonProcessingException e) {
            throw new ContestantFailedException(name + " printed no JSON", e);
        }
        if (!result.isObject()) {
            throw new ContestantFailedException(name + " printed no JSON", null);
        }
        if (!(result.at("/step_ms/median").asDouble() > 0)) {
            throw new ContestantFailedException(name + " printed no step_ms.median but " + line, null);
        }
        if (result.path("batch").asInt() < 1) {
            throw new ContestantFailedException(name + " printed no batch but " + line, null);
        }
        return result;
    }

    // The largest resident memory so far, which Linux counts; 0 where nobody does.
    private static long residentPeak(long pid) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "status"))) {
                if (line.startsWith("VmHWM:")) {
                    return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException | UncheckedIOException e) {
            // It has ended, or this is no Linux.
        }
        return 0;
    }
}
