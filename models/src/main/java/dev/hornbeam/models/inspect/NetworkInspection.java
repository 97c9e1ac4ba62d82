package dev.hornbeam.models.inspect;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.OpTrace;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.NetworkTrace;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What a network costs, found by letting it train on the device that computes nothing: shapes and memory are real there,
 * and no number is worked out, so that the largest network takes no longer than the smallest.
 *
 * <p>Memory is the allocator's own count. What a processor's kernels need besides, for packed or transformed operands while
 * an op runs, is not in it.
 *
 * @param image height, width and channels of the images
 * @param batch images a step
 * @param parameters numbers that training changes
 * @param multiplyAdds of one image's forward pass: convolutions, linear layers, matrix products and attention; an image's
 *     FLOPs are twice that
 * @param activationBytes bytes that a batch's forward pass in training mode leaves behind for the backward pass, the logits
 *     included, weights and images not
 * @param peakBytes largest amount in use during a step of SGD with momentum at that batch: weights, gradients, momenta,
 *     images, activations and results on the way; a step is done once before, so that everything is there
 * @param layers the ops of the forward pass in training mode
 */
public record NetworkInspection(
        List<Long> image,
        int batch,
        long parameters,
        long multiplyAdds,
        long activationBytes,
        long peakBytes,
        List<Layer> layers) {

    private static final double LEARNING_RATE = 0.1;
    private static final double MOMENTUM = 0.9;
    private static final double WEIGHT_DECAY = 5e-4;

    /**
     * One op of the forward pass.
     *
     * @param module path of the module that it belongs to; empty for the network itself
     * @param op its name in the engine's registry; for families of functions the function too, as in {@code unary relu}
     * @param shape of its result, the batch first
     * @param parameters numbers of the parameters that it reads and no op before it read
     * @param multiplyAdds per image
     * @param activationBytes bytes that its gradient keeps and no op before it kept, for the whole batch
     */
    public record Layer(
            String module, String op, List<Long> shape, long parameters, long multiplyAdds, long activationBytes) {}

    /** Keeps its own copies. */
    public NetworkInspection {
        image = List.copyOf(image);
        layers = List.copyOf(layers);
    }

    /**
     * Looks at a network.
     *
     * @param network makes it; it is closed afterwards, and its weights do not matter
     * @param image height, width and channels of the images
     * @param batch images a step, at least 1
     * @throws dev.hornbeam.tensor.TensorArgumentException when the network cannot train on such images
     */
    public static NetworkInspection of(Supplier<Module> network, List<Long> image, int batch) {
        if (image.size() != 3) {
            throw new IllegalArgumentException("an image is height, width and channels, not " + image);
        }
        if (batch < 1) {
            throw new IllegalArgumentException("batch is " + batch + "; expected at least 1");
        }
        Device device = Device.nothing();
        // Other tensors of this process are in the same memory, and stay out of the account.
        long before = Engine.memory(device).inUse();
        try (TensorScope _ = TensorScope.open();
                Module module = network.get()) {
            module.to(device).train();
            module.setStep(0, 0);
            Tensor x = Tensor.empty(DType.F32, device, batch, image.get(0), image.get(1), image.get(2));
            // What a network makes when it first runs and keeps, such as positions, is no activation.
            activationBytes(module, x);
            long activations = activationBytes(module, x);
            long peak = peakBytes(module, x) - before;
            List<Layer> layers = layers(module, x);
            return new NetworkInspection(
                    image,
                    batch,
                    module.parameterCount(),
                    layers.stream().mapToLong(Layer::multiplyAdds).sum(),
                    activations,
                    peak,
                    layers);
        } finally {
            // What it reserved is of use to nobody else.
            Engine.trim(device);
        }
    }

    private static long activationBytes(Module network, Tensor x) {
        long before = Engine.memory(x.device()).inUse();
        try (TensorScope outer = TensorScope.open()) {
            try (TensorScope _ = TensorScope.open()) {
                network.forward(x).moveTo(outer);
            }
            // Only the tape holds the rest now.
            return Engine.memory(x.device()).inUse() - before;
        }
    }

    private static long peakBytes(Module network, Tensor x) {
        long[] classes = new long[Math.toIntExact(x.size(0))];
        try (TensorScope _ = TensorScope.open();
                Sgd optimizer = new Sgd(network.namedParameters(), LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, true)) {
            Tensor labels = Tensor.of(classes, classes.length).to(x.device());
            step(network, optimizer, x, labels);
            Engine.resetPeak(x.device());
            step(network, optimizer, x, labels);
            return Engine.memory(x.device()).peak();
        } finally {
            network.zeroGrad();
        }
    }

    private static void step(Module network, Sgd optimizer, Tensor x, Tensor labels) {
        optimizer.zeroGrad();
        try (TensorScope _ = TensorScope.open()) {
            Autograd.backward(
                    CrossEntropy.crossEntropy(network.forward(x), labels).mean());
        }
        optimizer.step();
    }

    private static List<Layer> layers(Module network, Tensor x) {
        Map<String, ?> parameters = network.namedParameters();
        List<Layer> layers = new ArrayList<>();
        Set<OpTrace.Value> seen = new HashSet<>();
        try (TensorScope _ = TensorScope.open()) {
            NetworkTrace trace = NetworkTrace.of(network, x);
            for (NetworkTrace.Step step : trace.steps()) {
                OpTrace.Op op = step.op();
                long numbers = op.inputs().values().stream()
                        .filter(value -> trace.stateName(value)
                                .filter(parameters::containsKey)
                                .isPresent())
                        .filter(seen::add)
                        .mapToLong(OpTrace.Value::elements)
                        .sum();
                layers.add(new Layer(
                        step.module(),
                        name(op),
                        op.output().shape(),
                        numbers,
                        MultiplyAdds.of(op) / x.size(0),
                        op.keptBytes()));
            }
        }
        return layers;
    }

    private static String name(OpTrace.Op op) {
        Object kind = op.attributes().get("kind");
        return kind == null ? op.name() : op.name() + " " + kind.toString().toLowerCase(Locale.ROOT);
    }
}
