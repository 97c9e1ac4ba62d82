package dev.hornbeam.training.evaluation;

import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.data.ImageSet;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * Measures a network's error on corrupted images, corruption by corruption and severity by severity.
 *
 * @param corruptions what is done to the images
 * @param severities how strongly, 1 to 5
 * @param seed of the corruptions' random draws
 * @param threads that corrupt images
 */
public record CorruptionEvaluation(List<Corruption> corruptions, List<Integer> severities, long seed, int threads) {

    /** Number of images that {@link #run} looks at for a set of {@code size} images. */
    public long images(int size) {
        return (long) corruptions.size() * severities.size() * size;
    }

    /**
     * Returns the errors of the network on {@code clean}, corrupted in every way.
     *
     * @param progress is told how many images were looked at since the last call
     */
    public CorruptionErrors run(Evaluator evaluator, ImageSet clean, IntConsumer progress) {
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        for (Corruption corruption : corruptions) {
            List<Double> row = new ArrayList<>();
            for (int severity : severities) {
                ImageSet corrupted = CorruptedImages.of(clean, corruption, severity, seed, threads);
                row.add(evaluator.evaluate(corrupted, progress).error());
            }
            errors.put(corruption.name(), row);
        }
        return new CorruptionErrors(severities, errors);
    }
}
