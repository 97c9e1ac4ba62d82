package dev.hornbeam.training.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.evaluation.AdversarialErrors;
import dev.hornbeam.training.evaluation.ConfusionMatrix;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.PredictionMetrics;
import dev.hornbeam.training.evaluation.RelativeErrors;
import dev.hornbeam.training.evaluation.Reliability;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Results as JSON, to write and to read back. What is not finite is null. */
final class ResultsJson {
    private ResultsJson() {}

    static void put(ObjectNode node, String key, double value) {
        if (Double.isFinite(value)) {
            node.put(key, value);
        } else {
            node.putNull(key);
        }
    }

    private static void add(ArrayNode node, double value) {
        if (Double.isFinite(value)) {
            node.add(value);
        } else {
            node.addNull();
        }
    }

    static double number(JsonNode node) {
        return node.asDouble(Double.NaN);
    }

    static void putMetrics(ObjectNode node, PredictionMetrics metrics) {
        node.put("images", metrics.images());
        metrics.topK().forEach(node.putArray("top_k_accuracy")::add);
        put(node, "nll", metrics.loss());
        put(node, "brier", metrics.brier());
        put(node, "calibration_error", metrics.calibrationError());
        ArrayNode bins = node.putArray("reliability");
        for (Reliability.Bin bin : metrics.reliability().bins()) {
            ObjectNode one = bins.addObject().put("images", bin.images());
            put(one, "confidence", bin.confidence());
            put(one, "accuracy", bin.accuracy());
        }
        ObjectNode confusion = node.putObject("confusion");
        metrics.confusion().classNames().forEach(confusion.putArray("class_names")::add);
        ArrayNode counts = confusion.putArray("true_predicted_images");
        for (ConfusionMatrix.Entry entry : metrics.confusion().entries()) {
            counts.addArray().add(entry.truth()).add(entry.predicted()).add(entry.images());
        }
    }

    static PredictionMetrics metrics(JsonNode node) {
        List<Double> topK = new ArrayList<>();
        node.path("top_k_accuracy").forEach(share -> topK.add(share.asDouble()));
        List<Reliability.Bin> bins = new ArrayList<>();
        node.path("reliability")
                .forEach(bin -> bins.add(new Reliability.Bin(
                        bin.path("images").asLong(), number(bin.path("confidence")), number(bin.path("accuracy")))));
        List<String> names = new ArrayList<>();
        node.path("confusion").path("class_names").forEach(name -> names.add(name.asText()));
        List<ConfusionMatrix.Entry> entries = new ArrayList<>();
        node.path("confusion")
                .path("true_predicted_images")
                .forEach(entry -> entries.add(new ConfusionMatrix.Entry(
                        entry.path(0).asInt(),
                        entry.path(1).asInt(),
                        entry.path(2).asInt())));
        return new PredictionMetrics(
                node.path("images").asInt(),
                topK,
                number(node.path("nll")),
                number(node.path("brier")),
                new Reliability(bins),
                new ConfusionMatrix(names, entries));
    }

    static void putCorruptions(ObjectNode node, CorruptionErrors table) {
        table.severities().forEach(node.putArray("severities")::add);
        ObjectNode rows = node.putObject("errors");
        table.errors().forEach((corruption, row) -> row.forEach(rows.withArray(corruption)::add));
    }

    static CorruptionErrors corruptions(JsonNode node) {
        List<Integer> severities = new ArrayList<>();
        node.path("severities").forEach(severity -> severities.add(severity.asInt()));
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        node.path("errors").properties().forEach(row -> {
            List<Double> values = new ArrayList<>();
            row.getValue().forEach(value -> values.add(number(value)));
            errors.put(row.getKey(), values);
        });
        return new CorruptionErrors(severities, errors);
    }

    static void putRelative(ObjectNode node, RelativeErrors relative) {
        node.put("baseline", relative.baseline());
        put(node, "mean_ce", relative.mean());
        put(node, "relative_mean_ce", relative.relativeMean());
        ObjectNode errors = node.putObject("ce");
        relative.errors().forEach((corruption, value) -> put(errors, corruption, value));
        ObjectNode relatives = node.putObject("relative_ce");
        relative.relative().forEach((corruption, value) -> put(relatives, corruption, value));
    }

    static void putAdversarial(ObjectNode node, AdversarialErrors errors) {
        node.put("attack", errors.attack());
        errors.epsilons().forEach(node.putArray("epsilons")::add);
        errors.errors().forEach(node.putArray("errors")::add);
        ArrayNode losses = node.putArray("losses");
        errors.losses().forEach(loss -> add(losses, loss));
    }
}
