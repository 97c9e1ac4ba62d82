package dev.hornbeam.training.run;

import dev.hornbeam.training.NearestNames;
import java.util.List;

/** What is measured on the test images, and when. */
public record EvaluationConfig(
        @Setting(doc = "epochs between two tests; 0 tests at the end only", def = "1", range = "[0, 1000000]")
        int every,

        @Setting(
                doc = "what is tested with: test, or validation for the held-out images of data.split.validation",
                def = "test")
        Part part,

        @Setting(doc = "images per step of a test", def = "256", range = "[1, 1048576]")
        int batch,

        @Setting(doc = "corruptions tested at the end: none, quick, or names", def = "none")
        List<String> corruptions,

        @Setting(doc = "severities of the corruptions", def = "[1, 2, 3, 4, 5]", range = "[1, 5]")
        List<Integer> severities,

        @Setting(doc = "sets tested beside the test images: none, or names such as noisy_val", def = "none")
        List<String> sets) {

    /** The images that a run is tested with. */
    public enum Part {
        /** The test images; the validation images are measured beside them. */
        TEST,
        /** The validation images: the test images are not looked at. */
        VALIDATION
    }

    private static final String NONE = "none";

    /** Turns {@code none} into the empty list and checks that nothing is named twice. */
    public EvaluationConfig {
        sets = sets.equals(List.of(NONE)) ? List.of() : List.copyOf(sets);
        checkDistinct("sets", sets);
        sets.stream().filter(set -> !NoiseSets.NAMES.contains(set)).findFirst().ifPresent(set -> {
            throw new InvalidSetting(
                    "sets",
                    "has " + set + "; expected none, or some of " + String.join(", ", NoiseSets.NAMES)
                            + NearestNames.didYouMean(set, NoiseSets.NAMES));
        });
        corruptions = corruptions.equals(List.of(NONE)) ? List.of() : List.copyOf(corruptions);
        severities = List.copyOf(severities);
        if (corruptions.contains(NONE)) {
            throw new InvalidSetting("corruptions", "has none beside other names; give none alone or leave it out");
        }
        checkDistinct("corruptions", corruptions);
        checkDistinct("severities", severities);
    }

    private static void checkDistinct(String key, List<?> values) {
        if (values.stream().distinct().count() != values.size()) {
            throw new InvalidSetting(key, "is " + values + "; name each once");
        }
    }
}
