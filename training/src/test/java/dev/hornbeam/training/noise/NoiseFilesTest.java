package dev.hornbeam.training.noise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.TestImages;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class NoiseFilesTest {
    private static final ImageSet SET = TestImages.random(200, 4, 3, 3, 5, 2);

    @TempDir
    private Path folder;

    private static NoisySet symmetric(ImageSet set) {
        return NoisySet.of(set, new LabelNoise.Symmetric(.5, true, Choice.INDEPENDENT), "symmetric-inclusive", .5, 6);
    }

    @Test
    void labelsComeBack() throws IOException {
        // A part of a set in an order of its own: files go by the published index.
        ImageSet part = SET.subset(7, 199, 3, 100, 50, 51, 52, 53, 54, 55);
        NoisySet noisy = symmetric(part);
        NoiseFiles.write(folder, noisy);
        NoisySet read = NoiseFiles.read(folder, part);
        assertArrayEquals(noisy.noisy().labels(), read.noisy().labels());
        assertEquals(noisy.noisy().checksum(), read.noisy().checksum());
        assertEquals(noisy.summary(), read.summary());
        assertArrayEquals(part.labels(), read.noisy().trueLabels());

        HostArray wrong = Npy.read(folder.resolve("noisy_idx_labels.npy"));
        assertArrayEquals(new long[] {noisy.summary().wrongLabels(), 2}, wrong.shape());
        long[] pairs = wrong.toLongs();
        int[] labels = noisy.noisy().labels();
        for (int k = 0; k < pairs.length; k += 2) {
            long index = pairs[k];
            assertTrue(k == 0 || pairs[k - 2] < index, "indices rise");
            int position = java.util.stream.IntStream.range(0, part.size())
                    .filter(i -> part.originalIndex(i) == index)
                    .findFirst()
                    .orElseThrow();
            assertEquals(labels[position], pairs[k + 1]);
            assertTrue(part.label(position) != pairs[k + 1]);
        }
        // The vector of all labels gives the same set.
        assertArrayEquals(
                noisy.noisy().labels(),
                NoiseFiles.read(folder.resolve("noisy_labels.npy"), part)
                        .noisy()
                        .labels());
    }

    @ParameterizedTest
    @EnumSource(ImageNoise.class)
    void imagesComeBack(ImageNoise noise) throws IOException {
        NoisySet noisy = NoisySet.of(SET, noise, .3, Choice.EXACT_COUNT, 4);
        NoiseFiles.write(folder, noisy);
        assertArrayEquals(
                new long[] {60, 4, 3, 3},
                Npy.read(folder.resolve("noisy_images.npy")).shape());
        NoisySet read = NoiseFiles.read(folder, SET);
        assertEquals(noisy.noisy().checksum(), read.noisy().checksum());
        assertEquals(noisy.summary(), read.summary());
        assertArrayEquals(SET.labels(), read.noisy().labels());
    }

    /** What the published program writes: unsorted indices, and i32 labels. */
    @Test
    void foreignFilesAreRead() throws IOException {
        Npy.write(folder.resolve("noisy_idx_labels.npy"), HostArray.of(new int[] {9, 1, 2, 0}, 2, 2));
        ImageSet labels = NoiseFiles.read(folder, SET).noisy();
        assertEquals(1, labels.label(9));
        assertEquals(0, labels.label(2));
        assertEquals(SET.label(3), labels.label(3));

        Path other = folder.resolve("images");
        java.nio.file.Files.createDirectory(other);
        byte[] pixels = new byte[2 * 36];
        Arrays.fill(pixels, 36, 72, (byte) 200);
        Npy.write(other.resolve("noisy_idx.npy"), HostArray.of(new long[] {11, 5}));
        Npy.write(other.resolve("noisy_images.npy"), HostArray.of(pixels, 2, 4, 3, 3));
        NoisySet images = NoiseFiles.read(other, SET);
        assertArrayEquals(new byte[36], images.noisy().image(11));
        assertEquals((byte) 200, images.noisy().image(5)[0]);
        assertArrayEquals(SET.image(6), images.noisy().image(6));
        assertEquals("file", images.summary().kind());
        assertEquals(2, images.summary().noisyImages());
    }

    @Test
    void whatDoesNotFitIsNamed() throws IOException {
        Path file = folder.resolve("l.npy");
        Npy.write(file, HostArray.of(new long[] {0, 1}));
        assertMessage(
                file
                        + ": has labels of 2 of the 200 images of random; expected one for each image of the published order",
                file);
        Npy.write(file, HostArray.of(new long[200 * 3], 200, 3));
        assertMessage(
                file + ": has shape [200, 3]; expected [n], a label for each image, or [m, 2], index and label", file);
        Npy.write(file, HostArray.of(new float[200]));
        assertMessage(file + ": holds numbers of type f32; expected whole numbers", file);
        Npy.write(file, HostArray.of(new long[] {3, 5}, 1, 2));
        assertMessage(file + ": label 5 of image 3 is outside 0..4, the classes of random", file);
        Npy.write(file, HostArray.of(new long[] {3000, 1}, 1, 2));
        assertMessage(file + ": none of its 1 indices is one of an image of random", file);
        Path none = folder.resolve("none");
        assertMessage(
                none
                        + ": no such file or folder; expected a folder with noisy_idx_labels.npy or other files of noise, or a"
                        + " .npy file of labels",
                none);
        assertMessage(
                folder + ": has no noise in it; expected noisy_idx_labels.npy, noisy_labels.npy, or noisy_idx.npy with"
                        + " noisy_images.npy",
                folder);
        Npy.write(folder.resolve("noisy_idx.npy"), HostArray.of(new long[] {1}));
        Npy.write(folder.resolve("noisy_images.npy"), HostArray.of(new byte[16], 1, 4, 4, 1));
        assertMessage(
                folder.resolve("noisy_images.npy")
                        + ": holds u8 of shape [1, 4, 4, 1] for indices of shape [1]; expected u8"
                        + " of shape [1, 4, 3, 3], as the images of random are",
                folder);
    }

    private static void assertMessage(String message, Path path) {
        assertEquals(
                message,
                assertThrows(UserError.class, () -> NoiseFiles.read(path, SET)).getMessage());
    }

    @Test
    void summaryCountsAndComesBack() {
        NoisySet noisy = symmetric(SET);
        NoiseSummary summary = noisy.summary();
        assertEquals(
                200,
                summary.labels().stream()
                        .flatMap(java.util.List::stream)
                        .mapToInt(i -> i)
                        .sum());
        int diagonal = 0;
        for (int k = 0; k < 5; k++) {
            diagonal += summary.labels().get(k).get(k);
            assertEquals(40, summary.labels().get(k).stream().mapToInt(i -> i).sum());
        }
        assertEquals(200 - diagonal, summary.wrongLabels());
        assertEquals(summary.wrongLabels() / 200.0, summary.errorRate());
        assertEquals(.4, summary.expectedErrorRate(), 1e-12);
        assertEquals(summary, NoiseSummary.parse(summary.toJson(), "here"));
        assertThrows(UserError.class, () -> NoiseSummary.parse("[]", "here"));
        assertThrows(UserError.class, () -> NoiseSummary.parse("{", "here"));
        assertArrayEquals(
                noisy.clean().subset(5, 9).labels(),
                noisy.cleanOf(noisy.noisy().subset(5, 9)).labels());
        assertArrayEquals(
                noisy.noisy().subset(5, 9).labels(),
                noisy.noisyOf(SET.subset(5, 9)).labels());
    }
}
