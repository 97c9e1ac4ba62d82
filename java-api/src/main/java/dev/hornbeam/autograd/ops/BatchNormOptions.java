package dev.hornbeam.autograd.ops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.hornbeam.internal.ffi.Structs;
import java.lang.foreign.MemorySegment;

/**
 * How a batch norm takes its statistics, and what follows it in the same pass. The engine checks the ranges.
 *
 * @param training whether the statistics are the batch's; otherwise the running ones, constants for the gradient
 * @param updateRunning in training, whether running = (1 - momentum) running + momentum batch
 * @param statisticsGroups 1 for one set of statistics over the whole batch; M for one per noise run
 * @param activation applied last, after the residual is added
 * @param slope of {@link Activation#LEAKY_RELU}
 * @param momentum weight of the new value in the running statistics, 0..1
 * @param epsilon added to the variance
 */
public record BatchNormOptions(
        boolean training,
        boolean updateRunning,
        int statisticsGroups,
        Activation activation,
        float slope,
        float momentum,
        float epsilon) {
    /** Training with synchronised statistics, momentum 0.1, epsilon 1e-5, no activation. */
    public static final BatchNormOptions TRAINING =
            new BatchNormOptions(true, true, 1, Activation.NONE, 0, 0.1f, 1e-5f);

    /** The running statistics, epsilon 1e-5, no activation. */
    public static final BatchNormOptions EVALUATION =
            new BatchNormOptions(false, false, 1, Activation.NONE, 0, 0.1f, 1e-5f);

    /** The same with an activation; the slope matters for {@link Activation#LEAKY_RELU} only. */
    public BatchNormOptions withActivation(Activation function, float newSlope) {
        return new BatchNormOptions(training, updateRunning, statisticsGroups, function, newSlope, momentum, epsilon);
    }

    /** The same with so many sets of statistics. */
    public BatchNormOptions withStatisticsGroups(int groups) {
        return new BatchNormOptions(training, updateRunning, groups, activation, slope, momentum, epsilon);
    }

    /** Fills the struct and returns it. */
    MemorySegment fill(MemorySegment at) {
        at.set(JAVA_INT, Structs.BatchNorm.TRAINING, training ? 1 : 0);
        at.set(JAVA_INT, Structs.BatchNorm.UPDATE_RUNNING, updateRunning ? 1 : 0);
        at.set(JAVA_INT, Structs.BatchNorm.STATISTICS_GROUPS, statisticsGroups);
        at.set(JAVA_INT, Structs.BatchNorm.ACTIVATION, activation.code);
        at.set(JAVA_FLOAT, Structs.BatchNorm.SLOPE, slope);
        at.set(JAVA_FLOAT, Structs.BatchNorm.MOMENTUM, momentum);
        at.set(JAVA_FLOAT, Structs.BatchNorm.EPSILON, epsilon);
        at.set(JAVA_INT, Structs.BatchNorm.RESERVED, 0);
        return at;
    }
}
