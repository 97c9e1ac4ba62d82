package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.noise.LabelNoise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RunConfigTest {
    @TempDir
    Path folder;

    @Test
    void readsEveryKindOfValue() throws IOException {
        Path file = write("""
                # a comment
                name: "trial: 1"
                seed: -9223372036854775808
                epochs: 12
                data:
                  name: /data/x.npz
                  normalize: {kind: values, mean: [0.5, .25, 1], std: [1e-1, 2, 3.5]}
                  augment: {flip: true}
                model: {name: resnet18, width: 16}
                method:
                  perturbation: {kind: damp, sigma: 5e-2, gradient: chain-rule}
                  sub_batches: 4
                  objective: {label_smoothing: 0.1}
                optimizer: {kind: adamw, lr: 3e-4, clip: 1}
                schedule: {kind: cosine, warmup: {epochs: 2.5, from: 1e-6}}
                evaluation: {corruptions: [contrast, pixelate], severities: 3}
                """);
        RunConfig config = RunConfig.load(file);
        assertEquals("trial: 1", config.name());
        assertEquals(Long.MIN_VALUE, config.seed());
        assertEquals(12, config.epochs());
        assertEquals(
                new NormalizeConfig.Values(List.of(.5, .25, 1.), List.of(.1, 2., 3.5)),
                config.data().normalize());
        assertEquals(new AugmentConfig(0, true), config.data().augment());
        assertEquals(128, config.data().batch());
        assertEquals(Optional.empty(), config.data().folder());
        assertEquals(
                new ModelConfig(
                        "resnet18",
                        OptionalInt.of(16),
                        OptionalInt.empty(),
                        false,
                        OptionalDouble.empty(),
                        0,
                        false,
                        Optional.empty(),
                        false),
                config.model());
        assertEquals(
                new PerturbationConfig.Damp(.05, PerturbationConfig.Gradient.CHAIN_RULE),
                config.method().perturbation());
        assertEquals(new ObjectiveConfig.CrossEntropy(.1), config.method().objective());
        assertEquals(new OptimizerConfig.AdamW(3e-4, .9, .999, 1e-8, .01, OptionalDouble.of(1)), config.optimizer());
        assertEquals(new ScheduleConfig.Cosine(0, new WarmupConfig(2.5, 0, 1e-6)), config.schedule());
        assertEquals(List.of("contrast", "pixelate"), config.evaluation().corruptions());
        assertEquals(List.of(3), config.evaluation().severities());
        assertEquals(config, reload(config));
    }

    @Test
    void shortFormsAndNulls() throws IOException {
        RunConfig config = RunConfig.load(write("""
                epochs: 1
                data: {name: fashion-mnist, folder: ~, normalize: none}
                model: {name: smallcnn28, width:}
                method: {perturbation: none, objective: ce, input: none, projection: none}
                optimizer: {kind: sgd, lr: 1}
                schedule: constant
                evaluation: {corruptions: none}
                """));
        assertEquals("trial", config.name());
        assertEquals(new NormalizeConfig.None(), config.data().normalize());
        assertEquals(OptionalInt.empty(), config.model().width());
        assertEquals(List.of(), config.evaluation().corruptions());
        assertEquals(config, reload(config));
    }

    @Property(tries = 200)
    void anyValuesSurviveTheRoundTrip(
            @ForAll String text,
            @ForAll long seed,
            @ForAll @DoubleRange(min = 0, minIncluded = false, max = 1e300) double lr,
            @ForAll @DoubleRange(min = 0, max = 1e5) double sigma,
            @ForAll @IntRange(min = 1, max = 1_000_000) int epochs,
            @ForAll @Size(min = 1, max = 4) List<@DoubleRange(min = 0, max = 1) Double> means) {
        RunConfig quick = Recipes.load("quickstart/damp");
        NormalizeConfig normalize =
                new NormalizeConfig.Values(means, means.stream().map(m -> m + 1).toList());
        DataConfig data = quick.data();
        RunConfig config = new RunConfig(
                text,
                text,
                seed,
                0,
                false,
                Precision.BF16,
                "cpu",
                epochs,
                new DataConfig(
                        data.name(),
                        Optional.of(text),
                        data.test(),
                        data.split(),
                        data.image(),
                        data.targets(),
                        0,
                        0,
                        data.batch(),
                        true,
                        normalize,
                        data.augment(),
                        1,
                        4,
                        data.photonLimited()),
                new NoiseConfig.SymmetricExclusive(.5, LabelNoise.Choice.EXACT_COUNT, Optional.of(seed)),
                quick.model(),
                new MethodConfig(
                        new PerturbationConfig.Daap(sigma),
                        1,
                        false,
                        quick.method().objective(),
                        quick.method().input(),
                        quick.method().projection()),
                new OptimizerConfig.Sgd(lr, 0, false, sigma, OptionalDouble.empty()),
                quick.schedule(),
                quick.evaluation(),
                quick.checkpoint(),
                quick.log());
        assertEquals(config, reload(config));
    }

    @Test
    void endsOfLinesOfAnyKindSurviveTheRoundTrip() {
        for (String escaped : List.of("\\N", "a\\Nb", "a\\nb\\Nc", "a\\r\\nb", "a\\rb\\n", "a\\Lb", "\\n a\\P")) {
            RunConfig config = Recipes.load("quickstart/sgd", Map.of("description", '"' + escaped + '"'));
            assertEquals(config, reload(config), escaped);
        }
    }

    @Test
    void savesToAFile() throws IOException {
        RunConfig config = Recipes.load("damp/cifar100-resnet18");
        Path file = folder.resolve("run/config.yaml");
        config.save(file);
        assertEquals(config, RunConfig.load(file));
        assertTrue(Files.readString(file).contains("\n  weight_decay: 0.0005\n"), Files.readString(file));
    }

    @Test
    void overridesDoNotDependOnTheirOrder() {
        Map<String, String> kindFirst = new LinkedHashMap<>();
        kindFirst.put("method.perturbation", "daap");
        kindFirst.put("method.perturbation.sigma", ".01");
        Map<String, String> kindLast = new LinkedHashMap<>();
        kindLast.put("method.perturbation.sigma", ".01");
        kindLast.put("method.perturbation", "daap");
        RunConfig config = Recipes.load("quickstart/damp", kindFirst);
        assertEquals(new PerturbationConfig.Daap(.01), config.method().perturbation());
        assertEquals(config, Recipes.load("quickstart/damp", kindLast));
        assertEquals(config, Recipes.load("quickstart/damp").with(kindLast));
    }

    @Test
    void overridesReachEveryDepth() {
        RunConfig config = Recipes.load(
                "quickstart/sgd",
                Map.of(
                        "optimizer.lr", "5e-3",
                        "schedule", "{kind: multistep, milestones: [.3, .6, .8], gamma: .2}",
                        "evaluation.corruptions", "contrast, pixelate",
                        "method.perturbation", "{kind: damp, sigma: .1}",
                        "model.width", "8",
                        "log.every", "1"));
        OptimizerConfig.Sgd sgd = (OptimizerConfig.Sgd) config.optimizer();
        assertEquals(5e-3, sgd.lr());
        assertTrue(sgd.nesterov(), "the other keys of the section stay");
        assertEquals(
                new ScheduleConfig.MultiStep(List.of(.3, .6, .8), .2, new WarmupConfig(0, 0, 0)), config.schedule());
        assertEquals(List.of("contrast", "pixelate"), config.evaluation().corruptions());
        assertEquals(OptionalInt.of(8), config.model().width());
        assertEquals(1, config.log().every());
    }

    @Test
    void sectionThatChangesItsKindStartsAnew() {
        UserError error =
                assertThrows(UserError.class, () -> Recipes.load("quickstart/sgd", Map.of("optimizer.kind", "adam")));
        assertEquals(
                "--set optimizer.kind=adam: optimizer.lr is missing; expected a number above 0", error.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "lr|0.1|--set lr=0.1: unknown key lr; did you mean noise.network.lr or optimizer.lr?",
                "optimizer.momentun|0|--set optimizer.momentun=0: unknown key optimizer.momentun; did you mean"
                        + " optimizer.momentum?",
                "optimizer.amsgrad|true|--set optimizer.amsgrad=true: unknown key optimizer.amsgrad for optimizer of kind sgd;"
                        + " it belongs to kind adam",
                "optimizer.lr|fast|--set optimizer.lr=fast: optimizer.lr is 'fast'; expected a number above 0",
                "optimizer.lr|0|--set optimizer.lr=0: optimizer.lr is '0'; expected a number above 0",
                "optimizer.lr|NaN|--set optimizer.lr=NaN: optimizer.lr is 'NaN'; expected a number above 0",
                "optimizer.lr|1e999|--set optimizer.lr=1e999: optimizer.lr is '1e999'; expected a number above 0",
                "optimizer.momentum|1|--set optimizer.momentum=1: optimizer.momentum is '1'; expected a number of at least 0"
                        + " and below 1",
                "optimizer.nesterov|yes|--set optimizer.nesterov=yes: optimizer.nesterov is 'yes'; expected true or false",
                "epochs|1.5|--set epochs=1.5: epochs is '1.5'; expected a whole number from 1 to 1000000",
                "epochs||--set epochs=: epochs is empty; expected a whole number from 1 to 1000000",
                "seed|9223372036854775808|--set seed=9223372036854775808: seed is '9223372036854775808'; expected a whole"
                        + " number",
                "data|cifar10|--set data=cifar10: data is 'cifar10'; expected a section with the keys name, folder, test,"
                        + " split, image, targets, train_subset, test_subset, batch, drop_last, normalize, augment, workers, prefetch,"
                        + " photon_limited",
                "method.perturbation|dmp|--set method.perturbation=dmp: method.perturbation is 'dmp'; expected one of the kinds"
                        + " none, damp, daap, sam, asam; did you mean damp?",
                "method.perturbation.gradient|other|--set method.perturbation.gradient=other: method.perturbation.gradient is"
                        + " 'other'; expected one of at-perturbed, chain-rule",
                "method.sub_batches|7|--set method.sub_batches=7: method.sub_batches is 7, which does not divide the batch of"
                        + " 128; choose a divisor of data.batch",
                "evaluation.severities|[1, 6]|--set evaluation.severities=[1, 6]: evaluation.severities is '6'; expected a whole"
                        + " number from 1 to 5",
                "evaluation.corruptions|none,fog|--set evaluation.corruptions=none,fog: evaluation.corruptions has none beside"
                        + " other names; give none alone or leave it out",
                "schedule|{kind: cosine, warmup: {epochs: 1, steps: 2}}|--set schedule={kind: cosine, warmup: {epochs: 1, steps:"
                        + " 2}}: schedule.warmup.steps is 2 beside epochs 1.0; give one of the two",
                "a..b|1|--set a..b=1: 'a..b' is not a key; write it as in optimizer.lr",
                "epochs|[1|--set epochs=[1: not valid YAML: expected ',' or ']', but got <stream end>",
            })
    void wrongOverridesAreNamed(String key, String value, String message) {
        Map<String, String> override = Map.of(key, value == null ? "" : value);
        UserError error = assertThrows(UserError.class, () -> Recipes.load("quickstart/damp", override));
        assertEquals(message, error.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'epochs: 1'|:1: data is missing; expected a section with the keys name, folder, test, split, image,"
                        + " targets, train_subset, test_subset, batch, drop_last, normalize, augment, workers, prefetch,"
                        + " photon_limited",
                "'extends: quickstart/sgd\n\noptimizer:\n  lr: 0.1\n  lrr: 1'|:5: unknown key optimizer.lrr; did you mean"
                        + " optimizer.lr?",
                "'extends: quickstart/sgd\ndata:\n  augment:\n    pad: -1'|:4: data.augment.pad is '-1'; expected a whole number"
                        + " from 0 to 1024",
                "'extends: quickstart/sgd\nmodel: {name: [a, b]}'|:2: model.name is a list; expected a text",
                "'extends: quickstart/sgd\nepochs: {a: 1}'|:2: epochs is a section; expected a whole number from 1 to 1000000",
                "'extends: quickstart/sgd\nmethod:\n  sub_batches: 3'|:3: method.sub_batches is 3, which does not divide the batch"
                        + " of 128; choose a divisor of data.batch",
                "'extends: quickstart/sgd\nschedule:\n  until: .2'|:3: schedule.until is 0.2, not above hold, which is 0.3",
                "'extends: quickstart/sgd\nseed: 1\nseed: 2'|:3: seed is given a second time; the first is at FILE:2",
                "'extends: quickstart/sgd\ndata: &d {}\nmodel: *d'|:3: aliases (*name) are not supported; write the value out",
                "'extends: quickstart/sgd\n  seed: 1'|:2: not valid YAML: mapping values are not allowed here",
                "'- a\n- b'|:1: expected keys with values, as in \"epochs: 10\"",
                "'extends: quickstart/sgd\n---\nseed: 1'|:3: a second document starts here; one file is one configuration",
                "'extends: quickstart/none'|: FILE extends quickstart/none: no recipe and no file named quickstart/none;"
                        + " \"hornbeam recipes list\" shows the recipes",
                "'extends: [a]'|:1: extends expects the name of a recipe or a file",
            })
    void wrongFilesAreNamedWithTheirLine(String text, String message) throws IOException {
        Path file = write(text);
        UserError error = assertThrows(UserError.class, () -> RunConfig.load(file));
        String expected = message.startsWith(": ") ? message.substring(2) : "FILE" + message;
        assertEquals(expected.replace("FILE", file.toString()), error.getMessage());
    }

    @Test
    void fileExtendsAFileBesideIt() throws IOException {
        Files.writeString(folder.resolve("base.yaml"), "extends: quickstart/damp\nname: base\nepochs: 3\n");
        Path file = write("extends: base.yaml\nseed: 4\n");
        RunConfig config = RunConfig.load(file);
        assertEquals(3, config.epochs());
        assertEquals(4, config.seed());
        assertEquals("trial", config.name());
        assertEquals("", config.description());
        assertEquals(8, config.method().subBatches());
    }

    @Test
    void circleIsAnError() throws IOException {
        Files.writeString(folder.resolve("other.yaml"), "extends: trial.yaml\n");
        Path file = write("extends: other.yaml\n");
        UserError error = assertThrows(UserError.class, () -> RunConfig.load(file));
        assertEquals(file + ":1: extends leads back to " + file + "; break the circle", error.getMessage());
    }

    @Test
    void missingFileIsNamed() {
        Path file = folder.resolve("none.yaml");
        UserError error = assertThrows(UserError.class, () -> RunConfig.load(file));
        assertEquals("cannot read " + file + ": no such file or folder", error.getMessage());
    }

    @Test
    void recordsCheckThemselvesInCodeToo() {
        IllegalArgumentException error = assertThrows(
                IllegalArgumentException.class, () -> new OptimizerConfig.Sgd(.1, 0, true, 0, OptionalDouble.empty()));
        assertEquals("nesterov is true, which needs a momentum above 0", error.getMessage());
    }

    private Path write(String text) throws IOException {
        return Files.writeString(folder.resolve("trial.yaml"), text);
    }

    private static RunConfig reload(RunConfig config) {
        return ConfigBinder.bind(ConfigTree.parse(config.toYaml(), "written"));
    }
}
