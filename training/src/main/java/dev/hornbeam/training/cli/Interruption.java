package dev.hornbeam.training.cli;

import dev.hornbeam.training.run.ReportData;
import dev.hornbeam.training.run.TrainingRun;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Lets work that is stopped from outside (Ctrl-C, a batch system's SIGTERM) end in good order. */
final class Interruption {
    private static final long PATIENCE_SECONDS = 60;

    private Interruption() {}

    /**
     * Runs {@code run}; when the JVM is told to stop, asks the run to stop too and waits until it has.
     *
     * @return what the run returned
     */
    static Optional<ReportData.Run> during(TrainingRun run) {
        return during(run::requestStop, run::run);
    }

    /**
     * Does {@code work}; when the JVM is told to stop, calls {@code requestStop} and waits until the work has ended.
     *
     * @return what the work returned
     */
    static <T> T during(Runnable requestStop, Supplier<T> work) {
        CountDownLatch returned = new CountDownLatch(1);
        Thread hook = new Thread(
                () -> {
                    requestStop.run();
                    try {
                        returned.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "hornbeam-stop");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return work.get();
        } finally {
            returned.countDown();
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // The JVM is going down already, and the hook has run.
            }
        }
    }
}
