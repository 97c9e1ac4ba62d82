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
        double accuracy = number(results.path("test_accuracy"));
        double seconds = results.has("train_seconds") ? number(results.path("train_seconds")) : 0;
        if (!(accuracy >= 0 && accuracy <= 1) || !(seconds >= 0) || Double.isInfinite(seconds)) {
            throw new UserError(summary + ": results.test_accuracy is " + accuracy + " and results.train_seconds "
                    + seconds + "; expected 0 to 1 and a time; delete the run's folder to train it again");
        }
        try {
            return new StudyRun(
                    method, value, seed, 1 - accuracy, corruptions(root.path("corruption_errors")), seconds);
        } catch (IllegalArgumentException e) {
            throw new UserError(
                    summary + ": the errors on corrupted images are damaged: " + e.getMessage()
                            + "; delete the run's folder to train it again",
                    e);
        }
    }

    private static double number(JsonNode node) {
        return node.isNumber() ? node.asDouble() : Double.NaN;
    }

    private static Optional<CorruptionErrors> corruptions(JsonNode node) {
        List<Integer> severities = new ArrayList<>();
        node.path("severities").forEach(severity -> severities.add(severity.asInt()));
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        node.path("errors").properties().forEach(row -> {
            List<Double> numbers = new ArrayList<>();
            row.getValue().forEach(number -> numbers.add(number(number)));
            errors.put(row.getKey(), numbers);
        });
        return errors.isEmpty() ? Optional.empty() : Optional.of(new CorruptionErrors(severities, errors));
    }
}
