package dev.hornbeam.training.evaluation;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.data.Normalization;
import java.util.Arrays;

/**
 * The fast gradient sign method (Goodfellow, Shlens and Szegedy, Explaining and Harnessing Adversarial Examples, ICLR 2015,
 * section 4): every pixel moves by epsilon in the direction that raises the loss, {@code x + epsilon sign(d loss / d x)}.
 *
 * <p>Pixels are in [0, 1], where epsilon is measured and the result clipped, whatever the network's normalisation is: dividing
 * by a positive deviation changes no sign, so the normalised input moves by epsilon over the deviation of its channel. The
 * network is in evaluation mode: batch normalisation uses its running statistics and nothing is drawn at random.
 *
 * @param model the network, in evaluation mode
 * @param normalization of its input
 */
record FastGradientSign(Module model, Normalization normalization) {

    /**
     * Attacks a batch.
     *
     * @param input the normalised images, {@code n * height * width * channels} numbers; not changed
     * @param shape n, height, width, channels
     * @param labels true classes, of which the first n count
     * @param epsilons how far pixels move, each in [0, 1]
     * @return for each epsilon the attacked images, normalised as {@code input} is
     */
    float[][] attack(float[] input, long[] shape, int[] labels, double[] epsilons, Device device) {
        float[] gradient = gradient(input, shape, labels, device);
        int channels = normalization.channels();
        float[][] attacked = new float[epsilons.length][];
        for (int e = 0; e < epsilons.length; e++) {
            float[] moved = Arrays.copyOf(input, gradient.length);
            for (int c = 0; c < channels; c++) {
                double std = normalization.std().get(c);
                double mean = normalization.mean().get(c);
                for (int i = c; i < gradient.length; i += channels) {
                    double pixel = input[i] * std + mean + epsilons[e] * Math.signum(gradient[i]);
                    moved[i] = (float) ((Math.clamp(pixel, 0.0, 1.0) - mean) / std);
                }
            }
            attacked[e] = moved;
        }
        return attacked;
    }

    private float[] gradient(float[] input, long[] shape, int[] labels, Device device) {
        int n = (int) shape[0];
        long[] classes = new long[n];
        Arrays.setAll(classes, i -> labels[i]);
        try (TensorScope _ = TensorScope.open()) {
            Tensor images = Tensor.empty(DType.F32, device, shape);
            images.write(0, input, 0, (int) images.elements());
            images.requireGrad();
            Tensor truth = Tensor.empty(DType.I64, device, n);
            truth.write(0, classes, 0, n);
            // The sum and not the mean: its sign is the same, and small gradients keep their digits.
            Tensor loss =
                    CrossEntropy.crossEntropy(model.forward(images), truth, 0).sum();
            return Autograd.grad(loss, images)[0].toFloats();
        }
    }
}
