package dev.hornbeam.training.run;

/** Which images of the data set are trained on, which are held out and which are tested with. */
public record SplitConfig(
        @Setting(doc = "part to train on, or several as in train+extra", def = "train")
        String train,

        @Setting(doc = "part to test with", def = "test") String test,

        @Setting(
                doc = "share of every class of the training part held out for testing, for sets without a test part",
                def = "0",
                range = "[0, 1)")
        double testFraction,

        @Setting(doc = "images held out for choices made during training", def = "none")
        ValidationConfig validation,

        @Setting(
                doc = "train on this many images of each class only; 0 takes all",
                def = "0",
                range = "[0, 2147483647]")
        int fewShot,

        @Setting(
                doc = "seed of what is drawn here; not the run's, so that runs are compared on the same images",
                def = "0")
        long seed) {}
