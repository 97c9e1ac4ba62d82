package dev.hornbeam.training.cli.comparison;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The peer: a Python script that trains, and ours beside it that describes its networks and runs inference.
 *
 * @param python the program that runs them
 * @param training the peer's script: {@code MODEL --dtype T --seconds S --threads N} and options of a variant
 * @param inference bench/peer/inference.py
 */
public record PeerScript(String python, Path training, Path inference) {
    /**
     * A network of the peer.
     *
     * @param parameters how many numbers it learns
     * @param batch images in its batch
     * @param side of its images, in pixels
     * @param classes that it tells apart
     */
    public record Network(long parameters, int batch, int side, int classes) {}

    /**
     * Describes the networks; those that the peer does not have are left out.
     *
     * @throws ContestantFailedException if the scripts cannot be run
     */
    public Map<String, Network> describe(List<String> models) {
        List<String> command =
                new ArrayList<>(List.of(python, inference.toString(), "--script", training.toString(), "--describe"));
        command.addAll(models);
        JsonNode facts;
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            try {
                String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                if (process.waitFor() != 0) {
                    throw new ContestantFailedException(
                            "the peer cannot be described: " + String.join(" ", command) + " ended with exit code "
                                    + process.exitValue(),
                            null);
                }
                facts = new JsonMapper().readTree(text);
            } finally {
                process.destroy();
                process.waitFor(5, TimeUnit.SECONDS);
            }
        } catch (JsonProcessingException e) {
            throw new ContestantFailedException("the peer cannot be described: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new ContestantFailedException("the peer cannot be run: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ContestantFailedException("interrupted", e);
        }
        Map<String, Network> networks = new LinkedHashMap<>();
        facts.properties()
                .forEach(fact -> networks.put(
                        fact.getKey(),
                        new Network(
                                fact.getValue().path("parameters").asLong(),
                                fact.getValue().path("batch").asInt(),
                                fact.getValue().path("side").asInt(),
                                fact.getValue().path("classes").asInt())));
        return networks;
    }

    /**
     * The peer as a contestant.
     *
     * @param variant its options for speed, such as {@code --layout nhwc --fused}; empty for none
     */
    public Contestant contestant(
            String model,
            String variant,
            boolean trains,
            String dtype,
            double seconds,
            int threads,
            Map<String, String> environment) {
        List<String> command = new ArrayList<>(List.of(python));
        if (trains) {
            command.add(training.toString());
        } else {
            command.addAll(List.of(inference.toString(), "--script", training.toString()));
        }
        command.addAll(List.of(
                model,
                "--dtype",
                dtype,
                "--seconds",
                Double.toString(seconds),
                "--threads",
                Integer.toString(threads)));
        if (!variant.isBlank()) {
            command.addAll(List.of(variant.strip().split("\\s+")));
        }
        return new Contestant(variant.isBlank() ? "no options" : variant.strip(), command, environment);
    }

    /**
     * What gives the peer an allocator that keeps its memory and uses huge pages: variables for its environment, none where
     * there is no such library.
     *
     * @param library the jemalloc to load first; null to look where systems have it
     */
    public static Map<String, String> allocator(Path library) {
        return Stream.of(
                        library,
                        Path.of("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"),
                        Path.of("/usr/lib64/libjemalloc.so.2"),
                        Path.of("/usr/lib/libjemalloc.so.2"),
                        Path.of("/usr/local/lib/libjemalloc.so.2"))
                .filter(path -> path != null && Files.isRegularFile(path))
                .findFirst()
                .map(path -> Map.of(
                        "LD_PRELOAD", path.toString(), "MALLOC_CONF", "thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1"))
                .orElse(Map.of());
    }
}
