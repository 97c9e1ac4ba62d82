package dev.hornbeam.training.sharpness;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.data.Batch;
import dev.hornbeam.training.data.BatchLoader;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Preparation;
import java.util.ArrayList;
import java.util.List;

/**
 * Mean cross-entropy of a network on fixed images as a function of its trainable parameters, in evaluation mode: batch norms use their
 * running statistics, nothing is dropped.
 *
 * <p>The vector is the parameters one after the other, in order of {@link Module#namedParameters}, each as it lies in
 * memory. {@link #close} puts weights and mode back as they were.
 */
public final class NetworkLoss implements LossFunction, AutoCloseable {
    private final Module model;
    private final boolean wasTraining;
    private final List<Parameter> parameters;
    private final double[] start;
    private final List<Tensor> images = new ArrayList<>();
    private final List<Tensor> labels = new ArrayList<>();
    private long samples;

    private NetworkLoss(Module model) {
        this.model = model;
        wasTraining = model.isTraining();
        parameters = model.parameters().stream().filter(Parameter::isTrainable).toList();
        start = read();
        model.eval();
    }

    /**
     * On images of a set.
     *
     * @param preparation turns images into the network's input
     * @param batch images per pass; results do not depend on it but for rounding
     * @param device where the network is
     */
    public static NetworkLoss of(Module model, ImageSet set, Preparation preparation, int batch, Device device) {
        NetworkLoss loss = new NetworkLoss(model);
        try (BatchLoader loader = BatchLoader.of(set, preparation)
                        .batchSize(batch)
                        .workers(0)
                        .epochs(1)
                        .open();
                TensorScope _ = TensorScope.open()) {
            while (loader.hasNext()) {
                Batch next = loader.next();
                int n = next.size();
                Tensor x = Tensor.empty(DType.F32, device, n, next.height(), next.width(), next.channels());
                x.write(0, next.images(), 0, (int) x.elements());
                long[] classes = new long[n];
                for (int i = 0; i < n; i++) {
                    classes[i] = next.labels()[i];
                }
                loss.add(x, Tensor.of(classes).to(device));
            }
        }
        return loss;
    }

    /** On one batch, which is copied. */
    public static NetworkLoss of(Module model, Tensor images, Tensor labels) {
        NetworkLoss loss = new NetworkLoss(model);
        loss.add(images.copy(), labels.copy());
        return loss;
    }

    private void add(Tensor x, Tensor y) {
        images.add(x.keep());
        labels.add(y.keep());
        samples += y.size(0);
    }

    /** The parameters of the vector, in its order. */
    public List<Parameter> parameters() {
        return parameters;
    }

    @Override
    public double[] weights() {
        return start.clone();
    }

    @Override
    public double loss(double[] weights) {
        write(weights);
        double sum = 0;
        for (int i = 0; i < images.size(); i++) {
            try (TensorScope _ = TensorScope.open();
                    Autograd.NoGrad _ = Autograd.noGrad()) {
                sum += batchLoss(i).item() * labels.get(i).size(0);
            }
        }
        return sum / samples;
    }

    @Override
    public Slope slope(double[] weights) {
        write(weights);
        model.zeroGrad();
        double sum = 0;
        for (int i = 0; i < images.size(); i++) {
            try (TensorScope _ = TensorScope.open()) {
                double share = (double) labels.get(i).size(0) / samples;
                Tensor loss = batchLoss(i).mul(share);
                Autograd.backward(loss);
                sum += loss.item();
            }
        }
        double[] gradient = new double[weights.length];
        int at = 0;
        for (Parameter parameter : parameters) {
            int count = (int) parameter.value().elements();
            if (parameter.grad() != null) {
                System.arraycopy(doubles(parameter.grad()), 0, gradient, at, count);
            }
            at += count;
        }
        model.zeroGrad();
        return new Slope(sum, gradient);
    }

    private Tensor batchLoss(int i) {
        return CrossEntropy.crossEntropy(model.forward(images.get(i)), labels.get(i), 0)
                .mean();
    }

    /**
     * A random direction with the scale of the weights: normal numbers, and then every filter of a kernel (what makes one output)
     * brought to the length of the network's filter. Biases, shifts and scales are not part of it. Source: Li et al.,
     * "Visualizing the loss landscape of neural nets" (NeurIPS 2018), section 4.
     *
     * <p>Draws come from Philox (seed, WEIGHT_NOISE, tensor = the parameter's place, step 0, stream = number).
     *
     * @param number which of several directions, from 0
     */
    public double[] filterNormalisedDirection(long seed, int number) {
        double[] direction = new double[start.length];
        int at = 0;
        for (int p = 0; p < parameters.size(); p++) {
            Tensor value = parameters.get(p).value();
            int count = (int) value.elements();
            if (parameters.get(p).role() == Parameter.Role.KERNEL && value.rank() > 1) {
                Philox draws = new Philox(seed, Purpose.WEIGHT_NOISE, p, 0, number);
                int filter = count / (int) value.size(0);
                for (int from = 0; from < count; from += filter) {
                    double wanted = 0;
                    double drawn = 0;
                    for (int k = from; k < from + filter; k++) {
                        direction[at + k] = draws.normal(k);
                        wanted += start[at + k] * start[at + k];
                        drawn += direction[at + k] * direction[at + k];
                    }
                    for (int k = from; k < from + filter; k++) {
                        direction[at + k] *= Math.sqrt(wanted / drawn);
                    }
                }
            }
            at += count;
        }
        return direction;
    }

    private double[] read() {
        int count = parameters.stream()
                .mapToInt(parameter -> Math.toIntExact(parameter.value().elements()))
                .reduce(0, Math::addExact);
        double[] weights = new double[count];
        int at = 0;
        for (Parameter parameter : parameters) {
            double[] values = doubles(parameter.value());
            System.arraycopy(values, 0, weights, at, values.length);
            at += values.length;
        }
        return weights;
    }

    private static double[] doubles(Tensor tensor) {
        try (TensorScope _ = TensorScope.open()) {
            return tensor.detach().to(Device.cpu()).cast(DType.F64).toDoubles();
        }
    }

    private void write(double[] weights) {
        int at = 0;
        try (TensorScope _ = TensorScope.open()) {
            for (Parameter parameter : parameters) {
                Tensor value = parameter.value();
                int count = (int) value.elements();
                double[] part = new double[count];
                System.arraycopy(weights, at, part, 0, count);
                value.copyFrom(
                        Tensor.of(part, value.shape()).cast(value.dtype()).to(value.device()));
                at += count;
            }
        }
    }

    /** Puts the network back as it was and releases the images. */
    @Override
    public void close() {
        write(start);
        model.zeroGrad();
        model.train(wasTraining);
        images.forEach(Tensor::close);
        labels.forEach(Tensor::close);
        images.clear();
        labels.clear();
    }
}
