package dev.hornbeam.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelCatalogTest {

    // Counts of the reference implementations, for RGB images and 10 classes.
    @ParameterizedTest
    @CsvSource({
        "resnet18, 11173962",
        "resnet34, 21282122",
        "resnet20, 269722",
        "resnet32, 464154",
        "resnet44, 658586",
        "resnet56, 853018",
        "resnet110, 1727962",
        "resnet32_gn, 464154",
        "resnet18_gn, 11173962",
    })
    void hasThePublishedNumberOfParameters(String name, long parameters) {
        try (Module network = ModelCatalog.create(name, ModelSpec.of(3, 10), 1)) {
            assertEquals(parameters, network.parameterCount());
        }
    }

    @Test
    void smallCnnHasTheDocumentedNumberOfParameters() {
        try (Module network = ModelCatalog.create("smallcnn28", ModelSpec.of(1, 10), 1)) {
            assertEquals(131_178, network.parameterCount());
        }
    }

    @Test
    void everyNetworkGivesLogitsOfAnyWidthAndImage() {
        for (String name : ModelCatalog.names()) {
            ModelSpec spec = ModelSpec.of(1, 7).withWidth(5);
            try (Module network = ModelCatalog.create(name, spec, 3);
                    TensorScope _ = TensorScope.open();
                    var _ = Autograd.noGrad()) {
                Tensor logits = network.eval().forward(Tensor.ones(2, 12, 12, 1));
                assertArrayEquals(new long[] {2, 7}, logits.shape(), name);
                for (float logit : logits.toFloats()) {
                    assertTrue(Float.isFinite(logit), name);
                }
            }
        }
    }

    @Test
    void sameSeedSameWeightsOtherSeedOthers() {
        assertArrayEquals(firstKernel(1), firstKernel(1));
        assertTrue(firstKernel(1)[0] != firstKernel(2)[0]);
    }

    @Test
    void zeroInitResidualMakesEveryBlockItsShortcut() {
        ModelSpec spec = new ModelSpec(1, 3, java.util.OptionalInt.of(4), true);
        try (Module network = ModelCatalog.create("resnet18", spec, 1)) {
            network.namedParameters().forEach((name, parameter) -> {
                if (name.endsWith("bn2.weight")) {
                    for (float scale : parameter.value().toFloats()) {
                        assertEquals(0, scale, name);
                    }
                }
            });
        }
    }

    @Test
    void unknownNamesAreRefusedWithTheKnownOnes() {
        IllegalArgumentException e = assertThrows(
                IllegalArgumentException.class, () -> ModelCatalog.create("resnet19", ModelSpec.of(3, 10), 1));
        assertTrue(e.getMessage().contains("resnet19") && e.getMessage().contains("resnet18"), e.getMessage());
    }

    private static float[] firstKernel(long seed) {
        try (Module network = ModelCatalog.create("resnet20", ModelSpec.of(3, 10), seed)) {
            return network.parameters().getFirst().value().toFloats();
        }
    }
}
