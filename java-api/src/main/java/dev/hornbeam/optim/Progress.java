package dev.hornbeam.optim;

/**
 * How far a training is.
 *
 * @param step steps made, from 0
 * @param stepsPerEpoch steps of an epoch, at least 1
 * @param totalSteps steps of the whole training, at least 1
 */
public record Progress(long step, long stepsPerEpoch, long totalSteps) {
    /** Checks the ranges. */
    public Progress {
        if (step < 0 || stepsPerEpoch < 1 || totalSteps < 1) {
            throw new IllegalArgumentException("progress: step " + step + ", " + stepsPerEpoch + " steps per epoch, "
                    + totalSteps + " steps in all; the first is at least 0, the others at least 1");
        }
    }

    /** Of a training that is so many epochs long. */
    public static Progress ofEpochs(long step, long stepsPerEpoch, int epochs) {
        return new Progress(step, stepsPerEpoch, stepsPerEpoch * epochs);
    }

    /** The epoch that the next step belongs to, from 0. */
    public long epoch() {
        return step / stepsPerEpoch;
    }

    /** The part of the training that is done, 0..1. */
    public double fraction() {
        return Math.min(1, (double) step / totalSteps);
    }

    /** The same training at another step. */
    public Progress at(long other) {
        return new Progress(other, stepsPerEpoch, totalSteps);
    }

    /** The same training at the start of this epoch. */
    public Progress atEpochStart() {
        return at(epoch() * stepsPerEpoch);
    }
}
