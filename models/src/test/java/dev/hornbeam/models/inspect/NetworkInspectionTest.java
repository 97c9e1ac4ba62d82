package dev.hornbeam.models.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.NetworkTrace;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkInspectionTest {

    // Multiply-adds of one image, in thousand millions, as they are published or as fvcore counts them.
    @ParameterizedTest
    @CsvSource({
        "resnet18, 0.5554",
        "resnet18_imagenet, 1.814",
        "resnet34_imagenet, 3.664",
        "resnet50, 4.089",
        "wrn-28-10, 5.243",
        "resnet20, 0.0406",
        "vit-b-16, 17.5638",
    })
    void countsThePublishedMultiplyAdds(String name, double billions) {
        ModelCatalog.Entry entry = ModelCatalog.find(name).orElseThrow();
        long side = entry.side();
        NetworkInspection inspection = NetworkInspection.of(
                () -> ModelCatalog.create(name, entry.publishedSpec(), 1),
                List.of(side, side, (long) entry.channels()),
                2);
        assertEquals(billions, inspection.multiplyAdds() / 1e9, billions < 0.1 ? 0.00005 : 0.0005, name);
        assertEquals(
                inspection.parameters(),
                inspection.layers().stream()
                        .mapToLong(NetworkInspection.Layer::parameters)
                        .sum());
    }

    // What the tape keeps, counted op by op, is what the allocator has given out, but for its rounding.
    @ParameterizedTest
    @ValueSource(strings = {"smallcnn28", "resnet20", "resnet20_gn", "cnn9", "preactresnet18", "vgg16_bn", "vit-s-16"})
    void layersKeepWhatTheAllocatorCounts(String name) {
        ModelCatalog.Entry entry = ModelCatalog.find(name).orElseThrow();
        ModelSpec spec = entry.publishedSpec().withWidth(16);
        long side = entry.side();
        NetworkInspection inspection = NetworkInspection.of(
                () -> ModelCatalog.create(name, spec, 1), List.of(side, side, (long) entry.channels()), 8);
        long kept = inspection.layers().stream()
                .mapToLong(NetworkInspection.Layer::activationBytes)
                .sum();
        assertEquals(1, (double) kept / inspection.activationBytes(), 0.03, name);
    }

    // The device that computes nothing sees every tensor of a real step; only the scratch of kernels is missing.
    @Test
    void theProcessorsPeakIsThatOfTheDeviceThatComputesNothingAndScratch() {
        ModelSpec spec = ModelSpec.of(3, 10).withWidth(8);
        NetworkInspection inspection =
                NetworkInspection.of(() -> ModelCatalog.create("resnet20", spec, 1), List.of(32L, 32L, 3L), 64);
        long before = Engine.memory().inUse();
        try (TensorScope _ = TensorScope.open();
                Module network = ModelCatalog.create("resnet20", spec, 1);
                Sgd optimizer = new Sgd(network.namedParameters(), 0.1, 0.9, 5e-4, true)) {
            Tensor x = Tensor.zeros(64, 32, 32, 3);
            Tensor labels = Tensor.of(new long[64], 64);
            for (int step = 0; step < 2; step++) {
                Engine.resetPeak(Device.cpu());
                optimizer.zeroGrad();
                try (TensorScope _ = TensorScope.open()) {
                    Autograd.backward(CrossEntropy.crossEntropy(network.forward(x), labels)
                            .mean());
                }
                optimizer.step();
            }
        }
        long peak = Engine.memory().peak() - before;
        assertTrue(peak >= inspection.peakBytes(), peak + " and " + inspection.peakBytes());
        assertEquals(1, (double) peak / inspection.peakBytes(), 0.25);
    }

    @Test
    void nothingStaysBehind() {
        long before = Engine.memory().inUse();
        long tensors = Engine.memory().liveTensors();
        NetworkInspection.of(() -> ModelCatalog.create("smallcnn28", ModelSpec.of(1, 10), 1), List.of(28L, 28L, 1L), 4);
        assertEquals(before, Engine.memory().inUse());
        assertEquals(tensors, Engine.memory().liveTensors());
    }

    @Test
    void wrongImagesAreRefused() {
        assertThrows(
                IllegalArgumentException.class,
                () -> NetworkInspection.of(
                        () -> ModelCatalog.create("smallcnn28", ModelSpec.of(1, 10), 1), List.of(28L, 28L), 4));
        assertThrows(
                IllegalArgumentException.class,
                () -> NetworkInspection.of(
                        () -> ModelCatalog.create("smallcnn28", ModelSpec.of(1, 10), 1), List.of(28L, 28L, 3L), 4));
    }

    @Test
    void opsWithoutParametersAreInTheModuleThatAppliesThem() {
        assertEquals("layer1.0", moduleOf("resnet18_gn", "unary", 1));
        assertEquals("layer1.0", moduleOf("resnet18_gn", "binary", 0));
        assertEquals("layer4.1", moduleOf("resnet18_gn", "unary", 16));
        assertEquals("", moduleOf("resnet18_gn", "unary", 0));
        assertEquals("", moduleOf("resnet18_gn", "global_avg_pool", 0));
        assertEquals("layer2.0", moduleOf("resnet20", "slice", 0));
        assertEquals("layer3.0", moduleOf("resnet20", "pad", 1));
        assertEquals("layer3.0.conv1", moduleOf("resnet20", "conv_bn_act", 13));
    }

    private static String moduleOf(String name, String op, int which) {
        try (TensorScope _ = TensorScope.open();
                Module network = ModelCatalog.create(name, ModelSpec.of(3, 10).withWidth(4), 1)) {
            return NetworkTrace.of(network, Tensor.zeros(2, 32, 32, 3)).steps().stream()
                    .filter(step -> step.op().name().equals(op))
                    .skip(which)
                    .findFirst()
                    .orElseThrow()
                    .module();
        }
    }
}
