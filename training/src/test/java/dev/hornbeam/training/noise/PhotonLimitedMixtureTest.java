package dev.hornbeam.training.noise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.TestImages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PhotonLimitedMixtureTest {
    @TempDir
    private Path folder;

    @Test
    void countsAreThePublishedOnes() {
        assertArrayEquals(new int[] {1471, 1471, 735, 245, 61, 12}, PhotonLimitedMixture.counts(4000, 5, 1));
        assertArrayEquals(new int[] {147, 147, 73, 24, 6, 1}, PhotonLimitedMixture.counts(400, 5, 1));
        assertArrayEquals(new int[] {367, 367, 183, 61, 15, 3}, PhotonLimitedMixture.counts(1000, 5, 1));
        // Poisson(s; 2) = .1353, .2707, .2707.
        assertArrayEquals(new int[] {135, 270, 270}, PhotonLimitedMixture.counts(1000, 2, 2));
    }

    @Property(tries = 40)
    void severitiesAreDisjointAndBalanced(
            @ForAll @IntRange(min = 1, max = 4) int classes,
            @ForAll @IntRange(min = 0, max = 60) int more,
            @ForAll @IntRange(min = 1, max = 5) int severities,
            @ForAll long seed) {
        int n = 400;
        ImageSet set = TestImages.random(classes * (n + more), 1, 1, 1, classes, 1);
        PhotonLimitedMixture mixture = PhotonLimitedMixture.of(set, n, severities, 1, seed);
        int[] counts = PhotonLimitedMixture.counts(n, severities, 1);
        boolean[] used = new boolean[set.size()];
        int total = 0;
        for (int s = 0; s <= severities; s++) {
            int[] ofClass = new int[classes];
            for (int position : mixture.positions(s)) {
                assertFalse(used[position], "image " + position + " twice");
                used[position] = true;
                ofClass[set.label(position)]++;
                total++;
            }
            for (int c = 0; c < classes; c++) {
                assertEquals(counts[s], ofClass[c]);
            }
        }
        ImageSet rest = mixture.validation();
        assertEquals(set.size() - total, rest.size());
        for (int i = 0; i < rest.size(); i++) {
            assertFalse(used[rest.originalIndex(i)]);
        }
    }

    @Test
    void imagesAreCorruptedAtTheirSeverity() {
        ImageSet set = TestImages.random(900, 32, 32, 3, 2, 4);
        Corruption corruption = Corruptions.named("gaussian_noise");
        PhotonLimitedMixture mixture = PhotonLimitedMixture.of(set, 440, 5, 1, 9);
        PhotonLimitedMixture.Train train = mixture.train(corruption, 9, 2);
        assertEquals(train.images().size(), train.severities().size());
        int at = 0;
        for (int s = 0; s <= 5; s++) {
            for (int position : mixture.positions(s)) {
                assertEquals(s, train.severities().get(at));
                assertEquals(position, train.images().originalIndex(at));
                assertEquals(set.label(position), train.images().label(at));
                at++;
            }
            // The last of each severity, corrupted alone.
            ImageSet one = set.subset(mixture.positions(s)[mixture.positions(s).length - 1]);
            byte[] expected = s == 0
                    ? one.image(0)
                    : CorruptedImages.of(one, corruption, s, 9, 1).image(0);
            assertArrayEquals(expected, train.images().image(at - 1), "severity " + s);
        }
        assertEquals(at, train.images().size());
        assertEquals(
                train.images().checksum(),
                mixture.train(corruption, 9, 1).images().checksum());
    }

    @Test
    void listsComeBack() throws IOException {
        ImageSet set = TestImages.random(900, 1, 1, 1, 2, 4);
        PhotonLimitedMixture mixture = PhotonLimitedMixture.of(set, 440, 5, 1, 9);
        SeverityLists.write(folder, mixture);
        PhotonLimitedMixture read = SeverityLists.read(folder, set, 5);
        for (int s = 0; s <= 5; s++) {
            assertArrayEquals(mixture.positions(s), read.positions(s));
        }
        assertEquals(mixture.validation().checksum(), read.validation().checksum());
        assertEquals(
                mixture.validation().size(),
                Files.readAllLines(folder.resolve("val.txt")).size());

        // The published names have a prefix.
        Path last = folder.resolve("distribution_5.txt");
        String text = Files.readString(last);
        Files.delete(last);
        Path published = Files.writeString(folder.resolve("imagenet30_distribution_5.txt"), text);
        assertArrayEquals(
                mixture.positions(5), SeverityLists.read(folder, set, 5).positions(5));

        String first = Files.readAllLines(folder.resolve("distribution_0.txt")).getFirst();
        String index = first.substring(0, first.indexOf(' '));
        int label = set.label(Integer.parseInt(index));
        assertDamage(published, "900 0", ":1: no image 900 in random", set);
        assertDamage(
                published,
                index + " " + (1 - label),
                ":1: class " + (1 - label) + ", but in random that image has class " + label,
                set);
        assertDamage(
                published, first, ":1: the image stands in the lists a second time; it has severity 0 already", set);
        assertDamage(published, "\n7", ":2: '7'; expected the path of an image, a blank and its class", set);
        Files.delete(published);
        assertEquals(
                folder + ": has no lists of images called distribution_5.txt or …_distribution_5.txt; expected one",
                assertThrows(UserError.class, () -> SeverityLists.read(folder, set, 5))
                        .getMessage());
    }

    private void assertDamage(Path list, String content, String message, ImageSet set) throws IOException {
        Files.writeString(list, content);
        UserError error = assertThrows(UserError.class, () -> SeverityLists.read(folder, set, 5));
        assertEquals(list + message, error.getMessage());
    }

    @Test
    void tooFewImagesAreNamed() {
        ImageSet set = TestImages.random(900, 1, 1, 1, 2, 4);
        assertEquals(
                "a photon-limited mixture of 451 images per class, but class 0 (0) of random has 450; lower n to that",
                assertThrows(UserError.class, () -> PhotonLimitedMixture.of(set, 451, 5, 1, 1))
                        .getMessage());
        assertEquals(
                "a photon-limited mixture of 300 images per class has none of severity 5; raise n, or lower severities",
                assertThrows(UserError.class, () -> PhotonLimitedMixture.of(set, 300, 5, 1, 1))
                        .getMessage());
        assertTrue(Arrays.stream(PhotonLimitedMixture.counts(450, 5, 1)).allMatch(c -> c > 0));
    }
}
