package dev.hornbeam.training.prediction;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.PixelImage;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Predicts many image files: threads decode some batches ahead while the network runs.
 *
 * <p>Results come in the order of the files, and which images stand together in a batch depends on nothing but the files and the
 * batch size: any number of threads gives the same numbers.
 *
 * @param predictor the network
 * @param batch images per forward pass, at least 1
 * @param workers threads that decode images, at least 1
 * @param top classes wanted of each image, at least 1
 */
public record PredictionPipeline(Predictor predictor, int batch, int workers, int top) {
    private static final long PATIENCE_SECONDS = 60;

    /** Receives what was found, in the thread that called {@link #run}. */
    public interface Receiver {
        /** Takes the most probable classes of an image, the most probable first. */
        void predicted(Path image, List<Prediction> predictions);

        /**
         * Takes an image that could not be read.
         *
         * @param reason one line that names the file
         */
        void skipped(Path image, String reason);
    }

    /** Checks the numbers. */
    public PredictionPipeline {
        if (batch < 1 || workers < 1 || top < 1) {
            throw new UserError("batches of " + batch + " images, " + workers + " workers, the best " + top
                    + " classes; expected at least 1 of each");
        }
    }

    /**
     * Predicts all files, in order.
     *
     * @throws UserError if the network's output is not a number, or the thread is interrupted; whatever {@code receiver} throws
     */
    public void run(List<Path> images, Receiver receiver) {
        AtomicInteger number = new AtomicInteger();
        ExecutorService decoders = Executors.newFixedThreadPool(workers, task -> {
            Thread thread = new Thread(task, "hornbeam-decode-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        try {
            predict(images.iterator(), decoders, receiver);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UserError("the prediction was interrupted", e);
        } finally {
            stop(decoders);
        }
    }

    private record Pending(Path path, Future<PixelImage> image) {}

    private void predict(Iterator<Path> files, ExecutorService decoders, Receiver receiver)
            throws InterruptedException {
        Deque<Pending> ahead = new ArrayDeque<>();
        int limit = 2 * batch + workers;
        List<Path> paths = new ArrayList<>(batch);
        List<PixelImage> images = new ArrayList<>(batch);
        while (files.hasNext() || !ahead.isEmpty()) {
            while (files.hasNext() && ahead.size() < limit) {
                Path path = files.next();
                ahead.add(new Pending(path, decoders.submit(() -> predictor.prepare(path))));
            }
            Pending next = ahead.remove();
            try {
                images.add(next.image.get());
                paths.add(next.path);
            } catch (ExecutionException e) {
                if (e.getCause() instanceof UserError error) {
                    receiver.skipped(next.path, error.getMessage());
                } else {
                    throw new IllegalStateException("decoding " + next.path, e.getCause());
                }
            }
            boolean last = !files.hasNext() && ahead.isEmpty();
            if (images.size() == batch || (last && !images.isEmpty())) {
                List<List<Prediction>> predictions = predictor.predict(images, top);
                for (int i = 0; i < paths.size(); i++) {
                    receiver.predicted(paths.get(i), predictions.get(i));
                }
                paths.clear();
                images.clear();
            }
        }
    }

    private static void stop(ExecutorService decoders) {
        decoders.shutdownNow();
        try {
            // The predictor may be closed next, and a decoder in full flight knows nothing of that.
            decoders.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
