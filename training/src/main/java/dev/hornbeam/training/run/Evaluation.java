package dev.hornbeam.training.run;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.evaluation.AdversarialErrors;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.PredictionMetrics;
import dev.hornbeam.training.evaluation.RelativeErrors;
import java.util.List;
import java.util.Optional;

/**
 * What was measured of a network on one set of images.
 *
 * @param data name of the set
 * @param dtype what the network computed in
 * @param clean how good its predictions are on the images as they are
 * @param corruptions its errors on corrupted images, where they were tested
 * @param relative the same beside a baseline, where one was given
 * @param adversarial its errors under attack, where it was attacked
 */
public record Evaluation(
        String data,
        Precision dtype,
        PredictionMetrics clean,
        Optional<CorruptionErrors> corruptions,
        Optional<RelativeErrors> relative,
        Optional<AdversarialErrors> adversarial) {
    private static final JsonMapper JSON = new JsonMapper();

    /** Evaluations as JSON: one object for a single one, else an array of them in {@code sets}. */
    public static String toJson(List<Evaluation> evaluations) {
        ObjectNode root = JSON.createObjectNode();
        if (evaluations.size() == 1) {
            evaluations.getFirst().put(root);
        } else {
            var sets = root.putArray("sets");
            evaluations.forEach(evaluation -> evaluation.put(sets.addObject()));
        }
        return root.toPrettyString() + "\n";
    }

    private void put(ObjectNode node) {
        node.put("data", data).put("images", clean.images()).put("dtype", dtype.toString());
        node.put("accuracy", clean.accuracy());
        ResultsJson.put(node, "loss", clean.loss());
        ResultsJson.putMetrics(node.putObject("metrics"), clean);
        corruptions.ifPresent(table -> {
            ResultsJson.putCorruptions(node.putObject("corruption_errors"), table);
            node.put("mean_corruption_error", table.mean());
            node.put("averaged_over", table.averaged());
        });
        relative.ifPresent(errors -> ResultsJson.putRelative(node.putObject("relative_errors"), errors));
        adversarial.ifPresent(errors -> ResultsJson.putAdversarial(node.putObject("adversarial"), errors));
    }
}
