package dev.hornbeam.training.run;

import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.MemoryStatistics;
import java.util.Arrays;
import java.util.function.DoubleSupplier;

/**
 * How fast training steps were.
 *
 * @param steps steps that were timed
 * @param medianMillis median time of a step
 * @param minMillis shortest
 * @param maxMillis longest
 * @param firstLoss loss of the first warm-up step
 * @param lastLoss loss of the last step: lower than the first, where the steps did train
 * @param peakBytes largest native memory in use, from before the first warm-up step on
 * @param systemCalls times that the allocator asked the system for memory, or gave it some, while steps were timed
 */
public record Throughput(
        int steps,
        double medianMillis,
        double minMillis,
        double maxMillis,
        double firstLoss,
        double lastLoss,
        long peakBytes,
        long systemCalls) {
    /** Steps made before the first that is timed. */
    public static final int WARM_UP = 3;

    /** Fewest steps that are timed, whatever time they take. */
    public static final int LEAST_STEPS = 5;

    /**
     * Times steps, one by one, after {@value #WARM_UP} that are not.
     *
     * @param seconds after this time no step begins, once {@value #LEAST_STEPS} are done
     */
    public static Throughput measure(FixedBatchTraining training, double seconds) {
        return measure(training::step, training.device(), seconds);
    }

    /**
     * Times passes in the same way.
     *
     * @return of which the losses mean nothing
     */
    public static Throughput measure(FixedBatchInference inference, double seconds) {
        return measure(inference::pass, inference.device(), seconds);
    }

    private static Throughput measure(DoubleSupplier work, Device device, double seconds) {
        Engine.resetPeak(device);
        double firstLoss = work.getAsDouble();
        double lastLoss = firstLoss;
        for (int i = 1; i < WARM_UP; i++) {
            lastLoss = work.getAsDouble();
        }
        MemoryStatistics before = Engine.memory(device);
        long[] nanos = new long[256];
        int steps = 0;
        long begin = System.nanoTime();
        long end = begin;
        while (steps < LEAST_STEPS || end - begin < seconds * 1e9) {
            if (steps == nanos.length) {
                nanos = Arrays.copyOf(nanos, 2 * steps);
            }
            long start = System.nanoTime();
            lastLoss = work.getAsDouble();
            end = System.nanoTime();
            nanos[steps++] = end - start;
        }
        MemoryStatistics after = Engine.memory(device);
        long[] sorted = Arrays.copyOf(nanos, steps);
        Arrays.sort(sorted);
        return new Throughput(
                steps,
                (sorted[(steps - 1) / 2] + sorted[steps / 2]) / 2e6,
                sorted[0] / 1e6,
                sorted[steps - 1] / 1e6,
                firstLoss,
                lastLoss,
                after.peak(),
                after.systemCalls() - before.systemCalls());
    }

    /** Images that the median step gets through in a second. */
    public double imagesPerSecond(int batch) {
        return batch / (medianMillis / 1e3);
    }
}
