package dev.hornbeam.training.run;

import java.util.List;

/** The learning rate over time, as a factor or a course of {@link OptimizerConfig#lr()}. */
public sealed interface ScheduleConfig {

    /** The rise from a small learning rate at the start, before the schedule's own course. */
    WarmupConfig warmup();

    /** Always the same. */
    @Kind("constant")
    record Constant(
            @Setting(doc = "rise at the start", def = "{}") WarmupConfig warmup) implements ScheduleConfig {}

    /** Multiplied by {@code gamma} every so many epochs. */
    @Kind("step")
    record Step(
            @Setting(doc = "epochs between two changes", range = "[1, 1000000]")
            int every,

            @Setting(doc = "factor of each change", def = "0.1", range = "(0, inf)")
            double gamma,

            @Setting(doc = "rise at the start", def = "{}") WarmupConfig warmup)
            implements ScheduleConfig {}

    /** Multiplied by {@code gamma} at each of some points. */
    @Kind("multistep")
    record MultiStep(
            @Setting(doc = "where it changes: epochs, or shares of the run where below 1", range = "(0, inf)")
            List<Double> milestones,

            @Setting(doc = "factor of each change", def = "0.1", range = "(0, inf)")
            double gamma,

            @Setting(doc = "rise at the start", def = "{}") WarmupConfig warmup)
            implements ScheduleConfig {

        /** Checks that the milestones rise. */
        public MultiStep {
            milestones = List.copyOf(milestones);
            for (int i = 1; i < milestones.size(); i++) {
                if (milestones.get(i) <= milestones.get(i - 1)) {
                    throw new InvalidSetting("milestones", "are " + milestones + "; give them in rising order");
                }
            }
            if (milestones.isEmpty()) {
                throw new InvalidSetting("milestones", "has no element; give at least one, or use kind constant");
            }
        }
    }

    /** Half a cosine from the full rate to {@code final_factor} of it over the epochs after the warm-up. */
    @Kind("cosine")
    record Cosine(
            @Setting(doc = "share of the learning rate left at the end", def = "0", range = "[0, 1]")
            double finalFactor,

            @Setting(doc = "rise at the start", def = "{}") WarmupConfig warmup)
            implements ScheduleConfig {}

    /** Constant, then a straight line down, then constant at {@code final_factor}. */
    @Kind("linear-anneal")
    record LinearAnneal(
            @Setting(doc = "share of the epochs at the full rate", def = "0.5", range = "[0, 1]")
            double hold,

            @Setting(doc = "share of the epochs after which the fall ends", def = "0.9", range = "(0, 1]")
            double until,

            @Setting(doc = "share of the learning rate left at the end", def = "0.01", range = "[0, 1]")
            double finalFactor,

            @Setting(doc = "rise at the start", def = "{}") WarmupConfig warmup)
            implements ScheduleConfig {

        /** Checks that the fall has a length. */
        public LinearAnneal {
            if (until <= hold) {
                throw new InvalidSetting("until", "is " + until + ", not above hold, which is " + hold);
            }
        }
    }
}
