package dev.hornbeam.optim;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.autograd.ops.NativeOp;
import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Sums over replicas, such as the gradients of one network on several devices.
 *
 * <pre>{@code
 * AllReduce.mean(List.of(gradients(onFirst), gradients(onSecond))); // now equal on both
 * }</pre>
 *
 * <p>Each replica is a list of tensors on one device: f32 (or f64 on the processor), dense, of the same shapes in the same
 * order in all of them. The devices are of one kind; one may have several replicas. All tensors are changed in place, to the
 * same bits in every replica; the same inputs give the same bits in every run. On CUDA devices NCCL may do the sum
 * (docs/gpu.md).
 *
 * <p>Nothing else may use the tensors meanwhile. There is no gradient.
 */
@NativeOp(value = "all_reduce", gradient = "none")
public final class AllReduce {
    private AllReduce() {}

    /** Every tensor becomes the sum of its fellows in all replicas. */
    public static void sum(List<List<Tensor>> replicas) {
        weighted(replicas, equal(replicas.size(), 1));
    }

    /** Every tensor becomes the mean of its fellows in all replicas. */
    public static void mean(List<List<Tensor>> replicas) {
        weighted(replicas, equal(replicas.size(), 1.0 / replicas.size()));
    }

    /**
     * Every tensor becomes the sum of its fellows in all replicas, each times its replica's weight: with shares of a batch
     * as weights, the mean over the batch of means over the shares.
     *
     * @throws IllegalArgumentException if lists differ in length, or there are not as many weights as lists
     */
    public static void weighted(List<List<Tensor>> replicas, double... weights) {
        if (weights.length != replicas.size()) {
            throw new IllegalArgumentException(
                    "there are " + weights.length + " weights for " + replicas.size() + " replicas");
        }
        if (replicas.isEmpty()) {
            return;
        }
        int count = replicas.getFirst().size();
        MemorySegment handles = Tape.scratch().array(0, replicas.size() * count);
        MemorySegment factors = Tape.scratch().array(1, replicas.size());
        for (int r = 0; r < replicas.size(); r++) {
            List<Tensor> tensors = replicas.get(r);
            if (tensors.size() != count) {
                throw new IllegalArgumentException(
                        "replica " + r + " has " + tensors.size() + " tensors, but replica 0 has " + count);
            }
            factors.setAtIndex(JAVA_DOUBLE, r, weights[r]);
            for (int i = 0; i < count; i++) {
                long handle = Tape.handle(tensors.get(i), "all_reduce", "tensors[" + r + "][" + i + "]");
                handles.setAtIndex(JAVA_LONG, (long) r * count + i, handle);
            }
        }
        HornbeamNative.allReduce(replicas.size(), count, handles, factors);
        replicas.forEach(tensors -> tensors.forEach(Tape::changed));
    }

    private static double[] equal(int count, double weight) {
        double[] weights = new double[count];
        Arrays.fill(weights, weight);
        return weights;
    }
}
