package dev.hornbeam.training.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Lets work that is stopped from outside (Ctrl-C, a batch system's SIGTERM) end in good order. */
final class Interruption {
    private static final long PATIENCE_SECONDS = 60;

    private Interruption() {}

    /** Runs {@code work}; when the JVM is told to stop, interrupts it and waits until it has returned. */
    static <T> T during(Supplier<T> work) {
        Thread worker = Thread.currentThread();
        CountDownLatch returned = new CountDownLatch(1);
        Thread hook = new Thread(
                () -> {
                    worker.interrupt();
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
