package dev.hornbeam.training.spark;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.build.CorruptionEngine;
import dev.hornbeam.training.corruption.build.CorruptionWorker;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.util.LongAccumulator;

/** Does one chunk on an executor; returns what the user has to mend, or an empty text. */
final class ChunkTask implements Function<Integer, String> {
    private static final long serialVersionUID = 1L;

    // One of each job for a whole executor: the images of a data set are read once.
    private static final Map<String, CorruptionWorker> WORKERS = new ConcurrentHashMap<>();

    private final String description;
    private final String fingerprint;
    private final LongAccumulator done;

    ChunkTask(String description, String fingerprint, LongAccumulator done) {
        this.description = description;
        this.fingerprint = fingerprint;
        this.done = done;
    }

    @Override
    public String call(Integer chunk) {
        TaskContext task = TaskContext.get();
        try {
            CorruptionWorker worker = WORKERS.computeIfAbsent(
                    description + fingerprint, _ -> CorruptionWorker.of(description, fingerprint));
            worker.run(chunk, new CorruptionEngine.Progress() {
                @Override
                public void done(long images) {
                    done.add(images);
                }

                @Override
                public boolean isStopped() {
                    return task.isInterrupted();
                }
            });
            return "";
        } catch (UserError e) {
            // To try again would not help.
            return e.getMessage();
        }
    }
}
