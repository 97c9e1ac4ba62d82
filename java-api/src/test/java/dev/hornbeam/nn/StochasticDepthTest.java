package dev.hornbeam.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StochasticDepthTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor numbers(int which, long... shape) {
        return Tensor.randomNormal(0, 1, new Philox(5, Philox.Purpose.TEST, which, 0, 0), Device.standard(), shape);
    }

    /** What the branch must become: sample i is kept where number i of the layer's stream is not below the rate. */
    private static float[] expected(float[] branch, int samples, float rate, int layer, int step) {
        Philox draws = new Philox(3, Philox.Purpose.DROPOUT, layer, step, 0);
        float[] result = new float[branch.length];
        int size = branch.length / samples;
        for (int i = 0; i < branch.length; i++) {
            result[i] = draws.uniform(i / size) < rate ? 0 : branch[i] * (float) (1 / (1 - (double) rate));
        }
        return result;
    }

    @Test
    void samplesAreDroppedWholeAndTheOthersScaled() {
        long[][] shapes = {{30}, {30, 1}, {30, 7}, {30, 5, 16}, {30, 3, 3, 9}};
        for (long[] shape : shapes) {
            try (Sequential network = new Sequential(new StochasticDepth(0.25), new StochasticDepth(0.25))) {
                network.setStep(3, 17);
                Tensor x = numbers(0, shape);
                Tensor y = network.children().get("1").forward(x);
                assertArrayEquals(shape, y.shape());
                assertArrayEquals(expected(x.toFloats(), 30, 0.25f, 2, 17), y.toFloats(), 0, Arrays.toString(shape));
            }
        }
    }

    @Test
    void aViewIsReadInItsOwnOrder() {
        try (Sequential network = new Sequential(new StochasticDepth(0.5))) {
            network.setStep(3, 1);
            Tensor x = numbers(0, 6, 4, 12).transpose(0, 2);
            float[] y = network.forward(x).toFloats();
            assertArrayEquals(expected(x.dense().toFloats(), 12, 0.5f, 1, 1), y);
        }
    }

    @Test
    void theShareThatIsKeptIsOneMinusTheRate() {
        int samples = 20_000;
        for (double rate : new double[] {0.05, 0.3, 0.9}) {
            try (Sequential network = new Sequential(new StochasticDepth(rate))) {
                network.setStep(11, 2);
                double mean = network.forward(Tensor.ones(samples, 1)).mean().item();
                double deviation = Math.sqrt(rate / (1 - rate) / samples);
                assertEquals(1, mean, 4 * deviation, "mean at rate " + rate);
            }
        }
    }

    @Test
    void numbersDependOnSeedStepStreamAndPlace() {
        StochasticDepth first = new StochasticDepth(0.4);
        StochasticDepth second = new StochasticDepth(0.4);
        try (Sequential network = new Sequential(first, second)) {
            Tensor x = Tensor.ones(200, 3);
            assertThrows(IllegalStateException.class, () -> first.forward(x), "no step was set");
            network.setStep(3, 17);
            float[] y = first.forward(x).toFloats();
            assertFalse(Arrays.equals(y, second.forward(x).toFloats()));
            network.setStep(3, 18);
            assertFalse(Arrays.equals(y, first.forward(x).toFloats()));
            network.setStep(4, 17);
            assertFalse(Arrays.equals(y, first.forward(x).toFloats()));
            network.setStep(3, 17, 1);
            assertFalse(Arrays.equals(y, first.forward(x).toFloats()));
            network.setStep(3, 17);
            assertArrayEquals(y, first.forward(x).toFloats());
        }
    }

    @Test
    void theGradientIsThatOfTheKeptSamples() {
        try (Sequential network = new Sequential(new StochasticDepth(0.5))) {
            network.setStep(3, 4);
            Tensor x = numbers(0, 24, 2, 5).requireGrad();
            Tensor dy = numbers(1, 24, 2, 5);
            Autograd.backward(x.add(network.forward(x)), dy);
            float[] gradient = expected(dy.toFloats(), 24, 0.5f, 1, 4);
            float[] outer = dy.toFloats();
            for (int i = 0; i < gradient.length; i++) {
                gradient[i] += outer[i];
            }
            assertArrayEquals(gradient, x.grad().toFloats(), 1e-6f);
        }
    }

    @Test
    void evaluationRateZeroAndNoSamplesPassTheBranchOn() {
        Tensor x = numbers(0, 4, 3);
        try (StochasticDepth layer = new StochasticDepth(0.5);
                StochasticDepth never = new StochasticDepth(0)) {
            layer.eval();
            assertSame(x, layer.forward(x));
            layer.train();
            layer.setStep(1, 1);
            Tensor empty = Tensor.zeros(0, 3);
            assertSame(empty, layer.forward(empty));
            assertSame(x, never.forward(x));
            assertEquals(0.5, layer.rate());
            assertThrows(IllegalArgumentException.class, () -> layer.forward(Tensor.scalar(1)));
        }
        for (double wrong : new double[] {-0.1, 1, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> new StochasticDepth(wrong));
        }
    }
}
