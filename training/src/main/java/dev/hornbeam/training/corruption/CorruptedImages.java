package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Corrupts whole sets of images.
 *
 * <p>The result of the arithmetic is clipped to 0 to 255 and cut (not rounded) to 8 bits, as the published sets were
 * made. A grey image is replicated to three channels, corrupted as a colour image,
 * and reduced to the mean of the three results before it is cut to 8 bits: noise, drawn for each channel, is
 * therefore weaker by √3 than on one channel of a colour image. Random numbers come from Philox (seed, CORRUPTION,
 * tensor = the corruption's number, step = the image's original index, stream = severity): an image gets the same
 * pixels in any subset, order, or number of threads.
 */
public final class CorruptedImages {
    // Images that a thread takes at once.
    private static final int CHUNK = 64;

    private CorruptedImages() {}

    /**
     * Returns {@code clean} with every image corrupted, with the constants for its image size.
     *
     * @param severity 1 (mild) to 5 (strong)
     * @param seed the run's seed
     * @param threads threads to use, at least 1; the result does not depend on them
     * @throws UserError if the severity is out of range or the images are too small for the corruption
     */
    public static ImageSet of(ImageSet clean, Corruption corruption, int severity, long seed, int threads) {
        return of(clean, corruption, severity, ConstantSet.forSize(clean.height(), clean.width()), seed, threads);
    }

    /** Returns {@code clean} with every image corrupted, with constants of the caller's choice. */
    public static ImageSet of(
            ImageSet clean, Corruption corruption, int severity, ConstantSet constants, long seed, int threads) {
        Corruptions.checkSeverity(severity);
        if (clean.channels() != 1 && clean.channels() != 3) {
            throw new UserError(
                    clean.name() + ": corruptions need images of 1 or 3 channels, these have " + clean.channels());
        }
        long bytes = (long) clean.size() * clean.imageLength();
        if (bytes > Integer.MAX_VALUE - 16) {
            throw new UserError(clean.name() + ": " + clean.size() + " images of " + clean.imageLength()
                    + " bytes are more than the 2 GiB that are corrupted at once; corrupt subsets");
        }
        byte[] pixels = new byte[(int) bytes];
        inParallel(clean.size(), threads, (first, end) -> {
            Canvas canvas = Canvas.ofThread(clean.height(), clean.width());
            int length = clean.imageLength();
            // Colour images are read to where they are corrupted, and cut to where they belong.
            byte[] image = clean.channels() == 3 ? canvas.in : new byte[length];
            for (int i = first; i < end; i++) {
                clean.copyImage(i, image, 0);
                canvas.load(image, clean.channels());
                apply(canvas, corruption, severity, constants, seed, clean.originalIndex(i));
                canvas.store(pixels, i * length, clean.channels());
            }
        });
        return clean.withPixels(pixels);
    }

    /**
     * Corrupts one image in place: the same pixels as {@link #of} gives the image with that index in a set.
     *
     * @param image bytes in the order HWC
     * @param channels 1 or 3
     * @param severity 1 (mild) to 5 (strong)
     * @param seed the run's seed
     * @param index the image's index in its set: with the seed, it decides about the random draws
     * @throws UserError if the severity is out of range or the image is too small for the corruption
     * @throws IllegalArgumentException if the array does not have height x width x channels bytes
     */
    public static void corrupt(
            byte[] image,
            int height,
            int width,
            int channels,
            Corruption corruption,
            int severity,
            ConstantSet constants,
            long seed,
            int index) {
        Corruptions.checkSeverity(severity);
        if (height < 1 || width < 1 || (channels != 1 && channels != 3) || image.length != height * width * channels) {
            throw new IllegalArgumentException("an image of " + height + "x" + width + " with " + channels
                    + " channels in " + image.length + " bytes; expected 1 or 3 channels and that many bytes");
        }
        corrupt(Canvas.ofThread(height, width), image, channels, corruption, severity, constants, seed, index);
    }

    /** Corrupts one image in place on a canvas of its size, which may be used again for the next. */
    static void corrupt(
            Canvas canvas,
            byte[] image,
            int channels,
            Corruption corruption,
            int severity,
            ConstantSet constants,
            long seed,
            int index) {
        canvas.load(image, channels);
        apply(canvas, corruption, severity, constants, seed, index);
        canvas.store(image, 0, channels);
    }

    private static void apply(
            Canvas canvas, Corruption corruption, int severity, ConstantSet constants, long seed, int index) {
        Draws draws = new Draws(new Philox(seed, Purpose.CORRUPTION, Corruptions.number(corruption), index, severity));
        ((CanvasCorruption) corruption).apply(canvas, severity, constants, draws);
    }

    @FunctionalInterface
    private interface Range {
        void run(int first, int end);
    }

    private static void inParallel(int count, int threads, Range work) {
        AtomicInteger next = new AtomicInteger();
        AtomicReference<RuntimeException> failure = new AtomicReference<>();
        Runnable loop = () -> {
            try {
                for (int first = next.getAndAdd(CHUNK);
                        first < count && failure.get() == null;
                        first = next.getAndAdd(CHUNK)) {
                    work.run(first, Math.min(first + CHUNK, count));
                }
            } catch (RuntimeException e) {
                failure.compareAndSet(null, e);
            }
        };
        Thread[] others = new Thread[Math.clamp(threads - 1, 0, count / CHUNK)];
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
        if (failure.get() != null) {
            throw failure.get();
        }
    }
}
