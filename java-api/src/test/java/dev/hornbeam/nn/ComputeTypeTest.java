package dev.hornbeam.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.OpTrace;
import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks that compute in bf16, whole and in part. */
class ComputeTypeTest {
    private static final int CLASSES = 5;

    private TensorScope scope;
    private int threads;

    /** Ops this small gain nothing from a second thread, and on a busy machine they wait for it. */
    @BeforeEach
    void open() {
        scope = TensorScope.open();
        threads = Engine.threads();
        Engine.setThreads(1);
    }

    @AfterEach
    void close() {
        scope.close();
        Engine.setThreads(threads);
    }

    private static final class Block extends Module {
        private final ConvBnAct first;
        private final ConvBnAct second;

        Block(int channels, Activation activation) {
            first = child("first", new ConvBnAct(conv(channels), new BatchNorm2d(channels), activation));
            second = child("second", new ConvBnAct(conv(channels), new BatchNorm2d(channels), activation));
        }

        private static Conv2d conv(int channels) {
            return new Conv2d(channels, channels, 3, 1, 1);
        }

        @Override
        protected Tensor compute(Tensor x) {
            return second.forward(first.forward(x), x);
        }
    }

    private static final class Network extends Module {
        private final Conv2d stem = child("stem", new Conv2d(3, 16, 3, 1, 1));
        private final Dropout dropout = child("dropout", Dropout.elements(0.1));
        private final Sequential blocks;
        private final GlobalAvgPool pool = new GlobalAvgPool();
        private final Linear fc;

        Network(Activation activation) {
            blocks = child("blocks", new Sequential(new Block(16, activation), new Block(16, activation)));
            fc = child("fc", new Linear(16, CLASSES));
            Init.standard(this, 7);
            Init.heConvolutions(this, Init.Fan.OUT, 7);
        }

        @Override
        protected Tensor compute(Tensor x) {
            return fc.forward(pool.forward(blocks.forward(dropout.forward(stem.forward(x)))));
        }
    }

    private static Tensor images(int batch) {
        return Tensor.randomNormal(
                0,
                1,
                new Philox(3, Philox.Purpose.TEST, 0, 0, 0),
                dev.hornbeam.tensor.Device.standard(),
                batch,
                12,
                12,
                3);
    }

    private static Tensor labels(int batch) {
        long[] classes = new long[batch];
        for (int i = 0; i < batch; i++) {
            classes[i] = (i * 7L) % CLASSES;
        }
        return Tensor.of(classes);
    }

    private static Module network() {
        return network(Activation.RELU);
    }

    private static Module network(Activation activation) {
        Network network = new Network(activation);
        network.setStep(1, 0);
        return network;
    }

    /** Each op as "name type", type of its first result. */
    private static List<String> ops(Module network, Tensor x) {
        return NetworkTrace.of(network, x).steps().stream()
                .map(step -> step.op().name() + " " + step.op().output().dtype())
                .toList();
    }

    private static double step(Module network, Tensor x, Tensor labels) {
        try (var _ = TensorScope.open()) {
            Tensor loss = CrossEntropy.crossEntropy(network.forward(x), labels).mean();
            Autograd.backward(loss);
            return loss.item();
        }
    }

    private static Map<String, float[]> gradients(Module network) {
        Map<String, float[]> gradients = new LinkedHashMap<>();
        network.namedParameters().forEach((name, parameter) -> {
            assertEquals(DType.F32, parameter.grad().dtype(), name);
            gradients.put(name, parameter.grad().toFloats());
        });
        return gradients;
    }

    @Test
    void castsAtTheBorders() {
        try (Module network = network()) {
            Tensor x = images(4);
            assertEquals(
                    List.of(
                            "conv2d f32",
                            "dropout f32",
                            "conv_bn_act f32",
                            "conv_bn_act f32",
                            "conv_bn_act f32",
                            "conv_bn_act f32",
                            "global_avg_pool f32",
                            "linear f32"),
                    ops(network, x));
            assertNull(network.computeType());

            network.setComputeType(DType.BF16);
            assertEquals(DType.BF16, network.computeType());
            List<String> bf16 = List.of(
                    "cast bf16",
                    "conv2d bf16",
                    "dropout bf16",
                    "conv_bn_act bf16",
                    "conv_bn_act bf16",
                    "conv_bn_act bf16",
                    "conv_bn_act bf16",
                    "global_avg_pool bf16",
                    "linear bf16",
                    "cast f32");
            assertEquals(bf16, ops(network, x));
            assertEquals(DType.F32, network.forward(x).dtype());

            // A subtree, and a head whose result is not rounded.
            network.module("blocks.0").setComputeType(DType.F32);
            network.module("fc").setComputeType(DType.F32, DType.F32);
            assertEquals(
                    List.of(
                            "cast bf16",
                            "conv2d bf16",
                            "dropout bf16",
                            "cast f32",
                            "conv_bn_act f32",
                            "conv_bn_act f32",
                            "cast bf16",
                            "conv_bn_act bf16",
                            "conv_bn_act bf16",
                            "global_avg_pool bf16",
                            "cast f32",
                            "linear f32"),
                    ops(network, x));

            // Ops still find their modules.
            List<String> places = NetworkTrace.of(network, x).steps().stream()
                    .map(NetworkTrace.Step::module)
                    .toList();
            assertEquals("", places.getFirst());
            assertEquals("blocks.0.first.conv", places.get(4));
            assertEquals("fc", places.getLast());
        }
    }

