package dev.hornbeam.optim;

import java.util.List;

/**
 * The factor of the base learning rate at every step: a pure function of the progress, so that a resumed run goes on
 * exactly.
 */
public sealed interface Schedule {
    /** The factor for the next step. */
    double factor(Progress progress);

    /** Always 1. */
    static Schedule constant() {
        return new Constant();
    }

    /** Times {@code gamma} after every {@code epochs} epochs. */
    static Schedule step(int epochs, double gamma) {
        return new Step(epochs, gamma);
    }

    /** Times {@code gamma} at each of these epochs. */
    static Schedule multiStep(double gamma, Integer... epochs) {
        return new MultiStep(gamma, List.of(epochs));
    }

    /** From 1 down to {@code floor} on half a cosine (Loshchilov and Hutter 2017). */
    static Schedule cosine(double floor) {
        return new Cosine(floor);
    }

    /** DAMP's for small images: 1 to half of the training, linear to 0.01 at nine tenths, then 0.01. */
    static Schedule linearAnneal() {
        return new LinearAnneal(0.5, 0.9, 0.01);
    }

    /**
     * This schedule after {@code steps} steps of linear growth from {@code start} to its first value; it runs over the steps
     * that remain, and counts epochs from there.
     */
    default Schedule afterWarmUp(long steps, double start) {
        return new WarmUp(this, steps, start, true);
    }

    /** This schedule with its first {@code steps} steps replaced by linear growth from {@code start}. */
    default Schedule withWarmUp(long steps, double start) {
        return new WarmUp(this, steps, start, false);
    }

    /** This schedule with one value per epoch, that of its first step. */
    default Schedule perEpoch() {
        return new PerEpoch(this);
    }

    /** Always 1. */
    record Constant() implements Schedule {
        @Override
        public double factor(Progress progress) {
            return 1;
        }
    }

    /**
     * Times a factor after every so many epochs.
     *
     * @param epochs at least 1
     * @param gamma the factor
     */
    record Step(int epochs, double gamma) implements Schedule {
        /** Checks the number of epochs. */
        public Step {
            if (epochs < 1) {
                throw new IllegalArgumentException("step schedule: every " + epochs + " epochs; at least 1 is needed");
            }
        }

        @Override
        public double factor(Progress progress) {
            return Math.pow(gamma, (double) Math.floorDiv(progress.epoch(), epochs));
        }
    }

    /**
     * Times a factor at each of some epochs.
     *
     * @param gamma the factor
     * @param milestones epochs, from 0
     */
    record MultiStep(double gamma, List<Integer> milestones) implements Schedule {
        /** Copies the list. */
        public MultiStep {
            milestones = List.copyOf(milestones);
        }

        @Override
        public double factor(Progress progress) {
            long epoch = progress.epoch();
            return Math.pow(
                    gamma, (double) milestones.stream().filter(m -> m <= epoch).count());
        }
    }

    /**
     * From 1 down to a floor on half a cosine.
     *
     * @param floor the last value
     */
    record Cosine(double floor) implements Schedule {
        @Override
        public double factor(Progress progress) {
            // floor + (1 - floor) (1 + cos(pi t)) / 2
            return floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * progress.fraction()));
        }
    }

    /**
     * 1, then linear to a floor, then the floor.
     *
     * @param from part of the training after which it falls
     * @param to part of the training from which on it is the floor
     * @param floor the last value
     */
    record LinearAnneal(double from, double to, double floor) implements Schedule {
        /** Checks the order. */
        public LinearAnneal {
            if (!(0 <= from && from < to && to <= 1)) {
                throw new IllegalArgumentException(
                        "linear anneal: from " + from + " to " + to + "; 0 <= from < to <= 1 is needed");
            }
        }

        @Override
        public double factor(Progress progress) {
            double t = progress.fraction();
            if (t <= from) {
                return 1;
            }
            return t >= to ? floor : 1 - (1 - floor) * (t - from) / (to - from);
        }
    }

    /**
     * Linear growth before another schedule.
     *
     * @param next the schedule after it
     * @param steps length of the growth
     * @param start the first factor; the growth goes from here to where {@code next} takes over
     * @param shifted whether {@code next} counts steps and epochs from the end of the growth, over what remains; otherwise
     *     from the training's start
     */
    record WarmUp(Schedule next, long steps, double start, boolean shifted) implements Schedule {
        /** Checks the length. */
        public WarmUp {
            if (steps < 0) {
                throw new IllegalArgumentException("warm-up: " + steps + " steps; at least 0 is needed");
            }
        }

        @Override
        public double factor(Progress progress) {
            if (progress.step() >= steps) {
                return next.factor(shifted ? afterGrowth(progress, progress.step() - steps) : progress);
            }
            double end = next.factor(shifted ? afterGrowth(progress, 0) : progress.at(steps));
            double t = (double) progress.step() / steps;
            return start + (end - start) * t;
        }

        private Progress afterGrowth(Progress progress, long step) {
            return new Progress(step, progress.stepsPerEpoch(), Math.max(1, progress.totalSteps() - steps));
        }
    }

    /**
     * One value per epoch.
     *
     * @param of the schedule whose value at an epoch's first step is kept
     */
    record PerEpoch(Schedule of) implements Schedule {
        @Override
        public double factor(Progress progress) {
            return of.factor(progress.atEpochStart());
        }
    }
}
