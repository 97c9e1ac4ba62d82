package dev.hornbeam.training;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Which package may use which, here and in the models. */
final class ArchitectureTest {
    private static JavaClasses main;
    private static JavaClasses mainAndTests;

    @BeforeAll
    static void readClasses() {
        String[] packages = {"dev.hornbeam.training", "dev.hornbeam.models"};
        mainAndTests = new ClassFileImporter().importPackages(packages);
        main = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages(packages);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("dev.hornbeam.(**)").should().beFreeOfCycles().check(main);
    }

    @Test
    void dependenciesGoDown() {
        layeredArchitecture()
                .consideringOnlyDependenciesInAnyPackage("dev.hornbeam.training..")
                .layer("cli")
                .definedBy("dev.hornbeam.training.cli..")
                .layer("prediction")
                .definedBy("dev.hornbeam.training.prediction..")
                .layer("study")
                .definedBy("dev.hornbeam.training.study..")
                .layer("run")
                .definedBy("dev.hornbeam.training.run..")
                .layer("method and evaluation")
                .definedBy("dev.hornbeam.training.method..", "dev.hornbeam.training.evaluation..")
                .layer("data")
                .definedBy(
                        "dev.hornbeam.training.data..",
                        "dev.hornbeam.training.image..",
                        "dev.hornbeam.training.noise..",
                        "dev.hornbeam.training.corruption..",
                        "dev.hornbeam.training.augmentation..",
                        "dev.hornbeam.training.random..")
                .layer("tensorboard")
                .definedBy("dev.hornbeam.training.tensorboard..")
                .layer("root")
                .definedBy("dev.hornbeam.training")
                .whereLayer("cli")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("prediction")
                .mayOnlyBeAccessedByLayers("cli")
                .whereLayer("study")
                .mayOnlyBeAccessedByLayers("cli")
                .whereLayer("run")
                .mayOnlyBeAccessedByLayers("cli", "prediction", "study")
                .whereLayer("method and evaluation")
                .mayOnlyBeAccessedByLayers("cli", "study", "run")
                .whereLayer("data")
                .mayOnlyBeAccessedByLayers("cli", "study", "prediction", "run", "method and evaluation")
                .whereLayer("tensorboard")
                .mayOnlyBeAccessedByLayers("run")
                .whereLayer("root")
                .mayOnlyBeAccessedByLayers(
                        "cli", "study", "prediction", "run", "method and evaluation", "data", "tensorboard")
                .check(main);
    }

    @Test
    void nothingReachesIntoTheEngine() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.hornbeam.internal..", "java.lang.foreign..")
                .check(mainAndTests);
    }

    @Test
    void randomNumbersComeFromPhilox() {
        noClasses()
                .that()
                .doNotBelongToAnyOf(ArchitectureTest.class)
                .should()
                .dependOnClassesThat()
                .areAssignableTo(RandomGenerator.class)
                .orShould()
                .callMethod(Math.class, "random")
                .orShould()
                .callMethod(Collections.class, "shuffle", List.class)
                .check(mainAndTests);
    }

    @Test
    void classesSayWhatTheyAre() {
        classes().should().haveNameNotMatching(".*(Utils?|Helper|Manager|Impl)").check(mainAndTests);
    }
}
