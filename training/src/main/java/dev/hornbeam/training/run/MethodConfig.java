package dev.hornbeam.training.run;

/** A training method: one choice on each of the four axes, and how a batch is split for it. */
public record MethodConfig(
        @Setting(doc = "where in weight space the gradient is taken", def = "none")
        PerturbationConfig perturbation,

        @Setting(doc = "sub-batches with a weight perturbation of their own", def = "1", range = "[1, 4096]")
        int subBatches,

        @Setting(doc = "batch norm over the whole batch, not per sub-batch", def = "true")
        boolean syncBn,

        @Setting(doc = "how losses of images become one number", def = "ce")
        ObjectiveConfig objective,

        @Setting(doc = "what happens to the input", def = "none")
        InputConfig input,

        @Setting(doc = "what happens to the weights after an update", def = "none")
        ProjectionConfig projection) {}
