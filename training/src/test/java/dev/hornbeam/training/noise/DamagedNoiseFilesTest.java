package dev.hornbeam.training.noise;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.training.DamagedFiles;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.TestImages;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The readers of noise, transition matrices and lists of severities on {@link DamagedFiles}. */
final class DamagedNoiseFilesTest {
    private static final ImageSet SET = TestImages.random(12, 2, 3, 3, 3, 2);

    @TempDir
    private Path folder;

    private Map<String, byte[]> written() throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> all = Files.list(folder)) {
            for (Path file : all.toList()) {
                files.put(file.getFileName().toString(), Files.readAllBytes(file));
            }
        }
        return files;
    }

    private static long check(NoisySet set) {
        assertEquals(SET.size(), set.noisy().size());
        for (int i = 0; i < set.noisy().size(); i++) {
            assertTrue(set.noisy().label(i) >= 0 && set.noisy().label(i) < SET.classes());
            assertEquals(SET.imageLength(), set.noisy().image(i).length);
        }
        assertTrue(!set.summary().line().isEmpty() && !set.summary().toJson().isEmpty());
        return set.noisy().size();
    }

    @Test
    void wrongLabels() throws IOException {
        NoiseFiles.write(
                folder,
                NoisySet.of(SET, new LabelNoise.Symmetric(.5, true, Choice.INDEPENDENT), "symmetric-inclusive", .5, 6));
        Map<String, byte[]> files = written();
        // That is read where the other is missing.
        byte[] labels = files.remove(NoiseFiles.LABELS);
        new DamagedFiles("noise: labels", files, (place, _) -> check(NoiseFiles.read(place, SET))).check();
        new DamagedFiles(
                        "noise: vector of labels",
                        Map.of("labels.npy", labels),
                        (place, _) -> check(NoiseFiles.read(place.resolve("labels.npy"), SET)))
                .check();
    }

    @Test
    void replacedImages() throws IOException {
        NoiseFiles.write(folder, NoisySet.of(SET, ImageNoise.SHUFFLED_PIXELS, .5, Choice.EXACT_COUNT, 4));
        new DamagedFiles("noise: images", written(), (place, _) -> check(NoiseFiles.read(place, SET))).check();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"csv, '.9,.1\n# a comment\n.25 .75\n'", "json, '[[0.9, 0.1], [0.25, 0.75]]'", "npy,"})
    void transitionMatrices(String ending, String text) throws IOException {
        String name = "matrix." + ending;
        byte[] content;
        if (text == null) {
            Npy.write(folder.resolve(name), HostArray.of(new float[] {.9f, .1f, .25f, .75f}, 2, 2));
            content = Files.readAllBytes(folder.resolve(name));
        } else {
            content = text.getBytes(StandardCharsets.UTF_8);
        }
        new DamagedFiles("transition matrix " + ending, Map.of(name, content), (place, _) -> {
                    TransitionMatrix matrix = TransitionMatrix.read(place.resolve(name));
                    for (int k = 0; k < matrix.classes(); k++) {
                        double sum = 0;
                        for (int j = 0; j < matrix.classes(); j++) {
                            sum += matrix.probability(k, j);
                        }
                        assertEquals(1, sum, 1e-9);
                    }
                    return matrix.classes();
                })
                .check();
    }

    @Test
    void listsOfSeverities() throws IOException {
        PhotonLimitedMixture mixture =
                PhotonLimitedMixture.of(SET, new int[] {0, 1, 2, 0, 1, 2, -1, -1, 0, 0, 1, 2}, 2);
        SeverityLists.write(folder, mixture);
        new DamagedFiles("lists of severities", written(), (place, _) -> {
                    PhotonLimitedMixture read = SeverityLists.read(place, SET, 2);
                    int images = read.validation().size();
                    for (int s = 0; s <= read.severities(); s++) {
                        images += read.images(s).size();
                    }
                    assertEquals(SET.size(), images);
                    return images;
                })
                .check();
    }
}