    /** A norm of its own type splits the fused op; what comes out is what its parts give. */
    @ParameterizedTest
    @ValueSource(strings = {"bn", "conv"})
    void aPinnedHalfSplitsConvBnAct(String pinned) {
        Conv2d conv = new Conv2d(8, 8, 3, 1, 1);
        BatchNorm2d norm = new BatchNorm2d(8);
        try (ConvBnAct fused = new ConvBnAct(conv, norm, Activation.RELU)) {
            Init.standard(fused, 3);
            fused.setUpdateRunningStatistics(false);
            fused.module(pinned).setComputeType(DType.F32);
            Tensor x = images(4)
                    .pad(new long[] {0, 0, 0, 0}, new long[] {0, 0, 0, 5}, 1)
                    .cast(DType.BF16);
            Tensor residual = images(4)
                    .pad(new long[] {0, 0, 0, 5}, new long[] {0, 0, 0, 0}, 2)
                    .cast(DType.BF16);
            OpTrace trace = OpTrace.of(() -> fused.forward(x, residual));
            assertEquals(
                    pinned.equals("bn")
                            ? List.of("conv2d bf16", "cast f32", "cast f32", "batch_norm f32", "cast bf16")
                            : List.of("cast f32", "conv2d f32", "cast bf16", "batch_norm bf16"),
                    trace.ops().stream()
                            .map(op -> op.name() + " " + op.output().dtype())
                            .toList());
            Tensor y = fused.forward(x, residual);
            assertEquals(DType.BF16, y.dtype());
            fused.module(pinned).setComputeType(null);
            Tensor convolved = pinned.equals("bn")
                    ? conv.forward(x).cast(DType.F32)
                    : conv.forward(x.cast(DType.F32)).cast(DType.BF16);
            Tensor expected = norm.forward(convolved, residual.as(convolved.dtype()), Activation.RELU, 0)
                    .as(DType.BF16);
            assertArrayEquals(expected.toFloats(), y.toFloats());
            assertEquals(
                    "conv_bn_act",
                    OpTrace.of(() -> fused.forward(x)).ops().getFirst().name());
        }
    }

    @Test
    void aFusedModuleHasATypeOfItsOwn() {
        try (ConvBnAct fused = new ConvBnAct(new Conv2d(3, 4, 3, 1, 1), new BatchNorm2d(4), Activation.NONE)) {
            Init.standard(fused, 3);
            fused.setComputeType(DType.BF16);
            Tensor x = images(2);
            Tensor residual = Tensor.ones(2, 12, 12, 4);
            OpTrace trace = OpTrace.of(() -> fused.forward(x, residual));
            assertEquals(
                    List.of("cast bf16", "cast bf16", "conv_bn_act bf16", "cast f32"),
                    trace.ops().stream()
                            .map(op -> op.name() + " " + op.output().dtype())
                            .toList());
        }
    }

    @Test
    void otherTypesAreRefused() {
        try (Module network = network()) {
            for (DType type : List.of(DType.F64, DType.I64, DType.U8)) {
                IllegalArgumentException error =
                        assertThrows(IllegalArgumentException.class, () -> network.setComputeType(type));
                assertTrue(error.getMessage().startsWith("compute type is " + type), error.getMessage());
            }
            assertThrows(IllegalArgumentException.class, () -> network.setComputeType(null, DType.F32));
            assertNull(network.computeType());
        }
    }

