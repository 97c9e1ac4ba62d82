package dev.hornbeam.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.models.inspect.NetworkInspection;
import dev.hornbeam.models.onnx.OnnxExport;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.NetworkTrace;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The networks of the catalog in bf16: against PyTorch in float64, in training, and in memory. */
class Bf16NetworkTest {
    private static final Path GOLDEN = Path.of("..", "testdata", "golden");

    @TempDir
    private Path folder;

    private int threads;

    // In networks as small as these threads wait longer than they compute.
    @BeforeEach
    void oneThread() {
        threads = Engine.threads();
        Engine.setThreads(1);
    }

    @AfterEach
    void threadsAsBefore() {
        Engine.setThreads(threads);
    }

    /**
     * Logits in evaluation mode are within one largest rounding error per layer, added up as random errors add. In training mode
     * norms divide by the deviations of a batch of four, in the last layers of single pixels, and errors grow: those of the
     * input's rounding alone, in f32, say how much. All the layers' together are at most eight times that.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "resnet20_gn",
                "resnet18_imagenet",
                "resnet50",
                "preactresnet18",
                "preactresnet18_damp",
                "wrn-16-2",
                "wrn-28-2_sharpdro",
                "cnn9",
                "smallcnn_trades",
                "vgg16_bn",
                "vit-s-16",
                "vit-s-16_resized",
                "vit-s-16_simple"
            })
    void logitsAreThoseOfPyTorchButForRounding(String file) throws IOException {
        try (TensorScope _ = TensorScope.open();
                GoldenNetwork golden = GoldenNetwork.open(GOLDEN.resolve("model." + file + ".safetensors"));
                Module network = ComputePolicy.apply(golden.network(DType.F32), DType.BF16);
                var _ = Autograd.noGrad()) {
            Tensor x = golden.input(DType.F32);
            network.eval();
            double eval = golden.shareOfRounding("eval/logits", logits(network, x));
            network.train();
            double train = golden.shareOfRounding("train/logits", logits(network, x));
            ComputePolicy.apply(network, DType.F32);
            Tensor rounded = x.cast(DType.BF16).cast(DType.F32);
            double ofInput = golden.shareOfRounding("train/logits", logits(network, rounded));
            assertTrue(eval > 0 && eval <= 1, "eval: " + eval);
            assertTrue(train > 0 && train <= Math.max(1, 8 * ofInput), "train: " + train + ", of the input " + ofInput);
        }
    }

    private static double[] logits(Module network, Tensor x) {
        Tensor logits = network.forward(x);
        assertEquals(DType.F32, logits.dtype());
        return logits.toDoubles();
    }

    @ParameterizedTest
    @CsvSource({
        "resnet20, 16, 8, 0.05",
        "resnet18, 16, 4, 0.05",
        "resnet20_gn, 16, 8, 0.05",
        "preactresnet18, 16, 4, 0.05",
        "wrn-16-2, 16, 4, 0.05",
        "cnn9, 32, 8, 0.1",
        "vit-s-16, 32, 24, 0.1",
        "vit-s-16_simple, 32, 24, 0.1"
    })
    void learnsABatchInTwentySteps(String name, int side, int width, double rate) {
        ModelSpec spec = ModelSpec.of(3, 4).withWidth(width).withSide(side);
        try (TensorScope _ = TensorScope.open();
                Module network = ComputePolicy.apply(ModelCatalog.create(name, spec, 1), DType.BF16);
                Sgd optimizer = new Sgd(network.namedParameters(), rate, 0.9, 0, true)) {
            Tensor x = Tensor.randomNormal(
                    0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.standard(), 16, side, side, 3);
            Tensor labels = Tensor.of(new long[] {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3});
            double first = 0;
            double last = 0;
            for (int step = 0; step < 20; step++) {
                network.setStep(1, step);
                optimizer.zeroGrad();
                try (TensorScope _ = TensorScope.open()) {
                    Tensor loss = CrossEntropy.crossEntropy(network.forward(x), labels)
                            .mean();
                    Autograd.backward(loss);
                    last = loss.item();
                }
                if (step == 0) {
                    first = last;
                    network.namedParameters()
                            .forEach((path, parameter) ->
                                    assertEquals(DType.F32, parameter.grad().dtype(), path));
                }
                optimizer.step();
            }
            assertTrue(last < 0.5 * first, name + ": from " + first + " to " + last);
            optimizer.state().forEach((path, state) -> assertEquals(DType.F32, state.dtype(), path));
            network.stateDict().forEach((path, state) -> assertEquals(DType.F32, state.dtype(), path));
        }
    }

    /** All but the head's matrix product is bf16 between the image and the logits. */
    @ParameterizedTest
    @ValueSource(strings = {"resnet20", "vit-s-16", "vit-s-16_simple", "vgg16_bn"})
    void theHeadIsF32(String name) {
        int side = ModelCatalog.find(name).orElseThrow().side();
        ModelSpec spec = ModelSpec.of(3, 10).withWidth(8).withSide(side);
        try (TensorScope _ = TensorScope.open();
                Module network = ComputePolicy.apply(ModelCatalog.create(name, spec, 1), DType.BF16)) {
            network.eval();
            List<NetworkTrace.Step> steps =
                    NetworkTrace.of(network, Tensor.ones(1, side, side, 3)).steps();
            String head = ((Headed) network).head();
            NetworkTrace.Step last = steps.getLast();
            assertEquals("linear", last.op().name());
            assertEquals(head, last.module());
            assertEquals(DType.F32, last.op().output().dtype());
            assertEquals(DType.F32, last.op().input("x").dtype());
            for (NetworkTrace.Step step : steps.subList(0, steps.size() - 1)) {
                boolean computes = List.of("conv2d", "conv_bn_act", "linear", "attention", "layer_norm", "unary")
                        .contains(step.op().name());
                if (computes) {
                    assertEquals(DType.BF16, step.op().output().dtype(), step.place());
                }
            }
            ComputePolicy.apply(network, DType.F32);
            assertTrue(NetworkTrace.of(network, Tensor.ones(1, side, side, 3)).steps().stream()
                    .noneMatch(step -> step.op().output().dtype() == DType.BF16));
            assertThrows(IllegalArgumentException.class, () -> ComputePolicy.apply(network, DType.F64));
        }
    }

