package dev.hornbeam.training.noise;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;

/** The numbers that tell the uses of LABEL_NOISE draws apart. */
final class NoiseDraw {
    /** Whether a label or an image is chosen; a target vector too. */
    static final int CHOICE = 0;
    /** The new label. */
    static final int LABEL = 1;
    /** The order of which an exact count is the first part. */
    static final int ORDER = 2;
    /** Gaussian pixels. */
    static final int PIXELS = 3;
    /** A permutation of pixels for each image. */
    static final int OWN_PERMUTATION = 4;
    /** One permutation of pixels for all. */
    static final int ONE_PERMUTATION = 5;
    /** Rates of instances. */
    static final int INSTANCE_RATE = 6;
    /** The matrices that instances are multiplied by. */
    static final int PROJECTION = 7;
    /** A class for all. */
    static final int CLASS = 8;
    /** Wrong targets of a regression. */
    static final int TARGET = 9;
    /** The linear map of an adversary. */
    static final int TARGET_MAP = 10;
    /** Which of several adversaries. */
    static final int MIXTURE = 11;

    private NoiseDraw() {}

    static Philox of(long seed, int tensor) {
        return of(seed, tensor, 0);
    }

    static Philox of(long seed, int tensor, int step) {
        return new Philox(seed, Purpose.LABEL_NOISE, tensor, step, 0);
    }
}
