package dev.hornbeam.training.run;

import dev.hornbeam.training.data.DataSelection;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.HoldOut;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Which images are trained on, and how they reach the network. */
public record DataConfig(
        @Setting(
                doc =
                        "data set: a known name such as fashion-mnist, or the path of an .npz or .csv file or of a folder")
        String name,

        @Setting(doc = "folder the data set lies in; null looks in the usual places", def = "null")
        Optional<String> folder,

        @Setting(doc = "test set: a name or path; null is the data set's own", def = "null")
        Optional<String> test,

        @Setting(doc = "which images are trained on, held out and tested with", def = "{}")
        SplitConfig split,

        @Setting(doc = "size of the images", def = "{}") ImageConfig image,

        @Setting(doc = "numbers to predict", def = "{}") TargetsConfig targets,

        @Setting(doc = "train on this many images only; 0 takes all", def = "0", range = "[0, 2147483647]")
        int trainSubset,

        @Setting(doc = "test on this many images only; 0 takes all", def = "0", range = "[0, 2147483647]")
        int testSubset,

        @Setting(doc = "images per step", def = "128", range = "[1, 1048576]")
        int batch,

        @Setting(doc = "leave out the last, smaller batch of an epoch", def = "true")
        boolean dropLast,

        @Setting(doc = "how pixels are scaled", def = "dataset")
        NormalizeConfig normalize,

        @Setting(doc = "random changes to training images", def = "{}")
        AugmentConfig augment,

        @Setting(doc = "threads that prepare batches", def = "1", range = "[1, 256]")
        int workers,

        @Setting(doc = "batches prepared ahead", def = "4", range = "[1, 1024]")
        int prefetch,

        @Setting(doc = "training images corrupted at Poisson-distributed severities", def = "{}")
        PhotonLimitedConfig photonLimited) {

    /**
     * Reads the images.
     *
     * @throws dev.hornbeam.training.UserError if they are not found or not as asked for
     */
    public DataSelection.Parts load(Map<String, String> environment) {
        HoldOut held = switch (split.validation()) {
            case ValidationConfig.None _ -> new HoldOut.None();
            case ValidationConfig.Fraction(double share, boolean stratified) -> new HoldOut.Fraction(share, stratified);
            case ValidationConfig.Part(String part) -> new HoldOut.Part(part);
        };
        return new DataSelection(
                        name,
                        test,
                        split.train(),
                        split.test(),
                        split.testFraction(),
                        held,
                        split.fewShot(),
                        split.seed(),
                        trainSubset,
                        testSubset,
                        image.size(),
                        image.resize(),
                        targets.train().map(Path::of),
                        targets.test().map(Path::of))
                .load(DataSetCatalog.of(folder.map(Path::of).orElse(null), environment));
    }
}
