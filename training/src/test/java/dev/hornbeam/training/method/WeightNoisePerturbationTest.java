package dev.hornbeam.training.method;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class WeightNoisePerturbationTest {
    private static final int SUB_BATCHES = 8;
    private static final int STEP = 11;

    // One process with eight sub-batches, or eight with one each: networks without batch norm, where nothing else is
    // shared.
    @ParameterizedTest
    @CsvSource({
        "MULTIPLICATIVE, AT_PERTURBED, resnet20_gn, 0.3",
        "MULTIPLICATIVE, CHAIN_RULE, resnet20_gn, 0.3",
        "ADDITIVE, AT_PERTURBED, resnet20_gn, 0.02",
        "MULTIPLICATIVE, AT_PERTURBED, vit-s-16, 0.2"
    })
    void replicasDrawTheNoiseOfSubBatches(Noise.Kind kind, Noise.Gradient form, String network, double sigma) {
        int width = network.startsWith("vit") ? 24 : 16;
        try (Module model = ModelCatalog.create(
                        network, ModelSpec.of(1, 4).withWidth(width).withSide(32), 1);
                TensorScope _ = TensorScope.open()) {
            model.train();
            ImagePass pass = ImagePass.of(model, 2 * SUB_BATCHES, 32, 1);
            GradientPass.Outcome together =
                    new WeightNoisePerturbation(kind, sigma, SUB_BATCHES, form, 42).gradient(model, pass, STEP);
            Map<String, float[]> gradients = pass.gradients();

            Map<String, double[]> mean = new LinkedHashMap<>();
            double loss = 0;
            for (int replica = 0; replica < SUB_BATCHES; replica++) {
                ImagePass own = pass.part(2 * replica, 2 * replica + 2);
                loss += new WeightNoisePerturbation(kind, sigma, 1, form, 42, replica)
                                .gradient(model, own, STEP)
                                .loss()
                        / SUB_BATCHES;
                own.gradients().forEach((name, gradient) -> {
                    double[] sum = mean.computeIfAbsent(name, _ -> new double[gradient.length]);
                    for (int i = 0; i < sum.length; i++) {
                        sum[i] += (double) gradient[i] / SUB_BATCHES;
                    }
                });
            }
            assertEquals(together.loss(), loss, 1e-6);
            double largest = 0;
            double difference = 0;
            for (Map.Entry<String, double[]> entry : mean.entrySet()) {
                float[] wanted = gradients.get(entry.getKey());
                for (int i = 0; i < wanted.length; i++) {
                    largest = Math.max(largest, Math.abs(wanted[i]));
                    difference = Math.max(difference, Math.abs(wanted[i] - entry.getValue()[i]));
                }
            }
            assertTrue(difference <= 1e-6 * Math.max(1, largest), difference + " of " + largest);

            // Another replica's noise gives another loss: the test would see a wrong stream.
            double wrong = new WeightNoisePerturbation(kind, sigma, 1, form, 42, 1)
                    .gradient(model, pass.part(0, 2), STEP)
                    .loss();
            double right = new WeightNoisePerturbation(kind, sigma, 1, form, 42, 0)
                    .gradient(model, pass.part(0, 2), STEP)
                    .loss();
            assertTrue(Math.abs(wrong - right) > 1e-4, wrong + " and " + right);
        }
    }
}
