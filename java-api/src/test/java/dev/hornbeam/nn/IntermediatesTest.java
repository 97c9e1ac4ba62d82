package dev.hornbeam.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import org.junit.jupiter.api.Test;

/** What modules release, and what they do not, while no gradients are recorded. */
class IntermediatesTest {
    private static final long MIB = 1 << 20;

    /** Ten results of 1 MiB. */
    private static Sequential deep() {
        Sequential network = new Sequential();
        for (int i = 0; i < 5; i++) {
            network.add(new Sequential(Lambda.relu(), new Lambda(x -> x.add(1.0))));
        }
        return network;
    }

    private static Tensor normal(int tensor, long... shape) {
        return Tensor.randomNormal(0, 1, new Philox(5, Philox.Purpose.TEST, tensor, 0, 0), Device.standard(), shape);
    }

    private static long peakOf(Module network, Tensor x) {
        long before = Engine.memory(Device.standard()).inUse();
        Engine.resetPeak(Device.standard());
        try (TensorScope _ = TensorScope.open()) {
            network.forward(x);
            return Engine.memory(Device.standard()).peak() - before;
        }
    }

    @Test
    void withoutGradientsThreeResultsAreThereAtOnce() {
        try (Sequential network = deep();
                Tensor x = Tensor.ones(1, 512, 512).keep()) {
            assertEquals(10 * MIB, peakOf(network, x));
            try (var _ = Autograd.noGrad()) {
                // What goes into an inner sequence, its first result and its second.
                assertEquals(3 * MIB, peakOf(network, x));
            }
        }
    }

    @Test
    void theResultBelongsToTheScopeAroundTheCallAndTheInputStays() {
        try (Sequential network = deep();
                TensorScope scope = TensorScope.open();
                var _ = Autograd.noGrad()) {
            Tensor x = Tensor.full(2, 3);
            Tensor y = network.forward(x);
            assertSame(scope, y.scope());
            assertEquals(2, scope.size());
            assertArrayEquals(new float[] {7, 7, 7}, y.toFloats());
            assertArrayEquals(new float[] {2, 2, 2}, x.toFloats());
        }
    }

    @Test
    void outsideOfScopesTheCallerClosesTheResult() {
        try (Sequential network = deep();
                var _ = Autograd.noGrad();
                Tensor x = Tensor.ones(3);
                Tensor y = network.forward(x)) {
            assertArrayEquals(new float[] {6, 6, 6}, y.toFloats());
        }
    }

    @Test
    void viewsOfReleasedResultsAndModulesThatReturnTheirInputWork() {
        Module network = new Sequential(
                Lambda.identity(), new Lambda(x -> x.add(1.0)), Lambda.flatten(), Lambda.identity(), Lambda.relu());
        try (network;
                TensorScope _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            Tensor x = Tensor.of(new float[] {1, -3, 5, -7}, 1, 2, 2);
            assertArrayEquals(new float[] {2, 0, 6, 0}, network.forward(x).toFloats());
            Module same = new Sequential(Lambda.identity(), Lambda.identity());
            assertSame(x, same.forward(x));
            assertArrayEquals(new float[] {1, -3, 5, -7}, x.toFloats());
        }
    }

    @Test
    void aTensorThatAModuleKeepsIsLeftAlone() {
        try (Tensor kept = Tensor.ones(2).keep();
                TensorScope _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            Module network = new Sequential(new Lambda(x -> kept), Lambda.relu());
            assertArrayEquals(
                    new float[] {1, 1}, network.forward(Tensor.ones(2)).toFloats());
            assertArrayEquals(new float[] {1, 1}, kept.toFloats());
        }
    }

    @Test
    void inEvaluationConvBnActGivesTheSameBitsWithAndWithoutGradients() {
        for (DType type : new DType[] {DType.F32, DType.BF16}) {
            try (ConvBnAct block = new ConvBnAct(
                            new Conv2d(24, 40, 3, 1, 1), new BatchNorm2d(40), Activation.LEAKY_RELU, 0.1);
                    TensorScope _ = TensorScope.open()) {
                Init.standard(block, 3);
                Tensor x = normal(0, 2, 14, 14, 24).cast(type);
                Tensor residual = normal(1, 2, 14, 14, 40).cast(type);
                block.train();
                block.forward(x, residual); // moves the running statistics
                block.eval();
                Tensor recorded = block.forward(x, residual);
                try (var _ = Autograd.noGrad()) {
                    assertArrayEquals(
                            recorded.toFloats(), block.forward(x, residual).toFloats());
                }
                assertTrue(recorded.requiresGrad());
            }
        }
    }
}
