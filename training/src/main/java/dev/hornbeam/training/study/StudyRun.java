package dev.hornbeam.training.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One finished run of a study.
 *
 * @param method how it was trained
 * @param value the method's number, NaN for SGD
 * @param seed of the run
 * @param error share of clean images predicted wrong, in [0, 1]: test images, or held-out ones in the search
 * @param corruptions errors on corrupted test images; empty in the search
 * @param seconds of training
 */
public record StudyRun(
        StudyMethod method,
        double value,
        long seed,
        double error,
        Optional<CorruptionErrors> corruptions,
        double seconds) {

    /**
     * Reads what a run left in its {@code summary.json}.
     *
     * @throws UserError if the file cannot be read or is not a summary
     */
    static StudyRun read(StudyMethod method, double value, long seed, Path summary) {
        JsonNode root;
        try {
            root = new JsonMapper().readTree(summary.toFile());
        } catch (IOException e) {
            throw UserError.cannotRead(summary, e);
        }
        JsonNode results = root.path("results");
        if (!results.path("test_accuracy").isNumber()) {
            throw new UserError(summary + ": has no results.test_accuracy; delete the run's folder to train it again");
        }
        try {
            return new StudyRun(
                    method,
                    value,
                    seed,
                    1 - results.path("test_accuracy").asDouble(),
                    corruptions(root.path("corruption_errors")),
                    results.path("train_seconds").asDouble());
        } catch (IllegalArgumentException e) {
            throw new UserError(
                    summary + ": the errors on corrupted images are damaged: " + e.getMessage()
                            + "; delete the run's folder to train it again",
                    e);
        }
    }

    private static Optional<CorruptionErrors> corruptions(JsonNode node) {
        List<Integer> severities = new ArrayList<>();
        node.path("severities").forEach(severity -> severities.add(severity.asInt()));
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        node.path("errors").properties().forEach(row -> {
            List<Double> numbers = new ArrayList<>();
            row.getValue().forEach(number -> numbers.add(number.asDouble()));
            errors.put(row.getKey(), numbers);
        });
        return errors.isEmpty() ? Optional.empty() : Optional.of(new CorruptionErrors(severities, errors));
    }
}
