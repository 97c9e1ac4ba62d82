package dev.hornbeam.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.io.WeightsFile;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Networks against PyTorch in float64: testdata/golden/model.*.safetensors, made by testdata/python/make_golden.py. */
class GoldenModelTest {
    private static final Path GOLDEN = Path.of("..", "testdata", "golden");

    @AfterEach
    void backToTheFastestTier() {
        Engine.setTier("auto");
    }

    @ParameterizedTest
    @CsvSource({
        "model.resnet18w4_28x28x1, resnet18, 1, 4, scalar",
        "model.resnet18w4_28x28x1, resnet18, 1, 4, auto",
        "model.resnet18w4_32x32x3, resnet18, 3, 4, auto",
        "model.resnet20w8_32x32x3, resnet20, 3, 8, scalar",
        "model.resnet20w8_32x32x3, resnet20, 3, 8, auto",
    })
    void trainsLikePyTorch(String file, String name, int channels, int width, String tier) throws IOException {
        Engine.setTier(tier);
        Path path = GOLDEN.resolve(file + ".safetensors");
        ModelSpec spec = ModelSpec.of(channels, 10).withWidth(width);
        try (TensorScope _ = TensorScope.open();
                Safetensors golden = Safetensors.open(path);
                Module network = ModelCatalog.create(name, spec, 1)) {
            assertTrue(WeightsFile.load(network, golden, path, "weights/", true).isClean());
            Tensor x = golden.read("input").permute(0, 2, 3, 1).dense().detach().requireGrad();
            Tensor targets = golden.read("targets");

            network.eval();
            try (var _ = Autograd.noGrad()) {
                assertClose(golden.read("logits_eval"), network.forward(x), 5e-5, "logits_eval");
            }

            network.train();
            try (Sgd optimizer = new Sgd(network.namedParameters(), 0.01, 0.9, 5e-4, true)) {
                float[] losses = golden.read("losses").toFloats();
                for (int step = 0; step < losses.length; step++) {
                    try (TensorScope _ = TensorScope.open()) {
                        optimizer.zeroGrad();
                        Tensor logits = network.forward(x);
                        Tensor loss = CrossEntropy.crossEntropy(logits, targets).mean();
                        Autograd.backward(loss);
                        assertEquals(losses[step], loss.item(), 1e-3 * Math.abs(losses[0]), "loss of step " + step);
                        if (step == 0) {
                            assertClose(golden.read("logits"), logits, 5e-5, "logits");
                            assertClose(
                                    golden.read("input_gradient").permute(0, 2, 3, 1),
                                    x.grad(),
                                    5e-4,
                                    "input_gradient");
                            checkGradients(network, golden);
                        }
                        optimizer.step();
                    }
                    if (step == 0) {
                        checkStatistics(network, golden);
                    }
                }
            }
            network.eval();
            try (var _ = Autograd.noGrad()) {
                assertClose(golden.read("logits_eval_after10"), network.forward(x), 1e-2, "logits_eval_after10");
            }
            x.zeroGrad();
        }
    }

    private static void checkGradients(Module network, Safetensors golden) throws IOException {
        for (Map.Entry<String, Parameter> entry : network.namedParameters().entrySet()) {
            String name = "gradients/" + entry.getKey();
            WeightLayout layout = entry.getValue().layout();
            assertClose(
                    layout.fromFile(golden.read(name)), entry.getValue().value().grad(), 5e-4, name);
        }
    }

    private static void checkStatistics(Module network, Safetensors golden) throws IOException {
        try (TensorScope _ = TensorScope.open()) {
            for (Map.Entry<String, Tensor> entry : network.stateDict().entrySet()) {
                String name = "statistics_after1/" + entry.getKey();
                if (golden.entries().containsKey(name)) {
                    assertClose(golden.read(name), entry.getValue(), 2e-5, name);
                }
            }
        }
    }

    // Errors are measured against the tensor's largest element: small ones come out of cancellation.
    private static void assertClose(Tensor expected, Tensor actual, double ofLargest, String name) {
        float[] e = expected.dense().toFloats();
        float[] a = actual.toFloats();
        assertEquals(e.length, a.length, name);
        double largest = 0;
        for (float value : e) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < e.length; i++) {
            assertEquals(e[i], a[i], ofLargest * largest + 1e-12, name + " element " + i);
        }
    }
}
