package dev.hornbeam.training.method;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.Map;

/** Mean cross-entropy of a network on fixed random images, for tests of what is done with gradients. */
record ImagePass(Module model, Tensor images, Tensor labels) implements GradientPass {

    /** Over {@code n} random images of {@code side} pixels and four classes; keeps its tensors in the open scope. */
    static ImagePass of(Module model, int n, int side, int channels) {
        long[] labels = new long[n];
        for (int i = 0; i < n; i++) {
            labels[i] = (i * 7L + i / 3) % 4;
        }
        Philox draws = new Philox(3, Philox.Purpose.TEST, 0, 0, 0);
        return new ImagePass(
                model, Tensor.randomNormal(0, 1, draws, Device.standard(), n, side, side, channels), Tensor.of(labels));
    }

    /** The same over some of the images only. */
    ImagePass part(int first, int end) {
        return new ImagePass(model, images.slice(0, first, end), labels.slice(0, first, end));
    }

    @Override
    public int size() {
        return (int) labels.size(0);
    }

    @Override
    public Outcome run(int first, int end) {
        model.zeroGrad();
        try (TensorScope _ = TensorScope.open()) {
            Tensor loss = CrossEntropy.crossEntropy(
                            model.forward(images.slice(0, first, end)), labels.slice(0, first, end), 0)
                    .mean();
            Autograd.backward(loss);
            return new Outcome(loss.item(), 0);
        }
    }

    /** The gradients that are in the parameters, by name. */
    Map<String, float[]> gradients() {
        Map<String, float[]> gradients = new LinkedHashMap<>();
        model.namedParameters()
                .forEach((name, parameter) ->
                        gradients.put(name, parameter.grad().toFloats()));
        return gradients;
    }

    /** Parameters and running statistics, by name. */
    Map<String, float[]> state() {
        Map<String, float[]> state = new LinkedHashMap<>();
        model.stateDict().forEach((name, tensor) -> state.put(name, tensor.toFloats()));
        return state;
    }
}
