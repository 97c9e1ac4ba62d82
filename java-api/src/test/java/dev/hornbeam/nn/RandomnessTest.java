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
import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.autograd.ops.PerturbWeight;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Initial weights, weight noise and dropout: everything that draws numbers. */
class RandomnessTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor images(long n) {
        return Tensor.randomNormal(0, 1, new Philox(5, Philox.Purpose.TEST, 0, 0, 0), Device.standard(), n, 5, 5, 2);
    }

    private static Sequential network() {
        Sequential network = new Sequential(
                new ConvBnAct(new Conv2d(2, 4, 3, 1, 1), new BatchNorm2d(4), Activation.RELU),
                new Conv2d(4, 4, 3, Conv2dOptions.of(2, 1), true),
                new GroupNorm(2, 4),
                new GlobalAvgPool(),
                new LayerNorm(4),
                new Linear(4, 3));
        Init.standard(network, 7);
        return network;
    }

    // ------------------------------------------------------------------------------------------- initial weights

    @Test
    void standardInitialisationIsPyTorchsAndKeyedByTheParametersNumber() {
        try (Sequential network = network()) {
            Parameter conv = ((Conv2d) network.module("1")).weight();
            assertEquals(3, conv.index());
            float bound = (float) (1 / Math.sqrt(4 * 9));
            Philox stream = new Philox(7, Philox.Purpose.INIT, 3, 0, 0);
            float[] values = conv.value().toFloats();
            for (int i = 0; i < values.length; i++) {
                assertEquals(-bound + 2 * bound * stream.uniform(i), values[i], 1e-6f);
                assertTrue(Math.abs(values[i]) <= bound);
            }
            assertArrayEquals(
                    new float[] {1, 1, 1, 1},
                    ((GroupNorm) network.module("2")).weight().value().toFloats());
            assertTrue(Math.abs(((Linear) network.module("5")).bias().value().toFloats()[0]) <= 0.5f);
            float[] before = values.clone();
            Init.standard(network, 8);
            assertFalse(Arrays.equals(before, conv.value().toFloats()));
            Init.standard(network, 7);
            assertArrayEquals(before, conv.value().toFloats());
        }
    }

    @Test
    void hesNumbersHaveHesDeviation() {
        try (Conv2d conv = new Conv2d(16, 64, 3, 1, 1)) {
            assertThrows(IllegalStateException.class, () -> Init.normal(conv.weight(), 0, 1, 1), "has no number yet");
            Init.heConvolutions(conv, Init.Fan.OUT, 1);
            assertEquals(Math.sqrt(2.0 / (64 * 9)), deviation(conv.weight()), 2e-3);
            assertEquals(16 * 9, Init.fan(conv.weight().value(), Init.Fan.IN));
            Init.heUniform(conv.weight(), Init.Fan.IN, Init.leakyReluGain(1), 1);
            assertEquals(Math.sqrt(1.0 / (16 * 9)), deviation(conv.weight()), 2e-3);
            Init.constant(conv.weight(), 3);
            assertEquals(3, conv.weight().value().mean().item());
            assertThrows(
                    TensorArgumentException.class, () -> Init.fan(Tensor.zeros(3), Init.Fan.IN), "a vector has no fan");
        }
    }

    private static double deviation(Parameter parameter) {
        Tensor value = parameter.value().detach();
        return Math.sqrt(value.square().mean().item() - Math.pow(value.mean().item(), 2));
    }

    // ---------------------------------------------------------------------------------------------- weight noise

    @Test
    void noiseGoesToKernelsAndScalesOnly() {
        try (Sequential network = network()) {
            network.setWeightNoise(WeightNoise.damp(4, 0.2f, 9, 11));
            int index = 0;
            for (var entry : network.namedParameters().entrySet()) {
                Parameter parameter = entry.getValue();
                assertEquals(index, parameter.index());
                if (entry.getKey().endsWith("weight")) {
                    assertEquals(
                            new Noise(Noise.Kind.MULTIPLICATIVE, Noise.Gradient.AT_PERTURBED, 4, 0.2f, 9, index, 11, 0),
                            parameter.noise());
                } else {
                    assertNull(parameter.noise(), entry.getKey());
                }
                index++;
            }
            network.setWeightNoise(null);
            network.parameters().forEach(parameter -> assertNull(parameter.noise()));
        }
    }

    @Test
    void aNoisyForwardIsAForwardWithPerturbedWeightsPerRun() {
        try (Sequential network = network()) {
            // Statistics per run, so that a run does not see the others.
            network.setStatisticsGroups(3);
            network.setUpdateRunningStatistics(false);
            Tensor x = images(6);
            float[] clean = network.forward(x).toFloats();
            network.setWeightNoise(WeightNoise.damp(3, 0.3f, 9, 11));
            Tensor noisy = network.forward(x);
            assertFalse(Arrays.equals(clean, noisy.toFloats()));
            try (Sequential copy = network()) {
                for (int run = 0; run < 3; run++) {
                    var from = network.namedParameters();
                    for (var entry : copy.namedParameters().entrySet()) {
                        Parameter original = from.get(entry.getKey());
                        Tensor value = original.value().detach();
                        entry.getValue()
                                .value()
                                .copyFrom(
                                        original.noise() == null
                                                ? value
                                                : PerturbWeight.perturbWeight(value, original.noise(), run));
                    }
                    Tensor part = x.slice(0, 2L * run, 2L * run + 2);
                    assertArrayEquals(
                            copy.forward(part).toFloats(),
                            noisy.slice(0, 2L * run, 2L * run + 2).toFloats(),
                            2e-5f);
                }
            }
            network.eval();
            float[] evaluated = network.forward(x).toFloats();
            network.setWeightNoise(null);
            assertArrayEquals(evaluated, network.forward(x).toFloats(), "evaluation has no noise");
        }
    }

    @Test
    void stepsAndReplicasDrawTheirOwnNoise() {
        try (Sequential network = network()) {
            network.setUpdateRunningStatistics(false);
            Tensor x = images(4);
            WeightNoise noise = WeightNoise.daap(2, 0.1f, 1, 5);
            network.setWeightNoise(noise);
            float[] first = network.forward(x).toFloats();
            network.setWeightNoise(noise.atStep(6));
            assertFalse(Arrays.equals(first, network.forward(x).toFloats()));
            network.setWeightNoise(noise);
            assertArrayEquals(first, network.forward(x).toFloats());
            network.setWeightNoise(new WeightNoise(Noise.Kind.ADDITIVE, Noise.Gradient.AT_PERTURBED, 2, 0.1f, 1, 5, 2));
            assertFalse(Arrays.equals(first, network.forward(x).toFloats()));
            assertThrows(TensorArgumentException.class, () -> WeightNoise.damp(0, 0.1f, 1, 1));
            assertThrows(TensorArgumentException.class, () -> WeightNoise.damp(1, -0.1f, 1, 1));
        }
    }

    @Test
    void oneReplicaWithEightRunsIsEightWithOne() {
        try (Sequential network = new Sequential(new Linear(3, 5), Lambda.relu(), new Linear(5, 2))) {
            Init.standard(network, 1);
            Tensor x = Tensor.randomNormal(0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.standard(), 8, 3);
            network.setWeightNoise(WeightNoise.damp(8, 0.2f, 3, 4));
            float[] together = network.forward(x).toFloats();
            for (int replica = 0; replica < 8; replica++) {
                network.setWeightNoise(new WeightNoise(
                        Noise.Kind.MULTIPLICATIVE, Noise.Gradient.AT_PERTURBED, 1, 0.2f, 3, 4, replica));
                float[] alone =
                        network.forward(x.slice(0, replica, replica + 1)).toFloats();
                assertArrayEquals(Arrays.copyOfRange(together, 2 * replica, 2 * replica + 2), alone, 1e-6f);
            }
        }
    }

    @Test
    void theGradientIsThatAtThePerturbedWeightUnlessTheChainRuleIsAskedFor() {
        try (Linear layer = new Linear(3, 2)) {
            Init.standard(layer, 1);
            Tensor x = Tensor.randomNormal(0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.standard(), 4, 3);
            Tensor dy = Tensor.randomNormal(0, 1, new Philox(1, Philox.Purpose.TEST, 1, 0, 0), Device.standard(), 4, 2);
            float[][] gradients = new float[2][];
            for (Noise.Gradient kind : Noise.Gradient.values()) {
                layer.setWeightNoise(new WeightNoise(Noise.Kind.MULTIPLICATIVE, kind, 1, 0.5f, 3, 4, 0));
                Autograd.backward(layer.forward(x), dy);
                gradients[kind == Noise.Gradient.CHAIN_RULE ? 1 : 0] =
                        layer.weight().grad().toFloats();
                layer.zeroGrad();
            }
            float[] clean = dy.matmul(x, true, false).toFloats();
            assertArrayEquals(clean, gradients[0], 1e-5f);
            Philox draws = new Philox(3, Philox.Purpose.WEIGHT_NOISE, 0, 4, 0);
            for (int i = 0; i < clean.length; i++) {
                assertEquals(clean[i] * (1 + 0.5f * draws.normal(i)), gradients[1][i], 1e-5f);
            }
        }
    }

    // --------------------------------------------------------------------------------------------------- dropout

    @Test
    void dropoutDrawsByStepAndPlace() {
        Dropout first = Dropout.elements(0.4);
        Dropout second = Dropout.elements(0.4);
        try (Sequential network = new Sequential(first, second)) {
            Tensor x = Tensor.ones(20, 10);
            assertThrows(IllegalStateException.class, () -> network.forward(x));
            network.setStep(3, 17);
            float[] y = first.forward(x).toFloats();
            Philox draws = new Philox(3, Philox.Purpose.DROPOUT, 1, 17, 0);
            for (int i = 0; i < y.length; i++) {
                assertEquals(draws.uniform(i) < 0.4f ? 0 : 1 / 0.6f, y[i], 1e-6f);
            }
            assertFalse(Arrays.equals(y, second.forward(x).toFloats()));
            network.setStep(3, 18);
            assertFalse(Arrays.equals(y, first.forward(x).toFloats()));
            network.setStep(3, 17, 1);
            assertFalse(Arrays.equals(y, first.forward(x).toFloats()));
            network.setStep(3, 17);
            assertArrayEquals(y, first.forward(x).toFloats());
            network.eval();
            assertSame(x, network.forward(x));
        }
        assertThrows(IllegalArgumentException.class, () -> Dropout.elements(1));
        assertThrows(IllegalArgumentException.class, () -> Dropout.channels(Double.NaN));
        assertEquals(0.25, Dropout.channels(0.25).probability());
    }

    @Test
    void channelsAreDroppedWhole() {
        try (Sequential network = new Sequential(Dropout.channels(0.5))) {
            network.setStep(1, 1);
            Tensor sums = network.forward(Tensor.ones(4, 3, 3, 8)).sum(false, 1, 2);
            int dropped = 0;
            for (float sum : sums.toFloats()) {
                assertTrue(sum == 0 || sum == 18, "sum of a channel: " + sum);
                dropped += sum == 0 ? 1 : 0;
            }
            assertTrue(dropped > 5 && dropped < 27, dropped + " of 32");
        }
    }
}
