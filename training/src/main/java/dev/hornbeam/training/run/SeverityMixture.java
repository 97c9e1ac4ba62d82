package dev.hornbeam.training.run;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.evaluation.Evaluator;
import dev.hornbeam.training.noise.PhotonLimitedMixture;
import dev.hornbeam.training.noise.SeverityLists;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The photon-limited mixture of a run: its training images and what they are tested with.
 *
 * @param division which image has which severity
 * @param corruption of the images
 * @param seed of the corruption
 * @param images the training images, corrupted, and the severity of each
 */
public record SeverityMixture(
        PhotonLimitedMixture division, Corruption corruption, long seed, PhotonLimitedMixture.Train images) {

    static SeverityMixture of(RunConfig config, ImageSet clean, int threads) {
        PhotonLimitedConfig mixture = config.data().photonLimited();
        List<Corruption> chosen = Corruptions.select(List.of(mixture.corruption()));
        if (chosen.size() != 1) {
            throw new UserError("data.photon_limited.corruption is " + mixture.corruption() + ", which stands for "
                    + chosen.size() + " corruptions; name one");
        }
        Corruption corruption = chosen.getFirst();
        long seed = mixture.seed().orElse(config.seed());
        PhotonLimitedMixture division = mixture.lists().isPresent()
                ? SeverityLists.read(Path.of(mixture.lists().get()), clean, mixture.severities())
                : PhotonLimitedMixture.of(clean, mixture.n(), mixture.severities(), mixture.lambda(), seed);
        return new SeverityMixture(division, corruption, seed, division.train(corruption, seed, threads));
    }

    /** Returns the training images, corrupted. */
    public ImageSet train() {
        return images.images();
    }

    void write(Path folder) {
        SeverityLists.write(folder, division);
    }

    /** Returns one sentence for a terminal. */
    public String line() {
        String counts = IntStream.rangeClosed(0, division.severities())
                .mapToObj(s -> Integer.toString(division.positions(s).length))
                .collect(Collectors.joining("/"));
        return "photon-limited " + corruption.name() + ", severities 0-" + division.severities() + ": " + counts
                + " images to train with, " + division.validation().size() + " left for validation";
    }

    /** Tests a network at every severity: the training images, those left over, and the test images. */
    SeverityResults test(Evaluator evaluator, ImageSet test, int threads, Progress progress) {
        List<SeverityResults.Row> rows = new ArrayList<>();
        ImageSet validation = division.validation();
        int severities = division.severities();
        progress.stage("severities", train().size() + (severities + 1L) * (validation.size() + test.size()));
        int at = 0;
        for (int s = 0; s <= severities; s++) {
            int first = at;
            int count = division.positions(s).length;
            int[] positions = IntStream.range(first, first + count).toArray();
            add(rows, "train", s, train().subset(positions), evaluator, progress);
            at += count;
        }
        for (int s = 0; s <= severities; s++) {
            if (validation.size() > 0) {
                ImageSet corrupted = PhotonLimitedMixture.at(validation, corruption, s, seed, threads);
                add(rows, "validation", s, corrupted, evaluator, progress);
            }
        }
        for (int s = 0; s <= severities; s++) {
            ImageSet corrupted = PhotonLimitedMixture.at(test, corruption, s, seed, threads);
            add(rows, "test", s, corrupted, evaluator, progress);
        }
        progress.stageDone();
        return new SeverityResults(rows);
    }

    private static void add(
            List<SeverityResults.Row> rows,
            String split,
            int severity,
            ImageSet images,
            Evaluator evaluator,
            Progress progress) {
        Evaluator.Result result = evaluator.evaluate(images, progress::stageAdvance);
        rows.add(new SeverityResults.Row(split, severity, result.images(), result.accuracy(), result.loss()));
    }
}
