package dev.hornbeam.training.run;

import dev.hornbeam.profile.OpRecord;
import dev.hornbeam.profile.StepProfile;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What was recorded of some training steps.
 *
 * @param steps at least one
 */
public record TrainingProfile(List<Step> steps) {
    /** A part of a step. */
    public enum Phase {
        /** Waiting for the loader, and moving its batch into the engine. */
        DATA,
        /** Through the network, with the loss. */
        FORWARD,
        /** The gradient. */
        BACKWARD,
        /** Clipping, and the change of the weights. */
        OPTIMIZER;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A phase, from {@code startNanos} by {@link System#nanoTime}. */
    public record Span(Phase phase, long startNanos, long nanos) {}

    /**
     * One step.
     *
     * @param number from 1, in the whole run
     * @param startNanos when it began, by {@link System#nanoTime}
     * @param nanos how long it took
     * @param phases in the order of time; one may come several times, as in a step that takes two gradients
     * @param ops of all threads, in the order of their ends
     * @param lost records for which there was no room
     * @param thread the training thread's number in {@code ops}
     */
    public record Step(
            long number, long startNanos, long nanos, List<Span> phases, List<OpRecord> ops, long lost, int thread) {
        /** The calls of the training thread. */
        List<OpRecord> own() {
            return ops.stream().filter(op -> op.thread() == thread).toList();
        }
    }

    /**
     * Where the time of a phase went, over all steps.
     *
     * @param nanos how long it took
     * @param outsideNanos how much of it was spent outside the engine
     */
    public record Share(long nanos, long outsideNanos) {
        private Share plus(Share other) {
            return new Share(nanos + other.nanos, outsideNanos + other.outsideNanos);
        }
    }

    public TrainingProfile {
        steps = List.copyOf(steps);
        if (steps.isEmpty()) {
            throw new IllegalArgumentException("steps is empty; a profile is of at least one");
        }
    }

    /** How long the steps took together. */
    public long wallNanos() {
        return steps.stream().mapToLong(Step::nanos).sum();
    }

    /** Records for which there was no room. */
    public long lost() {
        return steps.stream().mapToLong(Step::lost).sum();
    }

    /** What the training thread's calls add up to. */
    public StepProfile sums() {
        List<OpRecord> all = new ArrayList<>();
        steps.forEach(step -> all.addAll(step.own()));
        return StepProfile.of(all, steps.size(), wallNanos());
    }

    /** The phases that there were. */
    public Map<Phase, Share> phases() {
        Map<Phase, Share> shares = new EnumMap<>(Phase.class);
        for (Step step : steps) {
            List<OpRecord> calls =
                    step.own().stream().filter(op -> op.partOf().isEmpty()).toList();
            for (Span span : step.phases()) {
                long end = span.startNanos() + span.nanos();
                long inside = calls.stream()
                        .filter(op -> op.startNanos() >= span.startNanos() && op.startNanos() < end)
                        .mapToLong(OpRecord::nanos)
                        .sum();
                shares.merge(span.phase(), new Share(span.nanos(), Math.max(0, span.nanos() - inside)), Share::plus);
            }
        }
        return shares;
    }
}
