package dev.hornbeam.training.augmentation;

import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.image.Resampler;
import dev.hornbeam.training.random.DrawSequence;

/** What one thread needs to change images, used again for every image. */
final class Workspace {
    private static final ThreadLocal<Workspace> OF_THREAD = ThreadLocal.withInitial(Workspace::new);

    private final Canvas image = new Canvas();
    private final Canvas chain = new Canvas();
    private final Resampler resampler = new Resampler();
    private final DrawSequence draws = new DrawSequence(0, Purpose.AUGMENT, 0, 0, 0);
    private float[] mixture = new float[0];

    private Workspace() {}

    /** The calling thread's own. */
    static Workspace ofThread() {
        return OF_THREAD.get();
    }

    /** The image to be changed. */
    Canvas image() {
        return image;
    }

    /** A second image, for transforms that need a copy. */
    Canvas chain() {
        return chain;
    }

    Resampler resampler() {
        return resampler;
    }

    /** Numbers that the caller sets to a stream first. */
    DrawSequence draws() {
        return draws;
    }

    /** At least {@code length} numbers of any value. */
    float[] mixture(int length) {
        if (mixture.length < length) {
            mixture = new float[length];
        }
        return mixture;
    }
}
