package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;

/** The random numbers of one image, corruption and severity. */
record Draws(Philox stream) {
    // From here on a call of the engine, which draws eight numbers at a time, costs less than drawing in Java.
    private static final int MANY = 64;

    /** Fills {@code out} with the uniform numbers in [0,1) of elements 0 to {@code count - 1}. */
    void uniforms(float[] out, int count) {
        if (count >= MANY) {
            try (Tensor drawn = Tensor.randomUniform(0, 1, stream, Device.cpu(), count)) {
                drawn.read(0, out, 0, count);
            }
        } else {
            for (int k = 0; k < count; k++) {
                out[k] = stream.uniform(k);
            }
        }
    }

    /** Fills {@code out} with the standard normal numbers of elements 0 to {@code count - 1}. */
    void normals(float[] out, int count) {
        if (count >= MANY) {
            try (Tensor drawn = Tensor.randomNormal(0, 1, stream, Device.cpu(), count)) {
                drawn.read(0, out, 0, count);
            }
        } else {
            for (int k = 0; k < count; k++) {
                out[k] = stream.normal(k);
            }
        }
    }

    /** Returns a uniform number in [low, high) from one element. */
    double between(long element, double low, double high) {
        return low + (high - low) * stream.uniform(element);
    }

    /** Returns a whole number from 0 to {@code bound - 1} from one element. */
    int below(long element, int bound) {
        return stream.below(element, bound);
    }
}
