package dev.hornbeam.training.run;

import dev.hornbeam.io.Npy;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.noise.AsymmetricPairs;
import dev.hornbeam.training.noise.ClassScores;
import dev.hornbeam.training.noise.ImageNoise;
import dev.hornbeam.training.noise.LabelNoise;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import dev.hornbeam.training.noise.NoiseFiles;
import dev.hornbeam.training.noise.NoisySet;
import dev.hornbeam.training.noise.TransitionMatrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Makes the noise of a run from its configuration. */
public final class NoiseParts {
    private NoiseParts() {}

    /**
     * Puts the noise of a configuration on training images; empty for noise none.
     *
     * @param device where a network that the noise is made with computes
     * @param progress is told of that network's training
     * @throws UserError if a file cannot be read or the noise does not fit the images
     */
    public static Optional<NoisySet> noise(RunConfig config, ImageSet clean, Device device, Progress progress) {
        long seed = config.noise().seed().orElse(config.seed());
        String kind = config.noise().getClass().getAnnotation(Kind.class).value();
        NoiseNetwork networks = new NoiseNetwork(config, clean, device, progress, seed);
        return switch (config.noise()) {
            case NoiseConfig.None _ -> Optional.empty();
            case NoiseConfig.SymmetricInclusive n ->
                labels(clean, new LabelNoise.Symmetric(n.rate(), true, n.choice()), kind, n.rate(), seed);
            case NoiseConfig.SymmetricExclusive n ->
                labels(clean, new LabelNoise.Symmetric(n.rate(), false, n.choice()), kind, n.rate(), seed);
            case NoiseConfig.PairFlip n ->
                labels(clean, new LabelNoise.PairFlip(n.rate(), n.choice()), kind, n.rate(), seed);
            case NoiseConfig.Asymmetric n -> {
                TransitionMatrix matrix = TransitionMatrix.flips(AsymmetricPairs.of(clean), n.rate());
                yield labels(clean, new LabelNoise.Transition(matrix), kind, n.rate(), seed);
            }
            case NoiseConfig.Transition n -> {
                TransitionMatrix matrix = TransitionMatrix.read(Path.of(n.matrix()));
                yield labels(clean, new LabelNoise.Transition(matrix), kind, Double.NaN, seed);
            }
            case NoiseConfig.ClassRates n ->
                labels(clean, new LabelNoise.ClassRates(n.rates(), n.inclusive()), kind, Double.NaN, seed);
            case NoiseConfig.ImageRates n -> {
                List<Float> rates = rates(Path.of(n.rates()));
                yield labels(clean, new LabelNoise.ImageRates(rates, n.inclusive()), kind, Double.NaN, seed);
            }
            case NoiseConfig.ClassProbabilities n -> {
                LabelNoise noise = new LabelNoise.ClassProbabilities(n.rate(), n.probabilities(), n.choice());
                yield labels(clean, noise, kind, n.rate(), seed);
            }
            case NoiseConfig.InstanceDependent n ->
                labels(clean, new LabelNoise.InstanceDependent(n.rate(), n.spread()), kind, n.rate(), seed);
            case NoiseConfig.LeastSure n -> {
                ClassScores scores = networks.scores(n.network());
                yield labels(clean, new LabelNoise.LeastSure(n.rate(), scores), kind, n.rate(), seed);
            }
            case NoiseConfig.MostLikelyWrong n -> {
                ClassScores scores = networks.scores(n.network());
                LabelNoise noise = new LabelNoise.MostLikelyWrong(n.rate(), n.choice(), scores);
                yield labels(clean, noise, kind, n.rate(), seed);
            }
            case NoiseConfig.Predicted n ->
                labels(clean, new LabelNoise.Predicted(networks.scores(n.network())), kind, Double.NaN, seed);
            case NoiseConfig.FixedClass n ->
                labels(clean, new LabelNoise.FixedClass(n.rate(), n.label(), n.choice()), kind, n.rate(), seed);
            case NoiseConfig.Gaussian n -> images(clean, ImageNoise.GAUSSIAN, n.rate(), n.choice(), seed);
            case NoiseConfig.RandomPixels n -> images(clean, ImageNoise.RANDOM_PIXELS, n.rate(), n.choice(), seed);
            case NoiseConfig.ShuffledPixels n -> images(clean, ImageNoise.SHUFFLED_PIXELS, n.rate(), n.choice(), seed);
            case NoiseConfig.FromFile n -> Optional.of(NoiseFiles.read(Path.of(n.path()), clean));
        };
    }

    private static Optional<NoisySet> labels(ImageSet clean, LabelNoise noise, String kind, double rate, long seed) {
        return Optional.of(NoisySet.of(clean, noise, kind, rate, seed));
    }

    private static Optional<NoisySet> images(ImageSet clean, ImageNoise noise, double rate, Choice choice, long seed) {
        return Optional.of(NoisySet.of(clean, noise, rate, choice, seed));
    }

    // A number for each image.
    static List<Float> rates(Path file) {
        List<Float> rates = new ArrayList<>();
        try {
            if (file.toString().toLowerCase(Locale.ROOT).endsWith(".npy")) {
                for (float rate : Npy.read(file).toFloats()) {
                    rates.add(rate);
                }
            } else {
                int number = 0;
                for (String line : Files.readAllLines(file)) {
                    number++;
                    String text = line.strip();
                    if (!text.isEmpty() && !text.startsWith("#")) {
                        rates.add(rate(text, file, number));
                    }
                }
            }
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
        return rates;
    }

    private static float rate(String text, Path file, int line) {
        try {
            return Float.parseFloat(text);
        } catch (NumberFormatException e) {
            throw new UserError(file + ":" + line + ": '" + text + "' is not a number", e);
        }
    }
}
