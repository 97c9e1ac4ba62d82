package dev.hornbeam.training.corruption.build;

import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeSet;

/**
 * Runs the chunks of a job somewhere: on threads of this process, or on other machines. Implementations other than
 * {@link LocalEngine} are found by {@link ServiceLoader}.
 */
public interface CorruptionEngine {
    /**
     * What is to be run.
     *
     * @param description of the job, for {@link CorruptionWorker#of}
     * @param fingerprint of the clean images, for the same
     * @param chunks numbers of the chunks to do, in any order
     * @param worker that does them in this process
     */
    record Work(String description, String fingerprint, List<Integer> chunks, CorruptionWorker worker) {}

    /** Is told how far the work is and says whether to go on; any thread may call it. */
    interface Progress {
        /** So many more corrupted images are done. */
        void done(long images);

        /** Whether the work is to end soon, unfinished. */
        boolean isStopped();
    }

    /** Name of the engine on the command line. */
    String name();

    /**
     * Runs {@link CorruptionWorker#run} once for each chunk and returns when all are done.
     *
     * @param master where to run, in the engine's own words; empty for its default
     * @throws UserError if a chunk fails for a reason that the user can mend
     * @throws java.util.concurrent.CancellationException if {@code progress} says to stop
     */
    void run(Work work, Optional<String> master, Progress progress);

    /**
     * Returns the engine called {@code name}.
     *
     * @throws UserError if it is not on the class path; the message says how to get it
     */
    static CorruptionEngine named(String name) {
        TreeSet<String> known = new TreeSet<>();
        for (CorruptionEngine engine : ServiceLoader.load(CorruptionEngine.class)) {
            if (engine.name().equals(name)) {
                return engine;
            }
            known.add(engine.name());
        }
        if (name.equals("spark")) {
            throw new UserError(
                    "the engine spark is not on the class path; run ./hornbeam of the source tree, which adds"
                            + " it, or add the artifact dev.hornbeam:hornbeam-training-spark with its dependencies");
        }
        known.add("local");
        throw new UserError("unknown engine '" + name + "'; known: " + String.join(", ", known)
                + NearestNames.didYouMean(name, known));
    }
}
