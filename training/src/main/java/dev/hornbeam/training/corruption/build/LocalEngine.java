package dev.hornbeam.training.corruption.build;

import dev.hornbeam.training.UserError;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Runs chunks on threads of this process.
 *
 * @param threads how many, at least 1; the bytes do not depend on it
 */
public record LocalEngine(int threads) implements CorruptionEngine {
    /** Checks the number. */
    public LocalEngine {
        if (threads < 1) {
            throw new UserError(threads + " threads; expected at least 1");
        }
    }

    @Override
    public String name() {
        return "local";
    }

    @Override
    public void run(Work work, Optional<String> master, Progress progress) {
        AtomicInteger next = new AtomicInteger();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        // Nobody starts a chunk, and nobody goes on with one, after another has failed.
        Progress together = new Progress() {
            @Override
            public void done(long images) {
                progress.done(images);
            }

            @Override
            public boolean isStopped() {
                return failure.get() != null || progress.isStopped();
            }
        };
        Runnable loop = () -> {
            try {
                for (int i = next.getAndIncrement();
                        i < work.chunks().size() && !together.isStopped();
                        i = next.getAndIncrement()) {
                    work.worker().run(work.chunks().get(i), together);
                }
            } catch (RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            }
        };
        Thread[] others =
                new Thread[Math.clamp(threads - 1, 0, Math.max(0, work.chunks().size() - 1))];
        for (int i = 0; i < others.length; i++) {
            others[i] =
                    Thread.ofPlatform().name("hornbeam-corrupt-" + i).daemon().start(loop);
        }
        loop.run();
        boolean interrupted = false;
        for (Thread other : others) {
            while (other.isAlive()) {
                try {
                    other.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        switch (failure.get()) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new AssertionError("only unchecked exceptions are caught", e);
        }
        if (progress.isStopped()) {
            throw new CancellationException("the build was stopped");
        }
    }
}