    /**
     * Activations take half the memory. Weights, their gradients and momenta are f32 as before: 128 MiB of the 431 MiB at the
     * peak of a ResNet-18 step at batch 128, where f32 takes 733 MiB.
     */
    @Test
    void aStepTakesThreeFifthsOfTheMemory() {
        NetworkInspection f32 = inspection(DType.F32);
        NetworkInspection bf16 = inspection(DType.BF16);
        assertEquals(0.5, (double) bf16.activationBytes() / f32.activationBytes(), 0.01);
        assertTrue((double) bf16.peakBytes() / f32.peakBytes() < 0.6, bf16.peakBytes() + " of " + f32.peakBytes());
        assertEquals(f32.multiplyAdds(), bf16.multiplyAdds());
        assertEquals(f32.parameters(), bf16.parameters());
    }

    private static NetworkInspection inspection(DType type) {
        return NetworkInspection.of(
                () -> ComputePolicy.apply(ModelCatalog.create("resnet18", ModelSpec.of(3, 10), 1), type),
                List.of(32L, 32L, 3L),
                128);
    }

    @Test
    void onnxFilesAreF32() throws IOException {
        ModelSpec spec = ModelSpec.of(3, 10).withWidth(4);
        try (Module network = ModelCatalog.create("resnet20", spec, 1)) {
            Path f32 = folder.resolve("f32.onnx");
            Path bf16 = folder.resolve("bf16.onnx");
            OnnxExport.write(network, new long[] {32, 32, 3}, f32);
            ComputePolicy.apply(network, DType.BF16);
            OnnxExport.write(network, new long[] {32, 32, 3}, bf16);
            assertArrayEquals(Files.readAllBytes(f32), Files.readAllBytes(bf16));
            assertEquals(DType.BF16, network.computeType());
            assertEquals(DType.F32, network.module("fc").resultType());
        }
    }
}
