package dev.hornbeam.nn;

import static dev.hornbeam.autograd.ops.BatchNorm.batchNorm;

import dev.hornbeam.autograd.ActivationCheckpoint;
import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.autograd.ops.BatchNormOptions;
import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.tensor.Tensor;

/**
 * Batch normalisation over the last dimension (Ioffe and Szegedy 2015): of the batch in training mode, with running
 * statistics in evaluation mode.
 *
 * <p>{@link Module#setUpdateRunningStatistics}, {@link Module#setStatisticsGroups} and {@link #freezeStatistics} change
 * where its statistics come from. Scales start at 1, shifts at 0.
 */
public final class BatchNorm2d extends Module {
    private final double momentum;
    private final double epsilon;
    private final Parameter weight;
    private final Parameter bias;
    private final Buffer runningMean;
    private final Buffer runningVar;
    private boolean updatesRunning = true;
    private boolean frozen;
    private int groups = 1;

    /** With PyTorch's momentum 0.1 and epsilon 1e-5. */
    public BatchNorm2d(int channels) {
        this(channels, 0.1, 1e-5);
    }

    /**
     * With any momentum and epsilon.
     *
     * @param momentum weight of the new value in the running statistics, 0..1
     * @param epsilon added to the variance
     */
    public BatchNorm2d(int channels, double momentum, double epsilon) {
        this.momentum = momentum;
        this.epsilon = epsilon;
        this.weight = parameter("weight", Tensor.ones(channels), Parameter.Role.SCALE);
        this.bias = parameter("bias", Tensor.zeros(channels), Parameter.Role.SHIFT);
        this.runningMean = buffer("running_mean", Tensor.zeros(channels));
        this.runningVar = buffer("running_var", Tensor.ones(channels));
    }

    /** The scale, gamma. */
    public Parameter weight() {
        return weight;
    }

    /** The shift, beta. */
    public Parameter bias() {
        return bias;
    }

    /** The running mean. */
    public Tensor runningMean() {
        return runningMean.value();
    }

    /** The running variance. */
    public Tensor runningVar() {
        return runningVar.value();
    }

    /** Says whether the running statistics are used, and left alone, in training mode too. Returns this module. */
    public BatchNorm2d freezeStatistics(boolean freeze) {
        frozen = freeze;
        return this;
    }

    void setUpdatesRunning(boolean update) {
        updatesRunning = update;
    }

    void setGroups(int count) {
        groups = count;
    }

    /** The number of groups with statistics of their own; negative while the statistics are frozen. */
    int statistics() {
        return frozen ? -groups : groups;
    }

    /** How the op is to be called now, with this activation behind it. */
    BatchNormOptions options(Activation activation, float slope) {
        boolean batch = usesBatch();
        boolean update = batch && updatesRunning && !ActivationCheckpoint.isRecomputing();
        return new BatchNormOptions(
                batch, update, batch ? groups : 1, activation, slope, (float) momentum, (float) epsilon);
    }

    private boolean usesBatch() {
        return isTraining() && !frozen;
    }

    /** The noise of this step in training mode, or null; without noise it still says where a part of the batch ends. */
    Noise noise() {
        Noise noise = isTraining() ? weight.noise() : null;
        return noise == null && groups > 1 && usesBatch() ? Noise.runs(groups) : noise;
    }

    /** x normalised. */
    @Override
    protected Tensor compute(Tensor x) {
        return normalise(x, null, Activation.NONE, 0);
    }

    /**
     * act(bn(x) + residual) in one pass.
     *
     * @param residual like x, or null
     * @param slope of {@link Activation#LEAKY_RELU}
     */
    public Tensor forward(Tensor x, Tensor residual, Activation activation, double slope) {
        return leave(normalise(enter(x), enter(residual), activation, slope), x);
    }

    private Tensor normalise(Tensor x, Tensor residual, Activation activation, double slope) {
        return batchNorm(
                x,
                weight.value(),
                bias.value(),
                runningMean.value(),
                runningVar.value(),
                residual,
                options(activation, (float) slope),
                noise());
    }
}
