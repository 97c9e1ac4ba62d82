package dev.hornbeam.training.cli;

import dev.hornbeam.training.run.ReportData;
import dev.hornbeam.training.run.TrainingRun;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

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
        CountDownLatch returned = new CountDownLatch(1);
        Thread hook = new Thread(
                () -> {
                    run.requestStop();
                    try {
                        returned.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "hornbeam-stop");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return run.run();
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
