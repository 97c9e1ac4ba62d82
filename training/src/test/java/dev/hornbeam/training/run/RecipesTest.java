package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.DataSetCatalog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

final class RecipesTest {
    private static final Path FOLDER = Path.of("src/main/resources/recipes");

    static List<String> names() {
        return Recipes.list().stream().map(Recipes.Entry::name).toList();
    }

    @Test
    void indexNamesEveryFile() throws IOException {
        try (Stream<Path> files = Files.walk(FOLDER)) {
            List<String> inFolder = files.filter(f -> f.toString().endsWith(".yaml"))
                    .map(f -> FOLDER.relativize(f).toString().replaceAll("\\.yaml$", ""))
                    .sorted()
                    .toList();
            assertEquals(inFolder, names());
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyRecipeLoadsAndSaysWhatItIs(String name) {
        RunConfig config = Recipes.load(name);
        assertEquals(name, config.name());
        assertFalse(config.description().isBlank());
        assertTrue(config.description().length() <= 100, config.description());
        assertEquals(config, ConfigBinder.bind(ConfigTree.parse(config.toYaml(), "written")));
    }

    // The settings of Trinh et al. 2024 for CIFAR.
    @ParameterizedTest
    @CsvSource({"damp/cifar10-resnet18, cifar-10, 0.2", "damp/cifar100-resnet18, cifar-100, 0.1"})
    void settingsOfTheDampPaper(String name, String data, double sigma) {
        RunConfig config = Recipes.load(name);
        assertEquals(data, config.data().name());
        assertEquals(128, config.data().batch());
        assertEquals(new AugmentConfig(4, true), config.data().augment());
        assertEquals(new NormalizeConfig.Dataset(), config.data().normalize());
        assertEquals("resnet18", config.model().name());
        assertTrue(config.model().zeroInitResidual());
        assertEquals(300, config.epochs());
        assertEquals(new OptimizerConfig.Sgd(.1, .9, true, 5e-4, OptionalDouble.empty()), config.optimizer());
        assertEquals(new ScheduleConfig.LinearAnneal(.5, .9, .01, new WarmupConfig(0, 0, 0)), config.schedule());
        MethodConfig method = config.method();
        assertEquals(
                new PerturbationConfig.Damp(sigma, PerturbationConfig.Gradient.AT_PERTURBED), method.perturbation());
        assertEquals(8, method.subBatches());
        assertTrue(method.syncBn());
    }

    // The table of the page docs/methods/damp.md: epochs, batch, weight decay, and sigma or rho of each method.
    @ParameterizedTest
    @CsvSource({
        "cifar10-resnet18, 300, 128, 5e-4, 0.2, 0.045, 1.0",
        "cifar100-resnet18, 300, 128, 5e-4, 0.1, 0.06, 2.0",
        "tinyimagenet-preactresnet18, 150, 128, 2.5e-4, 0.2, 0.2, 3.0",
        "imagenet-resnet50, 90, 2048, 1e-4, 0.1, 0.05, 1.5"
    })
    void settingsOfTheDampPaperWithSgd(
            String setting, int epochs, int batch, double decay, double sigma, double sam, double asam) {
        for (String method : List.of("sgd", "damp", "sam", "asam")) {
            RunConfig config = Recipes.load(method + "/" + setting);
            assertEquals(epochs, config.epochs());
            assertEquals(batch, config.data().batch());
            assertTrue(config.model().zeroInitResidual());
            OptimizerConfig.Sgd sgd = (OptimizerConfig.Sgd) config.optimizer();
            assertEquals(decay, sgd.weightDecay());
            assertEquals(0.9, sgd.momentum());
            assertTrue(sgd.nesterov());
            assertEquals(expected(method, sigma, sam, asam), config.method().perturbation());
        }
    }

    @Test
    void settingsOfTheDampPaperForTheVisionTransformer() {
        for (String method : List.of("adamw", "damp", "sam", "asam")) {
            RunConfig config = Recipes.load(method + "/imagenet-vit-s-16");
            boolean twoPasses = method.equals("sam") || method.equals("asam");
            assertEquals(twoPasses ? 100 : 200, config.epochs());
            assertEquals(1024, config.data().batch());
            assertEquals("vit-s-16_simple", config.model().name());
            assertEquals(new OptimizerConfig.AdamW(1e-3, .9, .999, 1e-8, .1, OptionalDouble.of(1)), config.optimizer());
            assertEquals(new ScheduleConfig.Cosine(0, new WarmupConfig(0, 10_000, 1e-6)), config.schedule());
            assertEquals(expected(method, .25, .6, 3), config.method().perturbation());
        }
    }

    @Test
    void everyRecipeIsForADataSetOfTheCatalog() {
        List<String> known = DataSetCatalog.of(null, Map.of()).names();
        for (String name : names()) {
            String data = Recipes.load(name).data().name();
            assertTrue(known.contains(data), name + " names the data set " + data);
        }
    }

    @Test
    void imageNetIsTrainedOnInceptionCrops() {
        for (String name : names()) {
            RunConfig config = Recipes.load(name);
            if (config.data().name().equals("imagenet")) {
                assertEquals(224, config.data().image().size(), name);
                assertInstanceOf(
                        CropConfig.Inception.class, config.data().augment().crop(), name);
            }
        }
        RunConfig advanced = Recipes.load("damp/imagenet-vit-s-16-advanced");
        assertEquals(2, advanced.data().augment().randAugment().operations());
        assertEquals(10, advanced.data().augment().randAugment().level());
        assertEquals(0.2, advanced.data().augment().mixUp().alpha());
    }

    private static PerturbationConfig expected(String method, double sigma, double sam, double asam) {
        return switch (method) {
            case "damp" -> new PerturbationConfig.Damp(sigma, PerturbationConfig.Gradient.AT_PERTURBED);
            case "sam" -> new PerturbationConfig.Sam(sam);
            case "asam" -> new PerturbationConfig.Asam(asam, 0);
            default -> new PerturbationConfig.None();
        };
    }

    @ParameterizedTest
    @CsvSource({
        "sgd/fashion-mnist-resnet20-small, daap/fashion-mnist-resnet20-small",
        "sgd/fashion-mnist-resnet20-small, damp/fashion-mnist-resnet20-small",
        "sgd/fashion-mnist-resnet20-small, sam/fashion-mnist-resnet20-small",
        "sgd/fashion-mnist-resnet20-small, asam/fashion-mnist-resnet20-small",
        "sgd/fashion-mnist-preactresnet18-small, damp/fashion-mnist-preactresnet18-small",
        "sgd/fashion-mnist-preactresnet18-small, sam/fashion-mnist-preactresnet18-small",
        "sgd/cifar10-resnet18, sam/cifar10-resnet18",
        "sgd/cifar100-resnet18, asam/cifar100-resnet18",
        "sgd/tinyimagenet-preactresnet18, damp/tinyimagenet-preactresnet18",
        "adamw/imagenet-vit-s-16, damp/imagenet-vit-s-16",
        "adamw/imagenet-vit-s-16-advanced, damp/imagenet-vit-s-16-advanced",
        "quickstart/sgd, quickstart/damp",
        "quickstart/sgd, quickstart/daap",
        "quickstart/sgd, quickstart/sam",
        "quickstart/sgd, quickstart/asam",
        "sgd/cifar10-resnet18, damp/cifar10-resnet18",
        "sgd/cifar100-resnet18, damp/cifar100-resnet18"
    })
    void pairDiffersInTheMethodOnly(String baseline, String damp) {
        RunConfig a = Recipes.load(baseline);
        RunConfig b = Recipes.load(damp);
        assertEquals(new PerturbationConfig.None(), a.method().perturbation());
        assertNotEquals(a.method(), b.method());
        RunConfig withoutMethod = new RunConfig(
                a.name(),
                a.description(),
                b.seed(),
                b.threads(),
                b.exact(),
                b.dtype(),
                b.device(),
                b.epochs(),
                b.data(),
                b.noise(),
                b.model(),
                a.method(),
                b.optimizer(),
                b.schedule(),
                b.evaluation(),
                b.checkpoint(),
                b.log());
        assertEquals(a, withoutMethod);
    }

    @Test
    void unknownNameSuggestsANearOne() {
        UserError error = assertThrows(UserError.class, () -> Recipes.load("quickstart/dmap"));
        assertEquals(
                "no recipe and no file named quickstart/dmap; \"hornbeam recipes list\" shows the recipes;"
                        + " did you mean quickstart/daap or quickstart/damp?",
                error.getMessage());
    }

    @Test
    void whatIsWrongWithAnExtendedFileNamesBoth(@TempDir Path folder) throws IOException {
        Path base = Files.writeString(folder.resolve("base.yaml"), "just a sentence\n");
        Path mine = Files.writeString(folder.resolve("mine.yaml"), "extends: base.yaml\n");
        assertEquals(
                base + ":1: expected keys with values, as in \"epochs: 10\" (" + mine + " extends it)",
                assertThrows(UserError.class, () -> Recipes.load(mine, Map.of()))
                        .getMessage());
        Files.writeString(mine, "extends: \"a\\0b\"\n");
        String message = assertThrows(UserError.class, () -> Recipes.load(mine, Map.of()))
                .getMessage();
        assertTrue(message.startsWith(mine + " extends a?b: no recipe and no file named a?b"), message);
    }
}
