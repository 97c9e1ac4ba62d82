package dev.hornbeam.training.run;

import dev.hornbeam.training.evaluation.ConfusionMatrix;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.PredictionMetrics;
import dev.hornbeam.training.evaluation.Reliability;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Folders of runs that never ran, for tests of what is made of runs. */
public final class WrittenRun {
    private static final List<String> CLASSES = List.of(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot");

    private WrittenRun() {}

    /**
     * Writes a finished run.
     *
     * @param recipe what it did
     * @param cleanError its error on clean images
     * @param errors its errors by corruption and severity, 1 and up
     */
    public static Path finished(
            Path folder, String recipe, long seed, double cleanError, Map<String, List<Double>> errors) {
        RunConfig config = unfinished(folder, recipe, seed, 3);
        RunResults results = new RunResults(
                1 - cleanError,
                .25 + cleanError,
                .95,
                .125,
                60 + seed,
                1000,
                Optional.of(new CorruptionErrors(
                        java.util.stream.IntStream.rangeClosed(
                                        1, errors.values().iterator().next().size())
                                .boxed()
                                .toList(),
                        errors)),
                Optional.of(metrics(cleanError)),
                Map.of());
        new RunSummary(
                        config.name(),
                        results,
                        Provenance.of(
                                config,
                                List.of("train", "--seed", Long.toString(seed)),
                                "cpu",
                                "avx2",
                                2,
                                Map.of(
                                        "t10k-images-idx3-ubyte.gz",
                                        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
                                Instant.parse("2026-01-02T03:04:05Z"),
                                Duration.ofMinutes(1)))
                .write(new RunFolder(folder).summary());
        return folder;
    }

    /** Writes a run that was stopped after some epochs. */
    public static RunConfig unfinished(Path folder, String recipe, long seed, int epochs) {
        RunConfig config = Recipes.load(recipe, Map.of("seed", Long.toString(seed), "epochs", "3"));
        RunFolder place = RunFolder.create(folder);
        config.save(place.config());
        try (MetricsLog log = MetricsLog.create(place, List.of())) {
            for (int epoch = 1; epoch <= epochs; epoch++) {
                log.epoch(new EpochRow(
                        epoch,
                        10L * epoch,
                        .1 / epoch,
                        1.0 / epoch,
                        1 - .3 / epoch,
                        1.1 / epoch,
                        1 - .4 / epoch,
                        20,
                        900,
                        Map.of()));
            }
        }
        return config;
    }

    private static PredictionMetrics metrics(double error) {
        List<ConfusionMatrix.Entry> entries = new ArrayList<>();
        for (int c = 0; c < 10; c++) {
            entries.add(new ConfusionMatrix.Entry(c, c, 88));
            entries.add(new ConfusionMatrix.Entry(c, (c + 3) % 10, 12));
        }
        List<Reliability.Bin> bins = new ArrayList<>();
        for (int b = 0; b < Reliability.BINS; b++) {
            bins.add(
                    new Reliability.Bin(b < 2 ? 0 : 10L * b * b, b < 2 ? 0 : (b + .5) / 15, b < 2 ? 0 : (b + .1) / 15));
        }
        return new PredictionMetrics(
                1000,
                List.of(1 - error, .97, .98, .99, 1.0),
                .25 + error,
                .12,
                new Reliability(bins),
                new ConfusionMatrix(CLASSES, entries));
    }

    /** Errors on two corruptions at two severities around {@code middle}. */
    public static Map<String, List<Double>> errors(double middle) {
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        errors.put("gaussian_noise", List.of(middle - .05, middle + .05));
        errors.put("contrast", List.of(middle, middle + .1));
        return errors;
    }
}
