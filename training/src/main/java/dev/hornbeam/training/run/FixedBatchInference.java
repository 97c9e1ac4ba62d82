package dev.hornbeam.training.run;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;

/**
 * Gives one batch of random images to a network again and again: the work that the speed of inference is measured on.
 *
 * <p>A pass is a forward pass in evaluation mode of which no gradient is recorded. Images are normal numbers, and they and
 * the weights follow from a fixed seed.
 */
public final class FixedBatchInference implements AutoCloseable {
    private final Module model;
    private final Device device;
    private final Tensor images;

    /**
     * Makes the network and the batch.
     *
     * @param task as in training; checkpointing of activations has no meaning here
     * @param device where it is computed
     * @throws UserError if there is no network of that name
     */
    public FixedBatchInference(FixedBatchTraining.Task task, Device device) {
        this.device = device;
        model = TrainingParts.model(
                task.model(),
                ModelSpec.of(task.channels(), task.classes()).withSide(task.side()),
                FixedBatchTraining.SEED);
        try (TensorScope _ = TensorScope.open()) {
            model.to(device).eval();
            task.dtype().applyTo(model);
            images = Tensor.randomNormal(
                            0,
                            1,
                            new Philox(FixedBatchTraining.SEED, Purpose.DATA, 0, 0, 0),
                            device,
                            task.batch(),
                            task.side(),
                            task.side(),
                            task.channels())
                    .keep();
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** Where it is computed. */
    public Device device() {
        return device;
    }

    /** How many numbers the network learns. */
    public long parameters() {
        return model.parameterCount();
    }

    /** One pass. Returns the first logit of the first image. */
    public double pass() {
        try (TensorScope _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            return model.forward(images).slice(0, 0, 1).slice(1, 0, 1).item();
        }
    }

    /** Releases the network and the batch. */
    @Override
    public void close() {
        images.close();
        model.close();
    }
}
