package dev.hornbeam.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.PerturbWeight;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SelfAttentionTest {
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

    private static SelfAttention layer(int dim, int heads) {
        SelfAttention layer = new SelfAttention(dim, heads);
        Init.standard(layer, 7);
        return layer;
    }

    /** The same of single ops, with the scores of all positions in one tensor. */
    private static Tensor plain(SelfAttention layer, Tensor x) {
        long n = x.size(0);
        long t = x.size(1);
        long dim = x.size(2);
        long d = dim / layer.heads();
        // [3, n, heads, t, d]
        Tensor all = layer.qkv().forward(x).reshape(n, t, 3, layer.heads(), d).permute(2, 0, 3, 1, 4);
        Tensor scores = all.select(0, 0).matmul(all.select(0, 1), false, true).mul(1 / Math.sqrt((double) d));
        Tensor y = scores.softmax().matmul(all.select(0, 2));
        return layer.proj().forward(y.permute(0, 2, 1, 3).reshape(n, t, dim));
    }

    @Test
    void namesAndShapesAreTimms() {
        try (SelfAttention layer = layer(12, 3)) {
            assertEquals(
                    List.of("qkv.weight", "qkv.bias", "proj.weight", "proj.bias"),
                    List.copyOf(layer.namedParameters().keySet()));
            assertArrayEquals(new long[] {36, 12}, layer.qkv().weight().value().shape());
            assertArrayEquals(new long[] {12, 12}, layer.proj().weight().value().shape());
            assertEquals(4 * 12 * 12 + 4 * 12, layer.parameterCount());
            assertEquals(3, layer.heads());
        }
        assertThrows(IllegalArgumentException.class, () -> new SelfAttention(10, 3));
        assertThrows(IllegalArgumentException.class, () -> new SelfAttention(0, 1));
        assertThrows(IllegalArgumentException.class, () -> new SelfAttention(8, 0));
    }

    @Test
    void resultAndGradientsAreThoseOfThePlainOps() {
        for (int[] size : new int[][] {{24, 3, 19}, {128, 2, 50}, {6, 6, 1}}) {
            try (SelfAttention layer = layer(size[0], size[1])) {
                Tensor x = numbers(0, 2, size[2], size[0]).requireGrad();
                Tensor dy = numbers(1, 2, size[2], size[0]);
                float[][] results = new float[2][];
                float[][] gradients = new float[2][];
                for (int fused = 0; fused < 2; fused++) {
                    Tensor y = fused == 1 ? layer.forward(x) : plain(layer, x);
                    Autograd.backward(y, dy);
                    results[fused] = y.toFloats();
                    gradients[fused] = Tensor.concat(
                                    0,
                                    x.grad().reshape(-1),
                                    layer.qkv().weight().grad().reshape(-1),
                                    layer.qkv().bias().grad(),
                                    layer.proj().weight().grad().reshape(-1))
                            .toFloats();
                    x.zeroGrad();
                    layer.zeroGrad();
                }
                assertArrayEquals(results[0], results[1], 2e-6f, Arrays.toString(size));
                assertArrayEquals(gradients[0], gradients[1], 5e-5f, Arrays.toString(size));
            }
        }
    }

    @Test
    void bothWeightsTakeNoisePerRun() {
        try (SelfAttention layer = layer(12, 2);
                SelfAttention copy = layer(12, 2)) {
            Tensor x = numbers(0, 4, 5, 12);
            float[] clean = layer.forward(x).toFloats();
            layer.setWeightNoise(WeightNoise.damp(2, 0.3f, 9, 11));
            Tensor noisy = layer.forward(x);
            assertFalse(Arrays.equals(clean, noisy.toFloats()));
            for (int run = 0; run < 2; run++) {
                for (String name : new String[] {"qkv.weight", "proj.weight"}) {
                    Parameter from = layer.namedParameters().get(name);
                    copy.namedParameters()
                            .get(name)
                            .value()
                            .copyFrom(PerturbWeight.perturbWeight(from.value().detach(), from.noise(), run));
                }
                assertArrayEquals(
                        copy.forward(x.slice(0, 2L * run, 2L * run + 2)).toFloats(),
                        noisy.slice(0, 2L * run, 2L * run + 2).toFloats(),
                        5e-6f);
            }
            layer.eval();
            assertArrayEquals(clean, layer.forward(x).toFloats(), "evaluation has no noise");
        }
    }
}
