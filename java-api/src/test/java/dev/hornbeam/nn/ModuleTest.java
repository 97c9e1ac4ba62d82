package dev.hornbeam.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ModuleTest {
    /** A residual block as in the reference repositories, with the fused layers beside the named ones. */
    private static final class Block extends Module {
        private final Conv2d conv1;
        private final BatchNorm2d bn1;
        private final Conv2d conv2;
        private final BatchNorm2d bn2;
        private final ConvBnAct first;
        private final ConvBnAct second;

        Block(int channels) {
            conv1 = child("conv1", new Conv2d(channels, channels, 3, 1, 1));
            bn1 = child("bn1", new BatchNorm2d(channels));
            conv2 = child("conv2", new Conv2d(channels, channels, 3, 1, 1));
            bn2 = child("bn2", new BatchNorm2d(channels));
            first = new ConvBnAct(conv1, bn1, Activation.RELU);
            second = new ConvBnAct(conv2, bn2, Activation.RELU);
        }

        @Override
        protected Tensor compute(Tensor x) {
            return second.forward(first.forward(x), x);
        }

        Tensor plain(Tensor x) {
            Tensor h = bn1.forward(conv1.forward(x)).relu();
            return bn2.forward(conv2.forward(h)).add(x).relu();
        }
    }

    private static final class Network extends Module {
        private final Sequential layer1;
        private final Linear fc;

        Network() {
            layer1 = child("layer1", new Sequential(new Block(4), new Block(4)));
            fc = child("fc", new Linear(4, 3));
        }

        @Override
        protected Tensor compute(Tensor x) {
            return fc.forward(layer1.forward(x).mean(false, 1, 2));
        }
    }

    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor images(long n, long channels) {
        return Tensor.randomNormal(
                0, 1, new Philox(5, Philox.Purpose.TEST, 0, 0, 0), Device.standard(), n, 5, 5, channels);
    }

    @Test
    void namesAreThoseOfPyTorch() {
        try (Network network = new Network()) {
            assertEquals(
                    List.of(
                            "layer1.0.conv1.weight",
                            "layer1.0.bn1.weight",
                            "layer1.0.bn1.bias",
                            "layer1.0.conv2.weight",
                            "layer1.0.bn2.weight",
                            "layer1.0.bn2.bias",
                            "layer1.1.conv1.weight",
                            "layer1.1.bn1.weight",
                            "layer1.1.bn1.bias",
                            "layer1.1.conv2.weight",
                            "layer1.1.bn2.weight",
                            "layer1.1.bn2.bias",
                            "fc.weight",
                            "fc.bias"),
                    List.copyOf(network.namedParameters().keySet()));
            assertEquals(
                    List.of(
                            "layer1.0.bn1.weight",
                            "layer1.0.bn1.bias",
                            "layer1.0.bn1.running_mean",
                            "layer1.0.bn1.running_var"),
                    network.stateDict().keySet().stream()
                            .filter(name -> name.startsWith("layer1.0.bn1"))
                            .toList());
            assertEquals(4 * 4 * 9 * 4 + 4 * 8 + 15, network.parameterCount());
            assertSame(network.layer1, network.module("layer1"));
            assertTrue(network.module("layer1.1.bn2") instanceof BatchNorm2d);
            assertThrows(IllegalArgumentException.class, () -> network.module("layer2"));
            assertSame(network, network.module(""));
        }
    }

    @Test
    void namesAreUniqueAndWithoutDots() {
        final class Wrong extends Module {
            Wrong(String first, String second) {
                child(first, Lambda.relu());
                parameter(second, Tensor.zeros(1), Parameter.Role.OTHER).value().moveTo(TensorScope.current());
            }

            @Override
            protected Tensor compute(Tensor x) {
                return x;
            }
        }

        assertThrows(IllegalArgumentException.class, () -> new Wrong("a", "a"));
        assertThrows(IllegalArgumentException.class, () -> new Wrong("a.b", "c"));
        assertThrows(IllegalArgumentException.class, () -> new Wrong("", "c"));
    }

    @Test
    void rolesDecideWhatMultiplies() {
        try (Network network = new Network()) {
            network.namedParameters().forEach((name, parameter) -> {
                boolean expected = name.endsWith("weight");
                assertEquals(expected, parameter.isMultiplicative(), name);
                assertEquals(1, parameter.decay());
            });
        }
    }

    @Test
    void theFusedBlockIsThePlainOne() {
        try (Block block = new Block(4)) {
            Init.standard(block, 3);
            Tensor x = images(6, 4).requireGrad();
            Tensor dy = Tensor.randomNormal(
                    0, 1, new Philox(5, Philox.Purpose.TEST, 1, 0, 0), Device.standard(), 6, 5, 5, 4);
            block.setUpdateRunningStatistics(false);
            float[][] results = new float[2][];
            float[][] gradients = new float[2][];
            for (int fused = 0; fused < 2; fused++) {
                Tensor y = fused == 1 ? block.forward(x) : block.plain(x);
                Autograd.backward(y, dy);
                results[fused] = y.toFloats();
                gradients[fused] = Tensor.concat(
                                0,
                                x.grad().reshape(-1),
                                block.conv1.weight().grad().reshape(-1),
                                block.bn2.weight().grad())
                        .toFloats();
                x.zeroGrad();
                block.zeroGrad();
            }
            assertArrayEquals(results[0], results[1], 1e-5f);
            assertArrayEquals(gradients[0], gradients[1], 2e-4f);
        }
    }

    @Test
    void trainingModeReachesTheWholeTree() {
        try (Network network = new Network()) {
            assertTrue(network.isTraining());
            network.eval();
            network.apply(module -> assertFalse(module.isTraining()));
            network.layer1.train();
            assertFalse(network.isTraining());
            assertTrue(network.module("layer1.0.bn1").isTraining());
        }
    }

    @Test
    void runningStatisticsFollowModeAndSwitches() {
        try (BatchNorm2d norm = new BatchNorm2d(4)) {
            Tensor x = images(6, 4);
            float[] start = norm.runningMean().toFloats();
            norm.setUpdateRunningStatistics(false);
            norm.forward(x);
            assertArrayEquals(start, norm.runningMean().toFloats());
            norm.setUpdateRunningStatistics(true);
            norm.freezeStatistics(true);
            Tensor frozen = norm.forward(x);
            assertArrayEquals(start, norm.runningMean().toFloats());
            norm.eval();
            assertArrayEquals(frozen.toFloats(), norm.forward(x).toFloats(), "frozen is as in evaluation");
            norm.train();
            norm.freezeStatistics(false);
            norm.forward(x);
            float[] mean = x.mean(false, 0, 1, 2).mul(0.1).toFloats();
            assertArrayEquals(mean, norm.runningMean().toFloats(), 1e-6f);
        }
    }

    @Test
    void statisticsCanBeOfEachPartOfTheBatch() {
        try (BatchNorm2d norm = new BatchNorm2d(4)) {
            Tensor x = images(6, 4);
            norm.setStatisticsGroups(3);
            Tensor y = norm.forward(x);
            norm.setStatisticsGroups(1);
            for (int part = 0; part < 3; part++) {
                Tensor alone = norm.forward(x.slice(0, 2L * part, 2L * part + 2));
                assertArrayEquals(
                        alone.toFloats(), y.slice(0, 2L * part, 2L * part + 2).toFloats(), 1e-5f);
            }
            norm.setStatisticsGroups(3);
            norm.eval();
            assertArrayEquals(new long[] {6, 5, 5, 4}, norm.forward(x).shape());
            assertThrows(IllegalArgumentException.class, () -> norm.setStatisticsGroups(0));
        }
    }

    @Test
    void freezingStopsGradients() {
        try (Network network = new Network()) {
            Init.standard(network, 1);
            network.layer1.freeze();
            Autograd.backward(network.forward(images(3, 4)).sum());
            network.layer1.parameters().forEach(parameter -> assertNull(parameter.grad()));
            assertTrue(network.fc.weight().grad() != null);
            network.layer1.unfreeze();
            Autograd.backward(network.forward(images(3, 4)).sum());
            network.parameters().forEach(parameter -> assertTrue(parameter.grad() != null));
            network.zeroGrad();
            network.parameters().forEach(parameter -> assertNull(parameter.grad()));
        }
    }

    @Test
    void statesAreCopiedAndReported() {
        try (Network from = new Network();
                Network to = new Network()) {
            Init.standard(from, 1);
            Map<String, Tensor> state = new HashMap<>(from.stateDict());
            state.put("layer1.0.bn1.num_batches_tracked", Tensor.of(new long[] {3}));
            assertTrue(to.loadStateDict(state, true).isClean());
            to.eval();
            from.eval();
            assertArrayEquals(
                    from.forward(images(2, 4)).toFloats(),
                    to.forward(images(2, 4)).toFloats());
            state.remove("fc.bias");
            state.put("head.weight", Tensor.zeros(2));
            state.put("fc.weight", Tensor.zeros(10, 4));
            LoadReport report = to.loadStateDict(state, false);
            assertEquals(List.of("fc.bias"), report.missing());
            assertEquals(List.of("head.weight"), report.unexpected());
            assertEquals(List.of("fc.weight ([10, 4] given, [3, 4] needed)"), report.mismatched());
            var error = assertThrows(IllegalArgumentException.class, () -> to.loadStateDict(state, true));
            assertTrue(error.getMessage().contains("fc.bias"), error.getMessage());
        }
    }

    @Test
    void modulesMoveToOtherTypesAndDevices() {
        try (Network network = new Network()) {
            Init.standard(network, 1);
            network.eval();
            float[] before = network.forward(images(2, 4)).toFloats();
            network.module("fc").freeze();
            network.to(DType.F64).to(Device.cpu());
            assertEquals(DType.F64, network.fc.weight().value().dtype());
            assertFalse(network.fc.weight().isTrainable());
            assertTrue(((Block) network.module("layer1.0")).conv1.weight().isTrainable());
            assertArrayEquals(
                    before,
                    network.forward(images(2, 4).cast(DType.F64).to(Device.cpu()))
                            .toFloats(),
                    1e-5f);
            network.to(Device.nothing());
            assertEquals(Device.nothing(), network.fc.weight().value().device());
        }
    }

    @Test
    void otherLayers() {
        try (Sequential layers = new Sequential(
                new Conv2d(2, 4, 3, Conv2dOptions.of(1, 1), true),
                new GroupNorm(2, 4),
                Lambda.leakyRelu(0.1),
                new MaxPool2d(2, 2, 0),
                new AvgPool2d(2, 1, 0),
                Lambda.flatten(),
                new LayerNorm(4),
                Lambda.gelu(),
                new Linear(4, 2, false, WeightLayout.SAME))) {
            Init.standard(layers, 9);
            assertArrayEquals(new long[] {3, 2}, layers.forward(images(3, 2)).shape());
            assertEquals(
                    "8.weight", List.copyOf(layers.namedParameters().keySet()).getLast());
        }
        assertArrayEquals(
                new long[] {3, 2}, new GlobalAvgPool().forward(images(3, 2)).shape());
        assertThrows(IllegalArgumentException.class, () -> new GroupNorm(3, 4));
        assertThrows(
                IllegalArgumentException.class,
                () -> new Conv2d(3, 4, 3, Conv2dOptions.of(1, 1).withGroups(2), false));
        try (Conv2d biased = new Conv2d(1, 1, 1, Conv2dOptions.DEFAULT, true);
                BatchNorm2d norm = new BatchNorm2d(1)) {
            assertThrows(IllegalArgumentException.class, () -> new ConvBnAct(biased, norm, Activation.NONE));
        }
    }
}
