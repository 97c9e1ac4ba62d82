package dev.hornbeam.training.run;

import java.util.Optional;

/** Which images are trained on, and how they reach the network. */
public record DataConfig(
        @Setting(doc = "data set: a known name such as fashion-mnist, or the path of an .npz file")
        String name,

        @Setting(doc = "folder the data set lies in; null looks in the usual places", def = "null")
        Optional<String> folder,

        @Setting(doc = "test set: a name or path; null is the data set's own", def = "null")
        Optional<String> test,

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
        PhotonLimitedConfig photonLimited) {}
