package dev.hornbeam.training.run;

/** Where in weight space the gradient of a step is taken. */
public sealed interface PerturbationConfig {

    /** At the weights themselves. */
    @Kind("none")
    record None() implements PerturbationConfig {}

    /**
     * DAMP: at the weights times {@code N(1, sigma²)}, drawn anew for every sub-batch (Trinh et al. 2024, Algorithm 1).
     */
    @Kind("damp")
    record Damp(
            @Setting(doc = "standard deviation of the factors", range = "[0, inf)")
            double sigma,

            @Setting(doc = "at-perturbed as published, or chain-rule: times the factors", def = "at-perturbed")
            Gradient gradient)
            implements PerturbationConfig {}

    /** DAAP: at the weights plus {@code N(0, sigma²)}, drawn anew for every sub-batch (Trinh et al. 2024, Algorithm 3). */
    @Kind("daap")
    record Daap(
            @Setting(doc = "standard deviation of the summands", range = "[0, inf)")
            double sigma) implements PerturbationConfig {}

    /** SAM: at the weights moved by {@code rho} along the sub-batch's gradient (Foret et al. 2021, Algorithm 1). */
    @Kind("sam")
    record Sam(
            @Setting(doc = "length of the way uphill", range = "[0, inf)")
            double rho) implements PerturbationConfig {}

    /** ASAM: the same, measured in units of the weights (Kwon et al. 2021, Algorithm 1). */
    @Kind("asam")
    record Asam(
            @Setting(doc = "length of the way uphill, in units of the weights", range = "[0, inf)")
            double rho,

            @Setting(doc = "added to the sizes of the weights", def = "0", range = "[0, inf)")
            double eta)
            implements PerturbationConfig {}

    /** With respect to what DAMP differentiates. */
    enum Gradient {
        /** The perturbed weights; the factors do not enter the gradient. */
        AT_PERTURBED,
        /** The clean weights; the gradient is multiplied by the factors. */
        CHAIN_RULE
    }
}
