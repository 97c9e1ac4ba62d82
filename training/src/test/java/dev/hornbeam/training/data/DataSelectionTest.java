package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parts, validation images, few shots, sizes and targets of one data set. */
final class DataSelectionTest {
    private static final int COUNT = 60;
    private static final int CLASSES = 3;

    @TempDir
    private Path folder;

    private String name;

    @BeforeEach
    void writeSet() throws IOException {
        byte[] labels = new byte[COUNT];
        for (int i = 0; i < COUNT; i++) {
            labels[i] = (byte) (i % CLASSES);
        }
        Map<String, byte[]> arrays = new LinkedHashMap<>();
        arrays.put("train_images", TestImages.uint8Npy(TestImages.bytes(COUNT * 16, 1), COUNT, 4, 4));
        arrays.put("train_labels", TestImages.uint8Npy(labels, COUNT));
        arrays.put("test_images", TestImages.uint8Npy(TestImages.bytes(6 * 16, 2), 6, 4, 4));
        arrays.put("test_labels", TestImages.uint8Npy(new byte[] {0, 1, 2, 0, 1, 2}, 6));
        name = Files.write(folder.resolve("set.npz"), TestImages.npz(arrays, true))
                .toString();
    }

    private DataSelection.Parts load(
            double testFraction, HoldOut validation, int fewShot, int size, Optional<Path> targets) {
        return new DataSelection(
                        name,
                        Optional.empty(),
                        "train",
                        "test",
                        testFraction,
                        validation,
                        fewShot,
                        5,
                        0,
                        4,
                        size,
                        Optional.empty(),
                        targets,
                        Optional.empty())
                .load(DataSetCatalog.of(null, Map.of()));
    }

    private static int[] originals(ImageSet set) {
        return IntStream.range(0, set.size()).map(set::originalIndex).toArray();
    }

    private static int[] perClass(ImageSet set) {
        int[] counts = new int[CLASSES];
        Arrays.stream(set.labels()).forEach(label -> counts[label]++);
        return counts;
    }

    @Test
    void partsAreDisjointAndKeepTheirIndices() {
        DataSelection.Parts parts = load(.2, new HoldOut.Fraction(.25, true), 0, 0, Optional.empty());
        assertArrayEquals(new int[] {12, 12, 12}, perClass(parts.train()));
        assertArrayEquals(new int[] {4, 4, 4}, perClass(parts.validation().orElseThrow()));
        assertEquals(4, parts.test().size());
        TreeSet<Integer> all = new TreeSet<>();
        for (ImageSet set : new ImageSet[] {parts.train(), parts.validation().orElseThrow(), parts.test()}) {
            for (int i = 0; i < set.size(); i++) {
                assertTrue(all.add(set.originalIndex(i)));
                assertEquals(set.originalIndex(i) % CLASSES, set.label(i));
            }
        }
        // The same draws again, whatever else is asked for.
        assertArrayEquals(
                originals(parts.validation().orElseThrow()),
                originals(load(.2, new HoldOut.Fraction(.25, true), 1, 8, Optional.empty())
                        .validation()
                        .orElseThrow()));
    }

    @Test
    void withoutStrataTheShareIsOfAll() {
        DataSelection.Parts parts = load(0, new HoldOut.Fraction(.1, false), 0, 0, Optional.empty());
        assertEquals(6, parts.validation().orElseThrow().size());
        assertEquals(54, parts.train().size());
        assertEquals(Split.VALIDATION, parts.validation().orElseThrow().split());
        UserError none =
                assertThrows(UserError.class, () -> load(0, new HoldOut.Fraction(.001, true), 0, 0, Optional.empty()));
        assertTrue(none.getMessage().contains("leaves none to validate with"), none.getMessage());
        UserError part =
                assertThrows(UserError.class, () -> load(0, new HoldOut.Part("validation"), 0, 0, Optional.empty()));
        assertEquals(name + ": has no part 'validation'; it has train, test", part.getMessage());
    }

    @Test
    void fewShotsAreOfEveryClass() {
        ImageSet few = load(0, new HoldOut.None(), 7, 0, Optional.empty()).train();
        assertArrayEquals(new int[] {7, 7, 7}, perClass(few));
        assertArrayEquals(Arrays.stream(originals(few)).sorted().toArray(), originals(few));
    }

    @Test
    void imagesAreBroughtToTheSizeAskedFor() {
        DataSelection.Parts parts = load(0, new HoldOut.None(), 0, 9, Optional.empty());
        assertEquals(81, parts.train().image(0).length);
        assertEquals(9, parts.test().width());
    }

    @Test
    void targetsAreByPublishedOrder() throws IOException {
        StringBuilder csv = new StringBuilder("age,height\n");
        for (int i = 0; i < COUNT; i++) {
            csv.append(i).append(',').append(-i / 2.0).append('\n');
        }
        Path file = Files.writeString(folder.resolve("targets.csv"), csv);
        ImageSet train =
                load(0, new HoldOut.Fraction(.5, true), 0, 0, Optional.of(file)).train();
        Targets targets = train.targets().orElseThrow();
        for (int i = 0; i < train.size(); i++) {
            int original = train.originalIndex(i);
            assertArrayEquals(new float[] {original, -original / 2f}, targets.row(original));
        }
        Files.writeString(file, "1\n2\n");
        UserError few = assertThrows(UserError.class, () -> load(0, new HoldOut.None(), 0, 0, Optional.of(file)));
        assertEquals(file + ": has targets of 2 images, but there are 60", few.getMessage());
        Files.writeString(file, "1\nx\n");
        assertEquals(
                file + ": line 2: \"x\" is not a number",
                assertThrows(UserError.class, () -> load(0, new HoldOut.None(), 0, 0, Optional.of(file)))
                        .getMessage());
    }

    @Test
    void sheetShowsEveryClass() throws IOException {
        ImageSet set = load(0, new HoldOut.None(), 0, 0, Optional.empty()).train();
        Path file = folder.resolve("sheet.png");
        assertEquals(3, new ClassSheet(0, 5, 32, 1).write(set, file));
        var sheet = ImageIO.read(file.toFile());
        assertEquals(180 + 5 * 36 + 4, sheet.getWidth());
        assertEquals(3 * 36 + 4, sheet.getHeight());
        // The first image of class 0 in the sheet is one of that class, enlarged eight times.
        int corner = sheet.getRGB(184, 4) & 0xff;
        assertEquals(corner, sheet.getRGB(191, 11) & 0xff);
        assertTrue(IntStream.range(0, set.size())
                .filter(i -> set.label(i) == 0)
                .anyMatch(i -> (set.image(i)[0] & 0xff) == corner));
    }
}
