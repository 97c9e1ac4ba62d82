package dev.hornbeam.training.run;

import dev.hornbeam.tensor.Device;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.evaluation.Evaluator;
import dev.hornbeam.training.noise.NoisySet;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The sets that show what a network makes of noise, by the names of self-adaptive training: {@code clean_train} and {@code
 * noisy_train} are the images trained on, without and with noise; {@code clean_val} and {@code noisy_val} those held out;
 * {@code clean_set} and {@code noisy_set} both together; {@code test_set} the test images.
 */
final class NoiseSets {
    static final List<String> NAMES =
            List.of("clean_train", "noisy_train", "clean_val", "noisy_val", "clean_set", "noisy_set", "test_set");

    private NoiseSets() {}

    /** The sets that a configuration asks for. */
    static Map<String, List<ImageSet>> of(
            RunConfig config, SpoiledImages images, ImageSet test, Device device, Progress progress) {
        Map<String, List<ImageSet>> sets = new LinkedHashMap<>();
        List<String> names = config.evaluation().sets();
        if (images.validation().isEmpty() && (names.contains("clean_val") || names.contains("noisy_val"))) {
            throw new UserError("evaluation.sets has " + String.join(", ", names)
                    + ", but no images are held out; leave clean_val and noisy_val out");
        }
        boolean needed = names.contains("noisy_val") || names.contains("noisy_set");
        Optional<NoisySet> heldOut = needed && images.validation().isPresent()
                ? NoiseParts.noise(config, images.validation().get(), device, progress)
                : Optional.empty();
        names.forEach(name -> sets.put(name, of(name, images, heldOut, test)));
        return sets;
    }

    private static List<ImageSet> of(String name, SpoiledImages images, Optional<NoisySet> heldOut, ImageSet test) {
        ImageSet clean = images.noise().map(NoisySet::clean).orElse(images.train());
        Optional<ImageSet> noisyHeldOut = heldOut.map(NoisySet::noisy).or(images::validation);
        return switch (name) {
            case "clean_train" -> List.of(clean);
            case "noisy_train" -> List.of(images.train());
            case "clean_val" -> List.of(images.validation().orElseThrow());
            case "noisy_val" -> List.of(noisyHeldOut.orElseThrow());
            case "clean_set" -> both(clean, images.validation());
            case "noisy_set" -> both(images.train(), noisyHeldOut);
            case "test_set" -> List.of(test);
            default -> throw new IllegalArgumentException("no set " + name);
        };
    }

    private static List<ImageSet> both(ImageSet train, Optional<ImageSet> heldOut) {
        return heldOut.map(held -> List.of(train, held)).orElse(List.of(train));
    }

    /** The names of what {@link #measure} gives. */
    static List<String> columns(Map<String, List<ImageSet>> sets) {
        List<String> columns = new ArrayList<>();
        for (String name : sets.keySet()) {
            columns.add(name + "_loss");
            columns.add(name + "_accuracy");
        }
        return columns;
    }

    /** Loss and accuracy on each set. */
    static Map<String, Double> measure(Map<String, List<ImageSet>> sets, Evaluator evaluator, Progress progress) {
        Map<String, Double> values = new LinkedHashMap<>();
        sets.forEach((name, parts) -> {
            progress.stage(name, parts.stream().mapToLong(ImageSet::size).sum());
            long images = 0;
            long correct = 0;
            double loss = 0;
            for (ImageSet part : parts) {
                Evaluator.Result result = evaluator.evaluate(part, progress::stageAdvance);
                images += result.images();
                correct += result.correct();
                loss += result.loss() * result.images();
            }
            progress.stageDone();
            values.put(name + "_loss", loss / images);
            values.put(name + "_accuracy", (double) correct / images);
        });
        return values;
    }
}
