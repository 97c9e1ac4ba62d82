package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.hornbeam.training.data.DataSetCatalog;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A short real training per method, on real images where Fashion-MNIST is there. */
class FashionMnistTrainingTest {
    @TempDir
    private Path folder;

    // Bands around what the methods reach here: 82-84 % with a network of 1/16 of the size on a tenth of the data.
    @ParameterizedTest
    @CsvSource({"none, 0.76, 0.90", "'{kind: damp, sigma: 0.1}', 0.74, 0.90", "'{kind: daap, sigma: 0.01}', 0.74, 0.90"
    })
    void reachesItsAccuracy(String perturbation, double least, double most) {
        assumeTrue(
                DataSetCatalog.of(null, System.getenv()).find("fashion-mnist").isPresent(),
                "Fashion-MNIST is not here: hornbeam data fetch fashion-mnist");
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("method.perturbation", perturbation);
        settings.put("method.sub_batches", "4");
        settings.put("data.train_subset", "6000");
        settings.put("data.test_subset", "2000");
        settings.put("data.augment.pad", "0");
        settings.put("data.batch", "64");
        settings.put("model.width", "8");
        settings.put("optimizer.lr", "0.05");
        settings.put("epochs", "3");
        settings.put("evaluation.every", "0");
        settings.put("evaluation.corruptions", "none");
        double accuracy = TrainingRun.create(
                        Recipes.load("quickstart/sgd", settings), folder.resolve("run"), Progress.silent(), List.of())
                .run()
                .orElseThrow()
                .results()
                .testAccuracy();
        assertTrue(accuracy >= least && accuracy <= most, "accuracy " + accuracy);
    }
}
