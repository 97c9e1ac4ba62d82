package dev.hornbeam.training.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.noise.NoiseSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The final results of a run and where they come from, {@code summary.json}.
 *
 * @param name name of the run
 * @param results what came out
 * @param provenance where the results come from
 * @param noise what was wrong on purpose with the training images, where something was
 */
public record RunSummary(String name, RunResults results, Provenance provenance, Optional<NoiseSummary> noise) {
    private static final JsonMapper JSON = new JsonMapper();

    /** The summary of a run without noise. */
    public RunSummary(String name, RunResults results, Provenance provenance) {
        this(name, results, provenance, Optional.empty());
    }

    /** The summary as a JSON object; results that are not finite are null. */
    public String toJson() {
        ObjectNode root = JSON.createObjectNode().put("name", name);
        ObjectNode resultsNode = root.putObject("results");
        results.numbers().forEach((key, value) -> ResultsJson.put(resultsNode, key, value));
        results.corruptions()
                .ifPresent(table -> ResultsJson.putCorruptions(root.putObject("corruption_errors"), table));
        results.metrics().ifPresent(metrics -> ResultsJson.putMetrics(root.putObject("test_metrics"), metrics));
        noise.ifPresent(summary -> root.set("noise", noiseNode(summary)));
        putProvenance(root.putObject("provenance"));
        return root.toPrettyString() + "\n";
    }

    /**
     * Writes the summary to {@code file}.
     *
     * @throws UserError if the file cannot be written
     */
    public void write(Path file) {
        UserFile.writeText(file, toJson());
    }

    /**
     * Reads a summary that {@link #write} wrote, of this version or an earlier one.
     *
     * @throws UserError if the file cannot be read or is no summary
     */
    public static RunSummary read(Path file) {
        JsonNode root;
        try {
            root = JSON.readTree(Files.readString(file));
        } catch (JsonProcessingException e) {
            throw new UserError(file + ": it is not JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
        if (!root.path("results").has("test_accuracy")
                || !root.path("provenance").isObject()) {
            throw new UserError(
                    file + ": it is no summary of a run; expected a summary.json that hornbeam train wrote");
        }
        try {
            return new RunSummary(
                    root.path("name").asText(), results(root), provenance(root.path("provenance")), noise(root, file));
        } catch (IllegalArgumentException | DateTimeParseException e) {
            throw new UserError(file + ": the summary is damaged: " + e.getMessage(), e);
        }
    }

    private static Optional<NoiseSummary> noise(JsonNode root, Path file) {
        return root.has("noise")
                ? Optional.of(NoiseSummary.parse(root.path("noise").toString(), file.toString()))
                : Optional.empty();
    }

    private static RunResults results(JsonNode root) {
        JsonNode numbers = root.path("results");
        RunResults results = new RunResults(
                number(numbers, "test_accuracy"),
                number(numbers, "test_loss"),
                number(numbers, "train_accuracy"),
                number(numbers, "train_loss"),
                number(numbers, "train_seconds"),
                number(numbers, "images_per_second"),
                root.has("corruption_errors")
                        ? Optional.of(ResultsJson.corruptions(root.path("corruption_errors")))
                        : Optional.empty(),
                root.has("test_metrics")
                        ? Optional.of(ResultsJson.metrics(root.path("test_metrics")))
                        : Optional.empty(),
                Map.of());
        // What is left is what the method reported besides.
        Map<String, Double> extra = new LinkedHashMap<>();
        numbers.properties().forEach(field -> {
            if (!results.numbers().containsKey(field.getKey())) {
                extra.put(field.getKey(), ResultsJson.number(field.getValue()));
            }
        });
        return results.withExtra(extra);
    }

    private static double number(JsonNode numbers, String key) {
        return ResultsJson.number(numbers.path(key));
    }

    private static JsonNode noiseNode(NoiseSummary summary) {
        try {
            return JSON.readTree(summary.toJson());
        } catch (JsonProcessingException e) {
            throw new AssertionError("a summary writes itself as JSON", e);
        }
    }

    private void putProvenance(ObjectNode node) {
        node.put("version", provenance.version());
        node.put("revision", provenance.revision().orElse(null));
        provenance.command().forEach(node.putArray("command")::add);
        node.put("seed", provenance.seed());
        node.put("device", provenance.device());
        node.put("tier", provenance.tier());
        node.put("threads", provenance.threads());
        ObjectNode sums = node.putObject("data_sha256");
        provenance.dataSha256().forEach(sums::put);
        node.put("cpu", provenance.cpu());
        node.put("os", provenance.os());
        node.put("java", provenance.java());
        node.put("started", provenance.started().toString());
        node.put("seconds", provenance.seconds());
    }

    private static Provenance provenance(JsonNode node) {
        List<String> command = new ArrayList<>();
        node.path("command").forEach(word -> command.add(word.asText()));
        Map<String, String> sums = new LinkedHashMap<>();
        node.path("data_sha256")
                .properties()
                .forEach(field -> sums.put(field.getKey(), field.getValue().asText()));
        return new Provenance(
                node.path("version").asText(),
                node.hasNonNull("revision") ? Optional.of(node.path("revision").asText()) : Optional.empty(),
                command,
                node.path("seed").asLong(),
                node.path("device").asText(),
                node.path("tier").asText(),
                node.path("threads").asInt(),
                sums,
                node.path("cpu").asText(),
                node.path("os").asText(),
                node.path("java").asText(),
                Instant.parse(node.path("started").asText()),
                ResultsJson.number(node.path("seconds")));
    }
}
