package dev.hornbeam.training.corruption.build;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder.Layout;
import dev.hornbeam.training.data.ImageSet;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sets in each of the published layouts, written here as their publishers have them. */
final class CorruptedSetFolderTest {
    private static final int SIDE = 4;

    @TempDir
    private Path folder;

    // Image i of n has every byte 10 * i.
    private static byte[] pixels(int n, int bytesPerImage) {
        byte[] pixels = new byte[n * bytesPerImage];
        for (int k = 0; k < pixels.length; k++) {
            pixels[k] = (byte) (10 * (k / bytesPerImage));
        }
        return pixels;
    }

    private static void write(Path file, HostArray array) throws IOException {
        Files.createDirectories(file.getParent());
        Npy.write(file, array);
    }

    private void cifar(HostArray labels) throws IOException {
        for (String name : List.of("brightness", "gaussian_noise", "zigzag")) {
            write(folder.resolve(name + ".npy"), HostArray.of(pixels(10, SIDE * SIDE * 3), 10, SIDE, SIDE, 3));
        }
        write(folder.resolve("labels.npy"), labels);
    }

    @Test
    void cifarSetHasFiveSeveritiesOneAfterTheOther() throws IOException {
        cifar(HostArray.of(new byte[] {1, 0, 1, 0, 1, 0, 1, 0, 1, 0}, 10));
        CorruptedSetFolder set = CorruptedSetFolder.open(folder);
        assertEquals(Layout.CIFAR_C, set.layout());
        assertEquals(List.of("gaussian_noise", "brightness", "zigzag"), set.corruptions());
        assertEquals(List.of(1, 2, 3, 4, 5), set.severities());
        ImageSet third = set.read("brightness", 3);
        assertEquals(2, third.size());
        assertArrayEquals(new int[] {1, 0}, third.labels());
        assertEquals(40, third.image(0)[0]);
        assertEquals(50, third.image(1)[SIDE * SIDE * 3 - 1]);
        assertEquals(List.of("0", "1"), third.classNames());
        assertEquals(
                List.of("cat", "dog", "owl"),
                set.read("brightness", 1, List.of("cat", "dog", "owl")).classNames());
    }

    @Test
    void labelsOfOneSeverityServeAll() throws IOException {
        cifar(HostArray.of(new long[] {2, 0}, 2));
        assertArrayEquals(
                new int[] {2, 0},
                CorruptedSetFolder.open(folder).read("zigzag", 5).labels());
    }

    @Test
    void manifestNamesTheSeverities() throws IOException {
        cifar(HostArray.of(new int[10], 10));
        Files.writeString(folder.resolve("manifest.json"), "{\"x\": {\"y\": [9]}, \"job\": {\"severities\": [2, 5]}}");
        CorruptedSetFolder set = CorruptedSetFolder.open(folder);
        assertEquals(List.of(2, 5), set.severities());
        assertEquals(5, set.read("zigzag", 5).size());
        assertEquals(50, set.read("zigzag", 5).image(0)[0]);
    }

    @Test
    void mnistSetHasOneSeverity() throws IOException {
        write(folder.resolve("fog/test_images.npy"), HostArray.of(pixels(3, SIDE * SIDE), 3, SIDE, SIDE, 1));
        write(folder.resolve("fog/test_labels.npy"), HostArray.of(new long[] {7, 0, 1}, 3));
        CorruptedSetFolder set = CorruptedSetFolder.open(folder);
        assertEquals(Layout.MNIST_C, set.layout());
        assertEquals(List.of(1), set.severities());
        ImageSet fog = set.read("fog", 1);
        assertEquals(1, fog.channels());
        assertArrayEquals(new int[] {7, 0, 1}, fog.labels());
        assertEquals(20, fog.image(2)[0]);
    }

    @Test
    void mnistSetsLieBelowSeverities() throws IOException {
        for (int severity : List.of(2, 4)) {
            Path fog = folder.resolve(severity + "/fog");
            write(fog.resolve("test_images.npy"), HostArray.of(pixels(severity, SIDE * SIDE), severity, SIDE, SIDE));
            write(fog.resolve("test_labels.npy"), HostArray.of(new long[severity], severity));
        }
        CorruptedSetFolder set = CorruptedSetFolder.open(folder);
        assertEquals(Layout.MNIST_C, set.layout());
        assertEquals(List.of("fog"), set.corruptions());
        assertEquals(List.of(2, 4), set.severities());
        assertEquals(4, set.read("fog", 4).size());
    }

    private void image(String name, int value) throws IOException {
        BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        image.setRGB(0, 0, value);
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        ImageIO.write(image, "png", file.toFile());
    }

    @Test
    void imageNetSetIsFolders() throws IOException {
        for (String severity : List.of("1", "2")) {
            image("fog/" + severity + "/n02/b.png", 0x030201);
            image("fog/" + severity + "/n02/a.png", 0x060504);
            image("fog/" + severity + "/n01/c.png", 0x090807);
        }
        CorruptedSetFolder set = CorruptedSetFolder.open(folder);
        assertEquals(Layout.IMAGENET_C, set.layout());
        assertEquals(List.of(1, 2), set.severities());
        ImageSet second = set.read("fog", 2);
        assertEquals(List.of("n01", "n02"), second.classNames());
        assertArrayEquals(new int[] {0, 1, 1}, second.labels());
        assertEquals(9, second.image(0)[0]);
        assertEquals(4, second.image(1)[2]);
        assertArrayEquals(
                new int[] {2, 0, 0},
                set.read("fog", 1, List.of("n02", "n00", "n01")).labels());
        UserError unknown = assertThrows(UserError.class, () -> set.read("fog", 1, List.of("n01", "n03")));
        assertTrue(unknown.getMessage().contains("no class 'n02'"), unknown.getMessage());
    }

    @Test
    void incompleteSetIsRefused() throws IOException {
        image("fog/1/n01/a.png", 0);
        image("fog/2/n01/a.png", 0);
        image("snow/1/n01/a.png", 0);
        UserError error = assertThrows(UserError.class, () -> CorruptedSetFolder.open(folder));
        assertTrue(
                error.getMessage().contains("snow has [1]")
                        || error.getMessage().contains("fog has [1, 2]"),
                error.getMessage());
    }

    @Test
    void otherFolderIsRefused() {
        UserError error = assertThrows(UserError.class, () -> CorruptedSetFolder.open(folder));
        assertTrue(error.getMessage().contains("expected CORRUPTION.npy"), error.getMessage());
    }

    @Test
    void wrongCountOfLabelsIsRefused() throws IOException {
        cifar(HostArray.of(new int[3], 3));
        CorruptedSetFolder set = CorruptedSetFolder.open(folder);
        UserError error = assertThrows(UserError.class, () -> set.read("zigzag", 1));
        assertTrue(error.getMessage().contains("3 labels"), error.getMessage());
    }

    @Test
    void unknownNamesAreRefusedWithTheNearOne() throws IOException {
        cifar(HostArray.of(new int[10], 10));
        CorruptedSetFolder set = CorruptedSetFolder.open(folder);
        assertTrue(assertThrows(UserError.class, () -> set.read("zigzog", 1))
                .getMessage()
                .contains("did you mean"));
        assertThrows(UserError.class, () -> set.read("zigzag", 6));
    }
}
