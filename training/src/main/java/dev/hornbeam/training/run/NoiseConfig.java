package dev.hornbeam.training.run;

import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** What is wrong on purpose with the training images or their labels. */
public sealed interface NoiseConfig {
    /** Seed of the noise; empty for the run's. */
    default Optional<Long> seed() {
        return Optional.empty();
    }

    /** Nothing. */
    @Kind("none")
    record None() implements NoiseConfig {}

    /** Labels drawn anew from all classes. */
    @Kind("symmetric-inclusive")
    record SymmetricInclusive(
            @Setting(doc = "share of the labels to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "independent: each by itself; exact-count: exactly that share", def = "independent")
            Choice choice,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Labels drawn anew from the wrong classes. */
    @Kind("symmetric-exclusive")
    record SymmetricExclusive(
            @Setting(doc = "share of the labels to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "independent: each by itself; exact-count: exactly that share", def = "independent")
            Choice choice,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Class k becomes k+1. */
    @Kind("pairflip")
    record PairFlip(
            @Setting(doc = "share of the labels to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "independent: each by itself; exact-count: exactly that share", def = "independent")
            Choice choice,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Classes become the ones that they are published to be mistaken for. */
    @Kind("asymmetric")
    record Asymmetric(
            @Setting(doc = "share of the labels of every class that is mistaken", range = "[0, 1]")
            double rate,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Labels drawn from the row of the right one. */
    @Kind("transition")
    record Transition(
            @Setting(doc = "file with a matrix, .csv, .json or .npy: a row per right class, a column per label")
            String matrix,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Labels drawn anew at a rate for each class. */
    @Kind("class-rates")
    record ClassRates(
            @Setting(doc = "share of the labels of each class to replace", range = "[0, 1]")
            List<Double> rates,

            @Setting(doc = "draw from all classes, not only from the wrong ones", def = "false")
            boolean inclusive,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Labels drawn anew at a rate for each image. */
    @Kind("image-rates")
    record ImageRates(
            @Setting(doc = "file with the rate of each image in the published order, .npy or a number per line")
            String rates,

            @Setting(doc = "draw from all classes, not only from the wrong ones", def = "false")
            boolean inclusive,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Labels drawn anew with probabilities of the classes. */
    @Kind("class-probabilities")
    record ClassProbabilities(
            @Setting(doc = "share of the labels to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "of each class as a new label; they sum to 1", range = "[0, 1]")
            List<Double> probabilities,

            @Setting(doc = "independent: each by itself; exact-count: exactly that share", def = "independent")
            Choice choice,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Labels drawn by what the image looks like, after random projections (Xia et al. 2020). */
    @Kind("instance-dependent")
    record InstanceDependent(
            @Setting(doc = "mean over the images of the chance of a wrong label", range = "[0, 1]")
            double rate,

            @Setting(doc = "standard deviation of that chance", def = "0.1", range = "[0, 10]")
            double spread,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** The images that a network finds hardest get its best wrong class (Chen et al. 2021). */
    @Kind("least-sure")
    record LeastSure(
            @Setting(doc = "share of the labels to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "the network that says which classes an image resembles", def = "{}")
            NoiseNetworkConfig network,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Images get the class that a network finds most likely among the wrong ones. */
    @Kind("most-likely-wrong")
    record MostLikelyWrong(
            @Setting(doc = "share of the labels to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "independent: each by itself; exact-count: exactly that share", def = "independent")
            Choice choice,

            @Setting(doc = "the network that says which classes an image resembles", def = "{}")
            NoiseNetworkConfig network,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** All labels are a network's predictions. */
    @Kind("predicted")
    record Predicted(
            @Setting(doc = "the network that says which classes an image resembles", def = "{}")
            NoiseNetworkConfig network,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Labels become one class. */
    @Kind("fixed-class")
    record FixedClass(
            @Setting(doc = "share of the labels to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "that class; null lets the seed choose", def = "null", range = "[0, 2147483647]")
            OptionalInt label,

            @Setting(doc = "independent: each by itself; exact-count: exactly that share", def = "independent")
            Choice choice,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Images become normal noise of the data's mean and deviation. */
    @Kind("gaussian")
    record Gaussian(
            @Setting(doc = "share of the images to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "independent: each by itself; exact-count: exactly that share", def = "independent")
            Choice choice,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Images get their pixels in an order of their own. */
    @Kind("random-pixels")
    record RandomPixels(
            @Setting(doc = "share of the images to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "independent: each by itself; exact-count: exactly that share", def = "independent")
            Choice choice,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** Images get their pixels in one order for all. */
    @Kind("shuffled-pixels")
    record ShuffledPixels(
            @Setting(doc = "share of the images to replace", range = "[0, 1]")
            double rate,

            @Setting(doc = "independent: each by itself; exact-count: exactly that share", def = "independent")
            Choice choice,

            @Setting(doc = "seed of the noise; null is the run's", def = "null")
            Optional<Long> seed)
            implements NoiseConfig {}

    /** What files say. */
    @Kind("file")
    record FromFile(
            @Setting(doc = "folder with noisy_idx_labels.npy or other files of noise, or a .npy file of labels")
            String path)
            implements NoiseConfig {}
}
