package dev.hornbeam.training.corruption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Corruptions against files made with NumPy, SciPy, scikit-image, OpenCV and Pillow: see make_corruption_golden.py. */
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

    static Stream<Arguments> deterministic() {
        return Stream.of("cifar", "grey", "tiny", "imagenet")
                .flatMap(set -> Stream.of(
                                "defocus_blur",
                                "zoom_blur",
                                "brightness",
                                "contrast",
                                "pixelate",
                                "jpeg_compression",
                                "gaussian_blur",
                                "saturate")
                        .map(name -> Arguments.of(set, name)));
    }

    @ParameterizedTest
    @MethodSource("deterministic")
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
        // A value on the edge of two bytes may fall to either side; that is rare, but for a disk of weights of which
        // the sum
        // is 1 but for rounding: there it happens wherever the image is flat.
        long values = 5L * clean.size() * clean.imageLength();
        assertTrue(
                different <= values / (name.equals("defocus_blur") ? 10 : 100),
                different + " of " + values + " values differ by one");
        if (EXACT.contains(name)) {
            assertEquals(0, different);
        }
    }

    private static final Set<String> EXACT = Set.of("pixelate", "jpeg_compression", "contrast", "gaussian_blur");

    @ParameterizedTest
    @CsvSource({"cifar,cifar,2", "grey,cifar,2", "tiny,tiny,1", "tiny,imagenet,1"})
    void randomOnesChangePixelsAsTheReferenceDoes(String set, String constants, int count) throws IOException {
        ImageSet clean = images(set).first(count);
        int checked = 0;
        for (String row : Files.readAllLines(golden().resolve("random.csv"))) {
            String[] field = row.split(",", -1);
            if (field[0].equals(set) && field[1].equals(constants)) {
                checkRandom(
                        row,
                        clean,
                        Corruptions.named(field[2]),
                        Integer.parseInt(field[3]),
                        ConstantSet.named(constants),
                        2 * Integer.parseInt(field[4]),
                        Double.parseDouble(field[5]),
                        Double.parseDouble(field[6]));
                checked++;
            }
        }
        // 10 corruptions, 5 severities.
        assertEquals(50, checked);
    }

    private static void checkRandom(
            String row,
            ImageSet clean,
            Corruption corruption,
            int severity,
            ConstantSet constants,
            int repeats,
            double mean,
            double variance) {
        long sum = 0;
        long squares = 0;
        Canvas canvas = new Canvas(clean.height(), clean.width());
        byte[] after = new byte[clean.imageLength()];
        for (int i = 0; i < clean.size(); i++) {
            byte[] before = clean.image(i);
            for (int seed = 0; seed < repeats; seed++) {
                System.arraycopy(before, 0, after, 0, after.length);
                CorruptedImages.corrupt(canvas, after, clean.channels(), corruption, severity, constants, seed, i);
                for (int k = 0; k < before.length; k++) {
                    int change = (after[k] & 0xff) - (before[k] & 0xff);
                    sum += change;
                    squares += (long) change * change;
                }
            }
        }
        double count = (double) repeats * clean.size() * clean.imageLength();
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
