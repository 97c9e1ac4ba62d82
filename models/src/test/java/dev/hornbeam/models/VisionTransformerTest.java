package dev.hornbeam.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.models.PositionGrid.Interpolation;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.StochasticDepth;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import org.junit.jupiter.api.Test;

class VisionTransformerTest {

    // torch.nn.functional.interpolate(torch.tensor([[[[1., 3.]]]]), size=(1, 4), mode=...)
    @Test
    void interpolatesRowsLikePyTorch() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor row = Tensor.of(new double[] {1, 3}, 2, 1);
            assertArrayEquals(
                    new double[] {1, 1.5, 2.5, 3},
                    PositionGrid.interpolation(1, 2, 1, 4, Interpolation.BILINEAR)
                            .matmul(row)
                            .toDoubles(),
                    1e-15);
            assertArrayEquals(
                    new double[] {0.7890625, 1.453125, 2.546875, 3.2109375},
                    PositionGrid.interpolation(1, 2, 1, 4, Interpolation.BICUBIC)
                            .matmul(row)
                            .toDoubles(),
                    1e-15);
        }
    }

    // Whatever the grids, weights of a place add up to 1; and the same grid is left as it is.
    @Test
    void interpolationKeepsWhatIsConstant() {
        try (TensorScope _ = TensorScope.open()) {
            for (Interpolation kind : Interpolation.values()) {
                for (int[] to : new int[][] {{1, 1}, {2, 7}, {5, 3}, {9, 4}}) {
                    double[] sums = PositionGrid.interpolation(5, 3, to[0], to[1], kind)
                            .sum(false, 1)
                            .toDoubles();
                    assertEquals(to[0] * to[1], sums.length);
                    for (double sum : sums) {
                        assertEquals(1, sum, 1e-14);
                    }
                }
                double[] same = PositionGrid.interpolation(5, 3, 5, 3, kind).toDoubles();
                for (int i = 0; i < same.length; i++) {
                    assertEquals(i / 15 == i % 15 ? 1 : 0, same[i], 1e-15);
                }
            }
        }
    }

    @Test
    void fixedPositionsAreSinesAndCosinesOfColumnThenRow() {
        try (TensorScope _ = TensorScope.open()) {
            double[] positions = PositionGrid.sinCos(2, 3, 12).toDoubles();
            // Row 1, column 2: frequencies 1, 1/100 and 1/10,000.
            double[] wanted = {
                Math.sin(2), Math.sin(0.02), Math.sin(2e-4), Math.cos(2), Math.cos(0.02), Math.cos(2e-4),
                Math.sin(1), Math.sin(0.01), Math.sin(1e-4), Math.cos(1), Math.cos(0.01), Math.cos(1e-4)
            };
            assertArrayEquals(wanted, java.util.Arrays.copyOfRange(positions, 5 * 12, 6 * 12), 1e-15);
            assertThrows(IllegalArgumentException.class, () -> PositionGrid.sinCos(2, 2, 10));
            assertThrows(IllegalArgumentException.class, () -> PositionGrid.sinCos(2, 2, 4));
        }
    }

    @Test
    void takesImagesOfAnySizeFromOnePatch() {
        for (String name : new String[] {"vit-s-16", "vit-s-16_simple"}) {
            try (Module network = ModelCatalog.create(name, ModelSpec.of(1, 3).withWidth(24), 1)) {
                network.eval();
                for (int[] size : new int[][] {{16, 16}, {40, 17}, {224, 224}, {16, 96}, {40, 17}}) {
                    try (TensorScope _ = TensorScope.open();
                            var _ = Autograd.noGrad()) {
                        Tensor logits = network.forward(Tensor.ones(2, size[0], size[1], 1));
                        assertArrayEquals(new long[] {2, 3}, logits.shape());
                    }
                }
                assertThrows(IllegalArgumentException.class, () -> {
                    try (TensorScope _ = TensorScope.open()) {
                        network.forward(Tensor.ones(1, 15, 32, 1));
                    }
                });
            }
        }
    }

    @Test
    void stochasticDepthRisesFromNothingToItsRate() {
        ModelSpec spec = ModelSpec.of(1, 3).withWidth(24).withDropPath(0.2);
        try (Module network = ModelCatalog.create("vit-s-16", spec, 1)) {
            for (int block = 0; block < 12; block++) {
                for (String branch : new String[] {"drop_path1", "drop_path2"}) {
                    var depth = (StochasticDepth) network.module("blocks." + block + "." + branch);
                    assertEquals(0.2 * block / 11, depth.rate(), 1e-15);
                }
            }
        }
    }

    @Test
    void simpleWeightsStartAsPublished() {
        try (Module network = ModelCatalog.create("vit-s-16_simple", ModelSpec.of(3, 10), 1)) {
            var parameters = network.namedParameters();
            // Three square matrices of 384: uniform within sqrt(6 / 768).
            float[] qkv = parameters.get("blocks.3.attn.qkv.weight").value().toFloats();
            assertEquals(Math.sqrt(6.0 / 768), largest(qkv), 1e-5);
            assertEquals(Math.sqrt(2.0 / 768), deviation(qkv), 1e-4);
            float[] fc1 = parameters.get("blocks.3.mlp.fc1.weight").value().toFloats();
            assertEquals(Math.sqrt(6.0 / (384 + 1536)), largest(fc1), 1e-5);
            // Normal numbers up to two deviations, widened to the deviation asked for.
            float[] patch = parameters.get("patch_embed.proj.weight").value().toFloats();
            assertEquals(Math.sqrt(1.0 / 768), deviation(patch), 1e-4);
            assertEquals(2 / 0.8796256610342398 * Math.sqrt(1.0 / 768), largest(patch), 1e-3);
            assertEquals(0, largest(parameters.get("head.weight").value().toFloats()));
        }
    }

    @Test
    void classicWeightsStartAsInTimm() {
        try (Module network = ModelCatalog.create("vit-s-16", ModelSpec.of(3, 10), 1)) {
            var parameters = network.namedParameters();
            for (String name : new String[] {"pos_embed", "blocks.0.attn.qkv.weight", "blocks.11.mlp.fc2.weight"}) {
                assertEquals(0.02, deviation(parameters.get(name).value().toFloats()), 2e-4, name);
            }
            assertTrue(largest(parameters.get("cls_token").value().toFloats()) < 1e-5);
            assertEquals(
                    0, largest(parameters.get("blocks.0.attn.qkv.bias").value().toFloats()));
        }
    }

    private static double largest(float[] numbers) {
        double largest = 0;
        for (float number : numbers) {
            largest = Math.max(largest, Math.abs(number));
        }
        return largest;
    }

    private static double deviation(float[] numbers) {
        double squares = 0;
        for (float number : numbers) {
            squares += (double) number * number;
        }
        return Math.sqrt(squares / numbers.length);
    }
}
