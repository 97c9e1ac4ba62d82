package dev.hornbeam.training.run;

import java.util.OptionalDouble;

/** The optimizer and its constants. */
public sealed interface OptimizerConfig {

    /** Learning rate before the schedule. */
    double lr();

    /** Weight decay: added to the gradient for {@code sgd} and {@code adam}, applied to the weights for {@code adamw}. */
    double weightDecay();

    /** Largest global gradient norm; longer gradients are scaled back to it. */
    OptionalDouble clip();

    /** Stochastic gradient descent with momentum. */
    @Kind("sgd")
    record Sgd(
            @Setting(doc = "learning rate before the schedule", range = "(0, inf)")
            double lr,

            @Setting(doc = "momentum", def = "0.9", range = "[0, 1)")
            double momentum,

            @Setting(doc = "Nesterov's form of momentum", def = "false")
            boolean nesterov,

            @Setting(doc = "weight decay, added to the gradient", def = "0", range = "[0, inf)")
            double weightDecay,

            @Setting(doc = "largest gradient norm; null is no limit", def = "null", range = "(0, inf)")
            OptionalDouble clip)
            implements OptimizerConfig {

        /** Checks that Nesterov's form has a momentum. */
        public Sgd {
            if (nesterov && momentum == 0) {
                throw new InvalidSetting("nesterov", "is true, which needs a momentum above 0");
            }
        }
    }

    /** Adam (Kingma and Ba 2015), with AMSGrad as an option. */
    @Kind("adam")
    record Adam(
            @Setting(doc = "learning rate before the schedule", range = "(0, inf)")
            double lr,

            @Setting(doc = "decay of the mean gradient", def = "0.9", range = "[0, 1)")
            double beta1,

            @Setting(doc = "decay of the mean squared gradient", def = "0.999", range = "[0, 1)")
            double beta2,

            @Setting(doc = "added to the root of the mean square", def = "1e-8", range = "(0, inf)")
            double eps,

            @Setting(doc = "never let the mean square fall", def = "false")
            boolean amsgrad,

            @Setting(doc = "weight decay, added to the gradient", def = "0", range = "[0, inf)")
            double weightDecay,

            @Setting(doc = "largest gradient norm; null is no limit", def = "null", range = "(0, inf)")
            OptionalDouble clip)
            implements OptimizerConfig {}

    /** AdamW: Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019). */
    @Kind("adamw")
    record AdamW(
            @Setting(doc = "learning rate before the schedule", range = "(0, inf)")
            double lr,

            @Setting(doc = "decay of the mean gradient", def = "0.9", range = "[0, 1)")
            double beta1,

            @Setting(doc = "decay of the mean squared gradient", def = "0.999", range = "[0, 1)")
            double beta2,

            @Setting(doc = "added to the root of the mean square", def = "1e-8", range = "(0, inf)")
            double eps,

            @Setting(doc = "weight decay, applied to the weights", def = "0.01", range = "[0, inf)")
            double weightDecay,

            @Setting(doc = "largest gradient norm; null is no limit", def = "null", range = "(0, inf)")
            OptionalDouble clip)
            implements OptimizerConfig {}
}
