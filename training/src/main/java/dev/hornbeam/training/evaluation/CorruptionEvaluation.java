package dev.hornbeam.training.evaluation;

import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder;
import dev.hornbeam.training.data.ImageSet;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Measures a network's error on corrupted images, corruption by corruption and severity by severity.
 *
 * @param corruptions what is done to the images
 * @param severities how strongly, 1 to 5
 * @param seed of the corruptions' random draws
 * @param threads that corrupt images
 */
public record CorruptionEvaluation(List<Corruption> corruptions, List<Integer> severities, long seed, int threads) {
    // Corrupted images lie in memory; more than this are taken in parts.
    private static final long MOST_BYTES = 256L << 20;

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
                int correct = 0;
                for (ImageSet part : parts(clean)) {
                    ImageSet corrupted = CorruptedImages.of(part, corruption, severity, seed, threads);
                    correct += evaluator.evaluate(corrupted, progress).correct();
                }
                row.add((double) (clean.size() - correct) / clean.size());
            }
            errors.put(corruption.name(), row);
        }
        return new CorruptionErrors(severities, errors);
    }

    // Draws are keyed by an image's original index, which parts keep: the pixels do not depend on them.
    private static List<ImageSet> parts(ImageSet set) {
        int most = (int) Math.max(1, MOST_BYTES / set.imageLength());
        if (set.size() <= most) {
            return List.of(set);
        }
        List<ImageSet> parts = new ArrayList<>();
        for (int from = 0; from < set.size(); from += most) {
            parts.add(set.subset(
                    IntStream.range(from, Math.min(from + most, set.size())).toArray()));
        }
        return parts;
    }

    /**
     * Returns the errors of the network on a set of corrupted images on disk.
     *
     * @param names corruptions wanted; empty for all that are there
     * @param severities severities wanted; empty for all that are there
     * @param classNames classes of the network, in order; empty for the set's own
     * @param most images to use of each corruption and severity, the first ones; 0 for all
     * @param progress is told how many images were looked at since the last call
     * @throws dev.hornbeam.training.UserError if something is not there or cannot be read
     */
    public static CorruptionErrors ofFolder(
            Evaluator evaluator,
            CorruptedSetFolder folder,
            List<String> names,
            List<Integer> severities,
            List<String> classNames,
            int most,
            IntConsumer progress) {
        List<String> rows = names.isEmpty() ? folder.corruptions() : names;
        List<Integer> columns = severities.isEmpty() ? folder.severities() : severities;
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        for (String corruption : rows) {
            List<Double> row = new ArrayList<>();
            for (int severity : columns) {
                ImageSet all = folder.read(corruption, severity, classNames);
                ImageSet images = most > 0 && most < all.size() ? all.first(most) : all;
                row.add(evaluator.evaluate(images, progress).error());
            }
            errors.put(corruption, row);
        }
        return new CorruptionErrors(columns, errors);
    }
}
