package dev.hornbeam.tensor;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tells of tensors that were in no scope and were garbage-collected without having been closed: their native memory is
 * lost until the process ends.
 *
 * <p>It only tells, to the {@link System.Logger} named after this class; it never releases, because memory that is freed
 * by chance hides the mistake. {@code -Dhornbeam.debug=true} adds the place where the tensor was made.
 */
public final class LeakReport {
    /** Whether the system property {@code hornbeam.debug} asks for creation and release stacks. */
    static final boolean DEBUG = Boolean.getBoolean("hornbeam.debug");

    private static final Cleaner CLEANER = Cleaner.create();
    private static final AtomicLong LEAKS = new AtomicLong();

    private LeakReport() {}

    /** Tensors that were found lost, and told of, since the start. Runs behind the garbage collector. */
    public static long leaks() {
        return LEAKS.get();
    }

    static Watch watch(Tensor tensor, Throwable created) {
        Watch watch = new Watch(created);
        watch.cleanable = CLEANER.register(tensor, watch);
        return watch;
    }

    /** Runs when its tensor is unreachable, or was closed. */
    static final class Watch implements Runnable {
        private final Throwable created;
        private Cleaner.Cleanable cleanable;
        private volatile boolean ended;

        Watch(Throwable created) {
            this.created = created;
        }

        /** The tensor was closed, or somebody else looks after it now. */
        void end() {
            ended = true;
            cleanable.clean();
        }

        @Override
        public void run() {
            if (ended) {
                return;
            }
            // The cleaner's own thread is the only one that comes here.
            long count = LEAKS.get() + 1;
            // The first few, then fewer and fewer: a leak in a loop must not drown the log.
            if (count <= 3 || Long.bitCount(count) == 1) {
                Logger logger = System.getLogger(LeakReport.class.getName());
                String text = "A tensor outside every TensorScope was never closed; its native memory is lost (" + count
                        + " so far). Close it, or make it inside a scope.";
                if (created != null) {
                    logger.log(Level.WARNING, text, created);
                } else {
                    logger.log(Level.WARNING, text + " -Dhornbeam.debug=true tells where it was made.");
                }
            }
            LEAKS.set(count);
        }
    }
}
