package dev.hornbeam.training.run;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.optim.Optimizer;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.method.GradientPass;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.TrainingProfile.Phase;

/**
 * Trains a network on one batch of random images again and again: the work that speed is measured on.
 *
 * <p>A step is what it is in training, less the loading of data: gradients released, forward, mean cross-entropy, backward,
 * and SGD with Nesterov momentum 0.9 and weight decay 5e-4. Images are normal numbers, labels are uniform; both, and the
 * weights, follow from a fixed seed.
 */
public final class FixedBatchTraining implements AutoCloseable {
    /** Seed of everything random here. */
    public static final long SEED = 0;

    private static final double LEARNING_RATE = 1e-3;
    private static final double MOMENTUM = 0.9;
    private static final double WEIGHT_DECAY = 5e-4;

    /**
     * What is trained.
     *
     * @param model name of the network
     * @param batch images in the batch, at least 1
     * @param side height and width of the images in pixels
     * @param channels of the images
     * @param classes of the labels
     * @param activationCheckpointing whether blocks keep only their inputs for the backward pass
     * @param dtype what the network computes in
     */
    public record Task(
            String model,
            int batch,
            int side,
            int channels,
            int classes,
            boolean activationCheckpointing,
            Precision dtype) {}

    private final Module model;
    private final Device device;
    private final WeightPerturbation weights;
    private final Optimizer optimizer;
    private final Tensor images;
    private final Tensor labels;
    private final GradientPass pass = new Pass();
    private StepProfiler profiler = StepProfiler.none();

    /**
     * Makes the network and the batch.
     *
     * @param weights where the gradient is taken
     * @param device where it is computed
     * @throws UserError if there is no network of that name
     */
    public FixedBatchTraining(Task task, WeightPerturbation weights, Device device) {
        this.weights = weights;
        this.device = device;
        model = TrainingParts.model(
                task.model(), ModelSpec.of(task.channels(), task.classes()).withSide(task.side()), SEED);
        optimizer = new Sgd(model.namedParameters(), LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, true);
        Tensor x = null;
        try (TensorScope _ = TensorScope.open()) {
            model.to(device).train();
            task.dtype().applyTo(model);
            model.setActivationCheckpointing(task.activationCheckpointing());
            x = Tensor.randomNormal(
                            0,
                            1,
                            new Philox(SEED, Purpose.DATA, 0, 0, 0),
                            device,
                            task.batch(),
                            task.side(),
                            task.side(),
                            task.channels())
                    .keep();
            images = x;
            labels = labels(task).to(device).keep();
        } catch (RuntimeException e) {
            if (x != null) {
                x.close();
            }
            model.close();
            throw e;
        }
    }

    private static Tensor labels(Task task) {
        Philox draws = new Philox(SEED, Purpose.DATA, 1, 0, 0);
        long[] classes = new long[task.batch()];
        for (int i = 0; i < classes.length; i++) {
            classes[i] = draws.below(i, task.classes());
        }
        return Tensor.of(classes);
    }

    /** Takes the profile of the next steps with {@code newProfiler}. */
    public void profileWith(StepProfiler newProfiler) {
        profiler = newProfiler;
    }

    /** Where it is computed. */
    public Device device() {
        return device;
    }

    /** How many numbers the network learns. */
    public long parameters() {
        return model.parameterCount();
    }

    /** Trains one step. Returns the loss before it; 0 on the device that computes nothing. */
    public double step() {
        int step = (int) optimizer.steps();
        profiler.beginStep();
        model.setStep(SEED, step);
        double loss = weights.gradient(model, pass, step).loss();
        profiler.begin(Phase.OPTIMIZER);
        optimizer.step();
        profiler.endStep(step + 1L);
        return loss;
    }

    /** Forward and backward over the batch, or a run of it. */
    private final class Pass implements GradientPass {
        @Override
        public int size() {
            return (int) images.size(0);
        }

        @Override
        public Outcome run(int first, int end) {
            optimizer.zeroGrad();
            try (TensorScope _ = TensorScope.open()) {
                boolean whole = end - first == size();
                profiler.begin(Phase.FORWARD);
                Tensor logits = model.forward(whole ? images : images.slice(0, first, end));
                Tensor loss = CrossEntropy.crossEntropy(logits, whole ? labels : labels.slice(0, first, end), 0)
                        .mean();
                profiler.begin(Phase.BACKWARD);
                Autograd.backward(loss);
                profiler.end();
                // Nobody asks how many predictions are right.
                return new Outcome(loss.item(), 0);
            }
        }
    }

    /** Releases the network, its optimizer and the batch. */
    @Override
    public void close() {
        images.close();
        labels.close();
        optimizer.close();
        model.close();
    }
}
