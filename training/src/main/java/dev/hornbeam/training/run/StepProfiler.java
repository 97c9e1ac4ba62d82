package dev.hornbeam.training.run;

import dev.hornbeam.profile.OpRecord;
import dev.hornbeam.profile.Profiler;
import dev.hornbeam.training.run.TrainingProfile.Phase;
import dev.hornbeam.training.run.TrainingProfile.Span;
import dev.hornbeam.training.run.TrainingProfile.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Takes the profile of some steps of a training that goes on meanwhile.
 *
 * <p>The training says when a step and its phases begin and end, on one thread. Each step is a recording of its own, read after
 * the step has ended; what happens between steps is in none.
 */
public final class StepProfiler implements AutoCloseable {
    /** Records of one step that are kept. The largest network here has some 3,000 in a step. */
    private static final int CAPACITY = 1 << 15;

    private final int steps;
    private final Consumer<TrainingProfile> done;
    private final List<Step> taken = new ArrayList<>();
    private int toSkip;
    private boolean reported;

    // Of the step in progress.
    private Profiler recording;
    private long start;
    private final List<Span> phases = new ArrayList<>();
    private Phase phase;
    private long phaseStart;

    /**
     * Waits for the first step.
     *
     * @param warmUp steps that are let by first, at least 0
     * @param steps how many are profiled after them; with 0 it does nothing
     * @param done is given the profile once, on the training's thread, after the last of these steps
     */
    public StepProfiler(int warmUp, int steps, Consumer<TrainingProfile> done) {
        this.toSkip = warmUp;
        this.steps = steps;
        this.done = done;
    }

    /** One that does nothing. */
    static StepProfiler none() {
        return new StepProfiler(0, 0, _ -> {});
    }

    /** A step begins. */
    void beginStep() {
        if (reported || taken.size() == steps) {
            return;
        }
        if (toSkip > 0) {
            toSkip--;
            return;
        }
        phases.clear();
        recording = Profiler.start(CAPACITY);
        start = System.nanoTime();
    }

    /** A phase begins, and the one before it ends. */
    void begin(Phase next) {
        if (recording == null) {
            return;
        }
        end();
        phase = next;
        phaseStart = System.nanoTime();
    }

    /** The phase ends, if there is one. */
    void end() {
        if (phase != null) {
            phases.add(new Span(phase, phaseStart, System.nanoTime() - phaseStart));
            phase = null;
        }
    }

    /** A step ends, the {@code number}-th of the run. */
    void endStep(long number) {
        if (recording == null) {
            return;
        }
        end();
        long nanos = System.nanoTime() - start;
        Profiler.Recording recorded = recording.stop();
        recording = null;
        List<OpRecord> ops = recorded.ops();
        taken.add(new Step(number, start, nanos, List.copyOf(phases), ops, recorded.lost(), Profiler.thread()));
        if (taken.size() == steps) {
            report();
        }
    }

    private void report() {
        reported = true;
        done.accept(new TrainingProfile(taken));
    }

    /** Gives what there is, if training ended before all steps were done; a step in progress is dropped. */
    public void finish() {
        if (recording != null) {
            recording.close();
            recording = null;
            phase = null;
        }
        if (!reported && !taken.isEmpty()) {
            report();
        }
    }

    /** Finishes, if that was not done. */
    @Override
    public void close() {
        finish();
    }

    /** Whether a profile was given. */
    public boolean isReported() {
        return reported;
    }
}
