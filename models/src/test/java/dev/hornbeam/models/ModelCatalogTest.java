package dev.hornbeam.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.io.WeightsFile;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelCatalogTest {

    // Counts of the reference implementations, for RGB images.
    @ParameterizedTest
    @CsvSource({
        "resnet18, 10, 11173962",
        "resnet34, 10, 21282122",
        "resnet20, 10, 269722",
        "resnet32, 10, 464154",
        "resnet44, 10, 658586",
        "resnet56, 10, 853018",
        "resnet110, 10, 1727962",
        "resnet32_gn, 10, 464154",
        "resnet18_gn, 10, 11173962",
        "resnet18_imagenet, 1000, 11689512",
        "resnet34_imagenet, 1000, 21797672",
        "resnet50, 1000, 25557032",
        "resnet101, 1000, 44549160",
        "preactresnet18, 10, 11171146",
        "preactresnet34, 10, 21279306",
        "preactresnet18_damp, 10, 11172170",
        "preactresnet34_damp, 10, 21280330",
        "wrn-28-10, 10, 36479194",
        "wrn-34-10, 10, 46160474",
        "wrn-16-4, 10, 2748890",
        "wrn-28-2_sharpdro, 10, 1467610",
        "cnn9, 10, 4434570",
        "vgg16_bn, 10, 14991946",
        "vit-s-16, 1000, 22050664",
        "vit-s-16_simple, 1000, 21974632",
        "vit-b-16, 1000, 86567656",
        "vit-b-16_simple, 1000, 86415592",
    })
    void hasThePublishedNumberOfParameters(String name, int classes, long parameters) {
        try (Module network = ModelCatalog.create(name, ModelSpec.of(3, classes), 1)) {
            assertEquals(parameters, network.parameterCount());
        }
    }

    @ParameterizedTest
    @CsvSource({"smallcnn28, 131178", "smallcnn_trades, 312202"})
    void greyNetworksHaveTheDocumentedNumberOfParameters(String name, long parameters) {
        ModelCatalog.Entry entry = ModelCatalog.find(name).orElseThrow();
        try (Module network = entry.factory().create(entry.publishedSpec(), 1)) {
            assertEquals(parameters, network.parameterCount());
        }
    }

    static Stream<String> names() {
        return Stream.concat(ModelCatalog.names().stream(), Stream.of("wrn-10-3"));
    }

    // As small as the network gets.
    private static int side(String name) {
        return switch (name) {
            case "cnn9" -> 28;
            case "smallcnn_trades" -> 20;
            case "vgg16_bn", "vit-s-16", "vit-b-16", "vit-s-16_simple", "vit-b-16_simple" -> 32;
            default -> 12;
        };
    }

    private static Tensor images(String name, int channels, int seed) {
        int side = side(name);
        Philox numbers = new Philox(seed, Philox.Purpose.TEST, 0, 0, 0);
        return Tensor.randomNormal(0, 1, numbers, Device.standard(), 4, side, side, channels);
    }

    @ParameterizedTest
    @MethodSource("names")
    void givesLogitsOfAnyWidthAndNumberOfChannels(String name) {
        int width = name.endsWith("_simple") ? 12 : 5;
        ModelSpec spec = ModelSpec.of(2, 7).withWidth(width).withSide(side(name));
        try (Module network = ModelCatalog.create(name, spec, 3);
                TensorScope _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            Tensor logits = network.eval().forward(images(name, 2, 1));
            assertArrayEquals(new long[] {4, 7}, logits.shape());
            for (float logit : logits.toFloats()) {
                assertTrue(Float.isFinite(logit));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void trainsAStepAndPredictsTheSameAfterSavingAndLoading(String name, @TempDir Path folder) throws IOException {
        ModelSpec spec = ModelSpec.of(1, 3).withWidth(8).withSide(side(name));
        Path file = folder.resolve("weights.safetensors");
        try (TensorScope _ = TensorScope.open();
                Module trained = ModelCatalog.create(name, spec, 5);
                Module loaded = ModelCatalog.create(name, spec, 6)) {
            Tensor x = images(name, 1, 2);
            float[] before = predictions(trained, x);
            trained.train();
            trained.setStep(1, 0);
            double loss;
            try (Sgd optimizer = new Sgd(trained.namedParameters(), 0.01, 0.9, 5e-4, true)) {
                Tensor targets = Tensor.of(new long[] {0, 1, 2, 1});
                Tensor mean =
                        CrossEntropy.crossEntropy(trained.forward(x), targets).mean();
                Autograd.backward(mean);
                loss = mean.item();
                optimizer.step();
            }
            assertTrue(Double.isFinite(loss) && loss > 0, "loss " + loss);
            float[] after = predictions(trained, x);
            assertFalse(Arrays.equals(before, after), "the step changed nothing");

            WeightsFile.save(trained, file, Map.of());
            assertTrue(WeightsFile.load(loaded, file, true).isClean());
            assertArrayEquals(after, predictions(loaded, x));
        }
    }

    private static float[] predictions(Module network, Tensor x) {
        network.eval();
        try (TensorScope _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            return network.forward(x).toFloats();
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void headsAreFoundByName(String name) {
        ModelCatalog.Entry entry = ModelCatalog.find(name).orElseThrow();
        assertEquals(name, entry.name());
        ModelSpec spec = ModelSpec.of(entry.channels(), 9).withWidth(8).withSide(side(name));
        try (Module network = entry.factory().create(spec, 1)) {
            assertEquals(entry.head(), assertInstanceOf(Headed.class, network).head());
            Linear head = assertInstanceOf(Linear.class, network.module(entry.head()));
            assertEquals(9, head.weight().value().size(0));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"resnet18", "resnet18_imagenet", "preactresnet18", "preactresnet18_damp"})
    void bodiesAreFoundByName(String name) {
        try (Module network = ModelCatalog.create(name, ModelSpec.of(3, 10).withWidth(4), 1)) {
            for (int layer = 1; layer <= 4; layer++) {
                assertEquals(2, network.module("layer" + layer).children().size());
            }
        }
    }

    @Test
    void sameSeedSameWeightsOtherSeedOthers() {
        assertArrayEquals(firstKernel(1), firstKernel(1));
        assertTrue(firstKernel(1)[0] != firstKernel(2)[0]);
    }

    @ParameterizedTest
    @CsvSource({"resnet18, bn2.weight", "resnet18_imagenet, bn2.weight", "resnet50, bn3.weight"})
    void zeroInitResidualMakesEveryBlockItsShortcut(String name, String last) {
        ModelSpec spec = ModelSpec.of(1, 3).withWidth(4).withZeroInitResidual(true);
        try (Module network = ModelCatalog.create(name, spec, 1)) {
            int zeros = 0;
            for (var entry : network.namedParameters().entrySet()) {
                if (entry.getKey().endsWith(last)) {
                    zeros++;
                    for (float scale : entry.getValue().value().toFloats()) {
                        assertEquals(0, scale, entry.getKey());
                    }
                }
            }
            assertEquals(name.equals("resnet50") ? 16 : 8, zeros);
        }
    }

    @ParameterizedTest
    @CsvSource({"resnet18, true", "resnet20_gn, true", "wrn-16-1, false", "vit-s-16, false"})
    void dropRatesAreRefusedWhereNothingDrops(String name, boolean refused) {
        ModelSpec spec = ModelSpec.of(1, 3).withWidth(8).withDropRate(0.25);
        if (refused) {
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> ModelCatalog.create(name, spec, 1));
            assertTrue(e.getMessage().contains("no dropout") && e.getMessage().contains("0.25"), e.getMessage());
        } else {
            ModelCatalog.create(name, spec, 1).close();
        }
    }

    @Test
    void stochasticDepthIsRefusedWhereThereIsNone() {
        ModelSpec spec = ModelSpec.of(1, 3).withWidth(8).withDropPath(0.5);
        assertThrows(IllegalArgumentException.class, () -> ModelCatalog.create("resnet18", spec, 1));
        ModelCatalog.create("vit-s-16", spec, 1).close();
    }

    @Test
    void zeroInitResidualIsRefusedWhereNoBranchEndsInANorm() {
        ModelSpec spec = ModelSpec.of(1, 3).withWidth(8).withZeroInitResidual(true);
        for (String name : new String[] {"preactresnet18", "wrn-16-1", "wrn-28-2_sharpdro", "cnn9", "vit-s-16"}) {
            assertThrows(IllegalArgumentException.class, () -> ModelCatalog.create(name, spec, 1), name);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"wrn-28-10", "vgg16_bn", "cnn9", "vit-s-16"})
    void droppingDependsOnTheStepAlone(String name) {
        ModelSpec spec = ModelSpec.of(1, 3)
                .withWidth(8)
                .withSide(side(name))
                .withDropRate(0.5)
                .withDropPath(name.startsWith("vit") ? 0.5 : 0);
        try (TensorScope _ = TensorScope.open();
                Module network = ModelCatalog.create(name, spec, 1)) {
            Tensor x = images(name, 1, 1);
            float[] first = training(network, x, 0);
            assertArrayEquals(first, training(network, x, 0));
            assertFalse(Arrays.equals(first, training(network, x, 1)));
        }
    }

    private static float[] training(Module network, Tensor x, int step) {
        network.train();
        network.setStep(7, step);
        return network.forward(x).toFloats();
    }

    @Test
    void networksWithDenseLayersRefuseOtherImages() {
        ModelSpec spec = ModelSpec.of(1, 3).withWidth(4);
        try (TensorScope _ = TensorScope.open();
                Module network = ModelCatalog.create("smallcnn_trades", spec, 1)) {
            Exception e = assertThrows(Exception.class, () -> network.forward(Tensor.ones(1, 32, 32, 1)));
            assertTrue(
                    e.getMessage().contains("[1, 32, 32, 1]") && e.getMessage().contains("28"), e.getMessage());
        }
        assertThrows(IllegalArgumentException.class, () -> ModelCatalog.create("vgg16_bn", spec.withSide(28), 1));
    }

    @Test
    void unknownNamesAreRefusedWithTheKnownOnes() {
        for (String name : new String[] {"resnet19", "wrn-29-10", "wrn-4-1", "wrn-28-0", "wrn-28"}) {
            assertTrue(ModelCatalog.find(name).isEmpty(), name);
            IllegalArgumentException e = assertThrows(
                    IllegalArgumentException.class, () -> ModelCatalog.create(name, ModelSpec.of(3, 10), 1));
            assertTrue(e.getMessage().contains(name) && e.getMessage().contains("resnet18"), e.getMessage());
        }
    }

    // The page lists what there is.
    @Test
    void everyNetworkIsDocumented() throws IOException {
        String page = Files.readString(Path.of("..", "docs", "models.md"));
        for (ModelCatalog.Entry entry : ModelCatalog.all()) {
            assertTrue(page.contains("`" + entry.name().replaceAll("_gn$", "") + "`"), entry.name());
        }
    }

    private static float[] firstKernel(long seed) {
        try (Module network = ModelCatalog.create("resnet20", ModelSpec.of(3, 10), seed)) {
            return network.parameters().getFirst().value().toFloats();
        }
    }
}
