package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Preprocessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that are decoded when they are asked for, of differing sizes. */
final class ImagesOnDemandTest {
    private static final int[][] SIZES = {{9, 6}, {4, 4}, {5, 12}, {4, 7}};

    @TempDir
    private Path folder;

    private ImageSet set;

    @BeforeEach
    void makeSet() throws IOException {
        for (int i = 0; i < SIZES.length; i++) {
            Files.write(folder.resolve(i + ".png"), png(i));
        }
        ImageFolderSource source = new ImageFolderSource(folder, List.of("0.png", "1.png", "2.png", "3.png"));
        set = ImageSet.onDemand(
                "photos",
                Split.TRAIN,
                source,
                Preprocessing.of(4, 4, 3),
                new int[] {0, 1, 0, 1},
                List.of("cat", "dog"),
                List.of());
    }

    private static byte[] png(int i) {
        return TestImages.png(pixels(i), SIZES[i][0], SIZES[i][1], 3);
    }

    private static byte[] pixels(int i) {
        return TestImages.bytes(SIZES[i][0] * SIZES[i][1] * 3, i);
    }

    @Test
    void originalsHaveTheirOwnSizeAndCopiesTheSets() {
        for (int i = 0; i < SIZES.length; i++) {
            PixelImage original = set.original(i);
            assertEquals(SIZES[i][0] + "x" + SIZES[i][1] + "x3", original.toString());
            assertArrayEquals(pixels(i), original.pixels());
            byte[] expected = Preprocessing.of(4, 4, 3).apply(original).pixels();
            assertArrayEquals(expected, set.image(i));
        }
        // 4x4 is the size wanted, so these are the pixels of the file.
        assertArrayEquals(pixels(1), set.image(1));
        assertTrue(set.isOnDemand());
    }

    @Test
    void subsetsKeepIndicesAndPixels() {
        ImageSet some = set.subset(3, 1).withLabels(new int[] {0, 0});
        assertEquals(3, some.originalIndex(0));
        assertArrayEquals(new int[] {0, 0}, some.labels());
        assertArrayEquals(new int[] {1, 1}, some.trueLabels());
        assertArrayEquals(set.image(3), some.image(0));
        assertEquals(folder.resolve("3.png").toString(), some.describe(0));
    }

    @Test
    void loaderDeliversThemWhateverTheThreads() {
        Preparation preparation = Augmentation.of(Normalization.of(set), 1, true, 7);
        float[][] images = new float[2][];
        for (int workers = 0; workers < 2; workers++) {
            try (BatchLoader loader = BatchLoader.of(set, preparation)
                    .batchSize(4)
                    .workers(3 * workers)
                    .open()) {
                Batch batch = loader.next();
                assertEquals(4, batch.height());
                images[workers] = batch.images().clone();
            }
        }
        assertArrayEquals(images[0], images[1]);
    }

    @Test
    void fittedToAnotherSize() {
        ImageSet larger = set.fitted(Preprocessing.of(8, 8, 1));
        assertEquals(64, larger.image(0).length);
        assertArrayEquals(Preprocessing.of(8, 8, 1).apply(set.original(2)).pixels(), larger.image(2));

        ImageSet held = TestImages.random(3, 4, 4, 3, 2, 5);
        ImageSet grown = held.subset(2, 0).fitted(Preprocessing.of(6, 6, 3));
        assertArrayEquals(held.image(2), grown.original(0).pixels());
        assertEquals(2, grown.originalIndex(0));
        assertEquals(6 * 6 * 3, grown.imageLength());
    }

    @Test
    void checksumKnowsFilesAndPreprocessing() throws IOException {
        String before = set.checksum();
        assertEquals(before, set.subset(0, 1, 2, 3).checksum());
        assertNotEquals(before, set.subset(1, 0, 2, 3).checksum());
        assertNotEquals(before, set.fitted(Preprocessing.of(8, 8, 3)).checksum());
        Files.write(folder.resolve("1.png"), png(2));
        assertNotEquals(before, set.subset(0, 1, 2, 3).checksum());
    }

    @Test
    void damagedImageIsNamed() throws IOException {
        Files.write(folder.resolve("2.png"), new byte[] {1, 2, 3});
        UserError error = assertThrows(UserError.class, () -> set.image(2));
        assertTrue(error.getMessage().contains("2.png"), error.getMessage());
        try (BatchLoader loader =
                BatchLoader.of(set, Augmentation.none(Normalization.none(3))).open()) {
            assertThrows(UserError.class, loader::next);
        }
    }

    @Test
    void targetsFollowTheirImages() {
        Targets targets = Targets.of(List.of("x", "y"), new float[] {0, 1, 10, 11, 20, 21, 30, 31});
        ImageSet regression = set.withTargets(targets);
        assertFalse(set.targets().isPresent());
        try (BatchLoader loader = BatchLoader.of(regression.subset(2, 0), Augmentation.none(Normalization.none(3)))
                .open()) {
            assertArrayEquals(new float[] {20, 21, 0, 1}, loader.next().targets());
        }
        assertNotEquals(set.checksum(), regression.checksum());
        UserError few = assertThrows(UserError.class, () -> set.withTargets(Targets.of(2, new float[6])));
        assertTrue(few.getMessage().contains("none of image 3"), few.getMessage());
        UserError nan = assertThrows(UserError.class, () -> Targets.of(2, new float[] {0, 1, 2, Float.NaN}));
        assertEquals("regression target 1 of image 1 is NaN; expected a finite number", nan.getMessage());
    }
}
