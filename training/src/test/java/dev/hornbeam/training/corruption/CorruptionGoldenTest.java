package dev.hornbeam.training.corruption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Corruptions against files made with NumPy, SciPy, scikit-image and Pillow: see make_corruption_golden.py. */
final class CorruptionGoldenTest {
    private static Path golden() {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folder.resolve("testdata/corruption"))) {
            folder = folder.getParent();
        }
        return folder.resolve("testdata/corruption");
    }

    private static ImageSet images(String name) {
        return DataSetCatalog.of(null, Map.of())
                .load(golden().resolve(name + ".npz").toString())
                .train();
    }

    private static ConstantSet constants(String set) {
        return set.equals("grey") ? ConstantSet.CIFAR : ConstantSet.named(set);
    }

    @ParameterizedTest
    @CsvSource({
        "cifar,gaussian_blur", "cifar,contrast", "cifar,brightness", "cifar,pixelate",
        "grey,gaussian_blur", "grey,contrast", "grey,brightness", "grey,pixelate",
        "tiny,gaussian_blur", "tiny,contrast", "tiny,brightness", "tiny,pixelate",
        "imagenet,gaussian_blur", "imagenet,contrast", "imagenet,brightness", "imagenet,pixelate"
    })
    void deterministicOnesAreThePixelsOfTheReference(String set, String name) {
        ImageSet clean = images(set);
        ImageSet expected = images(set + "-" + name);
        int different = 0;
        for (int severity = 1; severity <= 5; severity++) {
            ImageSet actual = CorruptedImages.of(clean, Corruptions.named(name), severity, constants(set), 1, 1);
            for (int i = 0; i < clean.size(); i++) {
                byte[] wanted = expected.image((severity - 1) * clean.size() + i);
                byte[] got = actual.image(i);
                for (int k = 0; k < got.length; k++) {
                    int difference = (got[k] & 0xff) - (wanted[k] & 0xff);
                    assertTrue(
                            Math.abs(difference) <= 1,
                            "severity " + severity + ", image " + i + ", value " + k + ": " + (got[k] & 0xff)
                                    + ", expected " + (wanted[k] & 0xff));
                    different += difference == 0 ? 0 : 1;
                }
            }
        }
        // A value on the edge of two bytes may fall to either side; that is rare.
        long values = 5L * clean.size() * clean.imageLength();
        assertTrue(different <= values / 100, different + " of " + values + " values differ by one");
        if (name.equals("pixelate")) {
            assertEquals(0, different);
        }
    }

    @Test
    void randomOnesChangePixelsAsTheReferenceDoes() throws IOException {
        List<String> rows = Files.readAllLines(golden().resolve("random.csv"));
        int checked = 0;
        for (String row : rows.subList(1, rows.size())) {
            String[] field = row.split(",", -1);
            ImageSet clean = images(field[0]).subset(Integer.parseInt(field[3]));
            checkRandom(
                    row,
                    clean,
                    Corruptions.named(field[1]),
                    Integer.parseInt(field[2]),
                    constants(field[0]),
                    Double.parseDouble(field[4]),
                    Double.parseDouble(field[5]));
            checked++;
        }
        // 4 sets of 4, 4, 2 and 2 images, 2 corruptions, 5 severities.
        assertEquals(120, checked);
    }

    private static void checkRandom(
            String row,
            ImageSet clean,
            Corruption corruption,
            int severity,
            ConstantSet constants,
            double mean,
            double variance) {
        byte[] before = clean.image(0);
        long sum = 0;
        long squares = 0;
        int repeats = 200_000 / before.length;
        for (int seed = 0; seed < repeats; seed++) {
            byte[] after = CorruptedImages.of(clean, corruption, severity, constants, seed, 1)
                    .image(0);
            for (int k = 0; k < before.length; k++) {
                int change = (after[k] & 0xff) - (before[k] & 0xff);
                sum += change;
                squares += (long) change * change;
            }
        }
        double count = (double) repeats * before.length;
        double actualMean = sum / count;
        double actualVariance = squares / count - actualMean * actualMean;
        assertEquals(mean, actualMean, 0.03 * Math.sqrt(variance), row);
        assertEquals(variance, actualVariance, 0.03 * variance, row);
    }

    @Test
    void namedConstantsAreUsed() {
        ImageSet clean = images("cifar");
        Corruption contrast = Corruptions.named("contrast");
        byte[] automatic = CorruptedImages.of(clean, contrast, 1, 1, 1).image(0);
        byte[] cifar =
                CorruptedImages.of(clean, contrast, 1, ConstantSet.CIFAR, 1, 1).image(0);
        byte[] tiny =
                CorruptedImages.of(clean, contrast, 1, ConstantSet.TINY, 1, 1).image(0);
        assertEquals(
                0,
                IntStream.range(0, cifar.length)
                        .filter(k -> cifar[k] != automatic[k])
                        .count());
        assertTrue(IntStream.range(0, cifar.length)
                        .filter(k -> cifar[k] != tiny[k])
                        .count()
                > 1000);
    }
}
