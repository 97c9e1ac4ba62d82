package dev.hornbeam.training.run;

import java.util.Optional;

/** Files with numbers to predict for each image, in the published order. */
public record TargetsConfig(
        @Setting(doc = "CSV or .npy file with a row for each image of the training part", def = "null")
        Optional<String> train,

        @Setting(doc = "CSV or .npy file with a row for each image of the test part", def = "null")
        Optional<String> test) {}
