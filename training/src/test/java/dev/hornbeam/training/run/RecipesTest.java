package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
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
    @CsvSource({"damp/cifar10-resnet18, cifar10, 0.2", "damp/cifar100-resnet18, cifar100, 0.1"})
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

    @ParameterizedTest
    @CsvSource({
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
}
