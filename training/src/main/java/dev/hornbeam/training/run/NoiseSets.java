package dev.hornbeam.training.run;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.evaluation.Evaluator;
import dev.hornbeam.training.noise.NoisySet;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The sets that show what a network makes of noise, by the names of self-adaptive training: {@code clean_train} and {@code
 * noisy_train} are the images trained on, without and with noise; {@code clean_val} and {@code noisy_val} those held out;
 * {@code clean_set} and {@code noisy_set} both together; {@code test_set} the test images.
 */
final class NoiseSets {
    static final List<String> NAMES =
            List.of("clean_train", "noisy_train", "clean_val", "noisy_val", "clean_set", "noisy_set", "test_set");

    private NoiseSets() {}

    /** The sets of those names. */
    static Map<String, ImageSet> of(List<String> names, SpoiledImages images, ImageSet test) {
        Map<String, ImageSet> sets = new LinkedHashMap<>();
        names.forEach(name -> sets.put(name, of(name, images, test)));
        return sets;
    }

    private static ImageSet of(String name, SpoiledImages images, ImageSet test) {
        return switch (name) {
            case "clean_train" -> clean(images, images.train());
            case "noisy_train" -> images.train();
            case "clean_val" -> clean(images, heldOut(name, images));
            case "noisy_val" -> noisy(images, heldOut(name, images));
            case "clean_set" -> images.noise().map(NoisySet::clean).orElse(images.train());
            case "noisy_set" -> images.noise().map(NoisySet::noisy).orElse(images.train());
            case "test_set" -> test;
            default -> throw new IllegalArgumentException("no set " + name);
        };
    }

    private static ImageSet clean(SpoiledImages images, ImageSet part) {
        return images.noise().map(noise -> noise.cleanOf(part)).orElse(part);
    }

    private static ImageSet noisy(SpoiledImages images, ImageSet part) {
        return images.noise().map(noise -> noise.noisyOf(part)).orElse(part);
    }

    private static ImageSet heldOut(String name, SpoiledImages images) {
        return images.validation()
                .orElseThrow(() -> new UserError("evaluation.sets has " + name
                        + ", but no images are held out; give data.validation, or leave " + name + " out"));
    }

    /** The names of what {@link #measure} gives. */
    static List<String> columns(Map<String, ImageSet> sets) {
        List<String> columns = new ArrayList<>();
        for (String name : sets.keySet()) {
            columns.add(name + "_loss");
            columns.add(name + "_accuracy");
        }
        return columns;
    }

    /** Loss and accuracy on each set. */
    static Map<String, Double> measure(Map<String, ImageSet> sets, Evaluator evaluator, Progress progress) {
        Map<String, Double> values = new LinkedHashMap<>();
        sets.forEach((name, set) -> {
            progress.stage(name, set.size());
            Evaluator.Result result = evaluator.evaluate(set, progress::stageAdvance);
            progress.stageDone();
            values.put(name + "_loss", result.loss());
            values.put(name + "_accuracy", result.accuracy());
        });
        return values;
    }
}
