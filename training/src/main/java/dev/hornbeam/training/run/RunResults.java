package dev.hornbeam.training.run;

import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.PredictionMetrics;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The final results of a run.
 *
 * @param testAccuracy share of the clean test images predicted right in [0, 1]
 * @param testLoss mean loss over the clean test images
 * @param trainAccuracy share of the last epoch's training images predicted right in [0, 1], NaN if nothing was trained
 * @param trainLoss mean loss over the last epoch's training images, NaN if nothing was trained
 * @param trainSeconds wall time of training, tests between the epochs not counted, NaN if nothing was trained
 * @param imagesPerSecond training images per second of that time, NaN if nothing was trained
 * @param corruptions errors on corrupted test images, where they were tested
 * @param metrics what else was measured on the clean test images, where it was
 * @param extra what a method reports besides, by name in snake_case
 */
public record RunResults(
        double testAccuracy,
        double testLoss,
        double trainAccuracy,
        double trainLoss,
        double trainSeconds,
        double imagesPerSecond,
        Optional<CorruptionErrors> corruptions,
        Optional<PredictionMetrics> metrics,
        Map<String, Double> extra) {

    /** Keeps the order of {@code extra}. */
    public RunResults {
        extra = Collections.unmodifiableMap(new LinkedHashMap<>(extra));
    }

    /** Results without {@link PredictionMetrics}. */
    public RunResults(
            double testAccuracy,
            double testLoss,
            double trainAccuracy,
            double trainLoss,
            double trainSeconds,
            double imagesPerSecond,
            Optional<CorruptionErrors> corruptions,
            Map<String, Double> extra) {
        this(
                testAccuracy,
                testLoss,
                trainAccuracy,
                trainLoss,
                trainSeconds,
                imagesPerSecond,
                corruptions,
                Optional.empty(),
                extra);
    }

    RunResults withExtra(Map<String, Double> newExtra) {
        return new RunResults(
                testAccuracy,
                testLoss,
                trainAccuracy,
                trainLoss,
                trainSeconds,
                imagesPerSecond,
                corruptions,
                metrics,
                newExtra);
    }

    /** The results that are one number, by name in snake_case; what was not measured is NaN. */
    public Map<String, Double> numbers() {
        Map<String, Double> numbers = new LinkedHashMap<>();
        numbers.put("test_accuracy", testAccuracy);
        numbers.put("test_loss", testLoss);
        numbers.put("train_accuracy", trainAccuracy);
        numbers.put("train_loss", trainLoss);
        numbers.put("train_seconds", trainSeconds);
        numbers.put("images_per_second", imagesPerSecond);
        corruptions.ifPresent(table -> numbers.put("mean_corruption_error", table.mean()));
        metrics.ifPresent(quality -> {
            int k = quality.topK().size();
            if (k > 1) {
                numbers.put("test_top" + k + "_accuracy", quality.topK().getLast());
            }
            numbers.put("test_calibration_error", quality.calibrationError());
            numbers.put("test_brier", quality.brier());
        });
        numbers.putAll(extra);
        return numbers;
    }
}