    /**
     * Gradients of all parameters in bf16 against those in f32.
     *
     * <p>Some ten ops lie one behind another. Each rounds its result, and each one's gradient is rounded, by 0.16 % (root mean
     * square; 2<sup>-8</sup> at most), at random: that explains sqrt(20) 0.16 % = 0.7 % of the gradient's norm. Measured without
     * activations: 0.55 %, cosine 0.99998. A ReLU whose input is near 0 passes a gradient in one type and not in the other: 3.2 %,
     * cosine 0.9995.
     */
    @ParameterizedTest
    @CsvSource({"NONE, 0.9999, 0.01", "RELU, 0.999, 0.05"})
    void gradientsAreThoseOfF32ButForRounding(Activation activation, double leastCosine, double mostRelative) {
        try (Module network = network(activation)) {
            Tensor x = images(32);
            Tensor labels = labels(32);
            double exactLoss = step(network, x, labels);
            Map<String, float[]> exact = gradients(network);
            network.zeroGrad();
            network.setComputeType(DType.BF16);
            double loss = step(network, x, labels);
            Map<String, float[]> bf16 = gradients(network);
            assertEquals(exactLoss, loss, 0.01 * exactLoss);
            double dot = 0;
            double difference = 0;
            double squares = 0;
            double bf16Squares = 0;
            for (String name : exact.keySet()) {
                float[] e = exact.get(name);
                float[] b = bf16.get(name);
                for (int i = 0; i < e.length; i++) {
                    dot += (double) e[i] * b[i];
                    squares += (double) e[i] * e[i];
                    bf16Squares += (double) b[i] * b[i];
                    difference += ((double) e[i] - b[i]) * ((double) e[i] - b[i]);
                }
            }
            double cosine = dot / Math.sqrt(squares * bf16Squares);
            double relative = Math.sqrt(difference / squares);
            assertTrue(cosine > leastCosine, "cosine " + cosine);
            assertTrue(relative > 0 && relative < mostRelative, "relative difference " + relative);
        }
    }

    @Test
    void activationCheckpointsGiveTheSameBits() {
        Tensor x = images(8);
        Tensor labels = labels(8);
        Map<String, float[]> plain;
        try (Module network = network()) {
            network.setComputeType(DType.BF16);
            step(network, x, labels);
            plain = gradients(network);
        }
        try (Module network = network()) {
            network.setComputeType(DType.BF16);
            network.setActivationCheckpointing(true);
            step(network, x, labels);
            Map<String, float[]> checkpointed = gradients(network);
            plain.forEach((name, gradient) -> assertArrayEquals(gradient, checkpointed.get(name), name));

            Tensor loss = CrossEntropy.crossEntropy(network.forward(x), labels).mean();
            network.module("blocks.1.second").setComputeType(DType.F32);
            IllegalStateException error = assertThrows(IllegalStateException.class, () -> Autograd.backward(loss));
            assertTrue(error.getMessage().contains("the compute type"), error.getMessage());
        }
    }

    @Test
    void threadsChangeNoBit() {
        Map<String, float[]> one = trained(1);
        Map<String, float[]> two = trained(2);
        one.forEach((name, weights) -> assertArrayEquals(weights, two.get(name), name));
    }

    private static Map<String, float[]> trained(int threads) {
        Engine.setThreads(threads);
        try (Module network = network();
                Sgd optimizer = new Sgd(network.namedParameters(), 0.05, 0.9, 5e-4, true)) {
            network.setComputeType(DType.BF16);
            Tensor x = images(16);
            Tensor labels = labels(16);
            for (int i = 0; i < 3; i++) {
                network.setStep(1, i);
                network.setWeightNoise(WeightNoise.damp(4, 0.2f, 1, i));
                optimizer.zeroGrad();
                step(network, x, labels);
                optimizer.step();
            }
            Map<String, float[]> state = new LinkedHashMap<>();
            network.stateDict().forEach((name, tensor) -> {
                assertEquals(DType.F32, tensor.dtype(), name);
                state.put(name, tensor.toFloats());
            });
            return state;
        }
    }

    /** A state that was trained in one type is loaded and goes on in the other. */
    @Test
    void statesKnowNoComputeType() {
        try (Module bf16 = network();
                Module f32 = network()) {
            Tensor x = images(8);
            bf16.setComputeType(DType.BF16);
            for (Parameter parameter : bf16.parameters()) {
                parameter
                        .value()
                        .detach()
                        .addScaled(Tensor.ones(parameter.value().shape()), 0.01);
            }
            assertTrue(f32.loadStateDict(bf16.stateDict(), true).isClean());
            bf16.eval();
            f32.eval();
            float[] expected = f32.forward(x).toFloats();
            bf16.setComputeType(null);
            assertArrayEquals(expected, bf16.forward(x).toFloats());
        }
    }
}
