package dev.hornbeam.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.ActivationCheckpoint;
import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ActivationCheckpointTest {
    private long before;
    private TensorScope scope;

    @BeforeEach
    void open() {
        before = Engine.memory().liveTensors();
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
        assertEquals(before, Engine.memory().liveTensors(), "live tensors");
    }

    private static final class Block extends Module {
        private final ConvBnAct first;
        private final ConvBnAct second;
        private final Dropout dropout = child("dropout", Dropout.elements(0.25));

        Block(int channels) {
            first = child("first", new ConvBnAct(conv(channels), new BatchNorm2d(channels), Activation.RELU));
            second = child("second", new ConvBnAct(conv(channels), new BatchNorm2d(channels), Activation.RELU));
        }

        private static Conv2d conv(int channels) {
            return new Conv2d(channels, channels, 3, 1, 1);
        }

        @Override
        protected Tensor compute(Tensor x) {
            return second.forward(dropout.forward(first.forward(x)), x);
        }
    }

    private static final class Network extends Module {
        private final Conv2d stem = child("stem", new Conv2d(3, 8, 3, 1, 1));
        private final Sequential blocks = child("blocks", new Sequential(new Block(8), new Block(8), new Block(8)));
        private final Linear fc = child("fc", new Linear(8, 5));
        private final GlobalAvgPool pool = new GlobalAvgPool();

        Network() {
            Init.standard(this, 7);
        }

        @Override
        protected Tensor compute(Tensor x) {
            return fc.forward(pool.forward(blocks.forward(stem.forward(x))));
        }
    }

    private static Tensor images() {
        float[] pixels = new float[8 * 12 * 12 * 3];
        Philox numbers = new Philox(3, Philox.Purpose.TEST, 0, 0, 0);
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = numbers.normal(i);
        }
        return Tensor.of(pixels, 8, 12, 12, 3);
    }

    private static Tensor loss(Module network, Tensor x) {
        return CrossEntropy.crossEntropy(network.forward(x), Tensor.of(new long[] {0, 1, 2, 3, 4, 0, 1, 2}), 0.0)
                .mean();
    }

    private static Map<String, float[]> step(boolean checkpointing) {
        Map<String, float[]> results = new LinkedHashMap<>();
        try (Network network = new Network();
                var _ = TensorScope.open()) {
            network.setActivationCheckpointing(checkpointing);
            network.parameters().get(3).setTrainable(false);
            network.setStatisticsGroups(4);
            for (int step = 0; step < 2; step++) {
                network.setWeightNoise(WeightNoise.damp(4, 0.2f, 11, step));
                network.setStep(11, step);
                Tensor x = images().requireGrad();
                Tensor loss = loss(network, x);
                Autograd.backward(loss);
                results.put("loss " + step, new float[] {(float) loss.item()});
                results.put("input " + step, x.grad().toFloats());
            }
            network.namedParameters().forEach((name, parameter) -> {
                if (parameter.isTrainable()) {
                    results.put(name, parameter.grad().toFloats());
                } else {
                    assertNull(parameter.grad());
                }
            });
            network.namedBuffers()
                    .forEach((name, buffer) -> results.put(name, buffer.value().toFloats()));
        }
        return results;
    }

    @Test
    void lossGradientsAndStatisticsHaveTheSameBits() {
        Map<String, float[]> plain = step(false);
        Map<String, float[]> checkpointed = step(true);
        assertEquals(plain.keySet(), checkpointed.keySet());
        plain.forEach((name, values) -> assertArrayEquals(values, checkpointed.get(name), name));
    }

    @Test
    void gradientsOfChosenTensorsHaveTheSameBits() {
        float[][] found = new float[2][];
        for (int i = 0; i < 2; i++) {
            try (Network network = new Network();
                    var _ = TensorScope.open()) {
                network.setActivationCheckpointing(i == 1);
                network.setStep(1, 0);
                Tensor x = images().requireGrad();
                Tensor kernel = network.namedParameters()
                        .get("blocks.1.second.conv.weight")
                        .value();
                Tensor[] gradients = Autograd.grad(loss(network, x), kernel, x);
                found[i] = gradients[0].toFloats();
                assertNotNull(gradients[1]);
                network.parameters().forEach(parameter -> assertNull(parameter.grad()));
            }
        }
        assertArrayEquals(found[0], found[1]);
    }

    @Test
    void keepsLessBetweenThePasses() {
        long[] kept = new long[2];
        for (int i = 0; i < 2; i++) {
            try (Network network = new Network();
                    var _ = TensorScope.open()) {
                network.setActivationCheckpointing(i == 1);
                network.setStep(1, 0);
                Tensor x = images();
                long start = Engine.memory(Device.standard()).inUse();
                TensorScope outer = TensorScope.current();
                Tensor y;
                try (var _ = TensorScope.open()) {
                    y = loss(network, x).moveTo(outer);
                }
                kept[i] = Engine.memory(Device.standard()).inUse() - start;
                Autograd.backward(y);
            }
        }
        // A block keeps its convolutions' results, their norms' and the dropped ones; with checkpoints only its input.
        long activation = 8L * 12 * 12 * 8 * Float.BYTES;
        assertTrue(kept[0] - kept[1] >= 3 * 3 * activation, kept[0] + " and " + kept[1] + " bytes");
    }

    @ParameterizedTest
    @ValueSource(strings = {"noise", "step", "mode", "weights"})
    void aChangeBetweenThePassesIsAnError(String change) {
        try (Network network = new Network();
                var _ = TensorScope.open()) {
            network.setActivationCheckpointing(true);
            network.setStep(1, 0);
            Tensor loss = loss(network, images());
            switch (change) {
                case "noise" -> network.setWeightNoise(WeightNoise.damp(2, 0.1f, 1, 1));
                case "step" -> network.setStep(1, 1);
                case "mode" -> network.eval();
                default ->
                    network.namedParameters()
                            .get("blocks.0.first.conv.weight")
                            .value()
                            .fill(1);
            }
            IllegalStateException error = assertThrows(IllegalStateException.class, () -> Autograd.backward(loss));
            assertTrue(error.getMessage().contains("activation checkpoint"), error.getMessage());
        }
    }

    @Test
    void withoutRecordingNothingIsKept() {
        try (Network network = new Network();
                var _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            network.setActivationCheckpointing(true);
            network.eval();
            assertEquals(5, network.forward(images()).size(1));
        }
    }

    @Test
    void anyFunctionCanBeCheckpointedAndNested() {
        Tensor x = Tensor.of(new float[] {0.5f, -2, 3}).requireGrad();
        Tensor w = Tensor.of(new float[] {2, 3, 4}).requireGrad();
        Tensor y = ActivationCheckpoint.checkpoint(
                outer -> ActivationCheckpoint.checkpoint(inner -> inner.mul(w).square(), outer, w)
                        .mul(outer),
                x,
                w);
        Autograd.backward(y.sum());
        // y = w^2 x^3
        assertArrayEquals(
                new float[] {3 * 4 * 0.25f, 3 * 9 * 4, 3 * 16 * 9}, x.grad().toFloats());
        assertArrayEquals(
                new float[] {2 * 2 * 0.125f, 2 * 3 * -8, 2 * 4 * 27}, w.grad().toFloats());
    }

    @Test
    void aFunctionThatGivesItsInputBackPassesTheGradientOn() {
        Tensor x = Tensor.of(new float[] {1, 2}).requireGrad();
        Tensor unused = Tensor.full(1, 1).requireGrad();
        Autograd.backward(
                ActivationCheckpoint.checkpoint(t -> t, x, unused).mul(3).sum());
        assertArrayEquals(new float[] {3, 3}, x.grad().toFloats());
        assertNull(unused.grad());
    }
}
