package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.Preprocessing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every format of published data sets, on files as the publisher lays them out. */
final class PublishedFormatsTest {
    @TempDir
    private Path folder;

    private DataSet load(String name, String below, Map<String, byte[]> files) {
        Path place = folder.resolve(below);
        PublishedFiles.write(place, files);
        DataSetCatalog catalog = DataSetCatalog.of(folder, Map.of());
        assertEquals(place, catalog.find(name).orElseThrow());
        DataSet set = catalog.load(name);
        // The same folder without the name, but for sets that are told by it.
        DataSet unnamed = DataSetCatalog.of(null, Map.of()).load(place.toString());
        assertEquals(set.train().size(), unnamed.train().size());
        return set;
    }

    // Channel after channel, row by row, to channels side by side.
    private static byte[] interleaved(byte[] planes, int side, boolean columns) {
        byte[] pixels = new byte[planes.length];
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                for (int c = 0; c < 3; c++) {
                    int at = columns ? (c * side + x) * side + y : (c * side + y) * side + x;
                    pixels[(y * side + x) * 3 + c] = planes[at];
                }
            }
        }
        return pixels;
    }

    private static void checkCifar10(DataSet set) {
        assertEquals(List.of("train", "test"), set.parts());
        assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, set.train().labels());
        assertArrayEquals(new int[] {0, 1}, set.test().labels());
        assertEquals("truck", set.train().classNames().get(9));
        for (int i = 0; i < 10; i++) {
            assertArrayEquals(
                    interleaved(TestImages.bytes(3072, i), 32, false),
                    set.train().image(i));
        }
        assertArrayEquals(
                interleaved(TestImages.bytes(3072, 11), 32, false), set.test().image(1));
    }

    @Test
    void cifar10Binary() {
        checkCifar10(load("cifar-10", "cifar-10-batches-bin", PublishedFiles.cifar10Binary()));
    }

    @Test
    void cifar10Python() {
        checkCifar10(load("cifar-10", "cifar-10-batches-py", PublishedFiles.cifar10Python()));
    }

    private void checkCifar100(String below, Map<String, byte[]> files) {
        DataSet set = load("cifar-100", below, files);
        assertArrayEquals(new int[] {30, 40}, set.train().labels());
        assertArrayEquals(new int[] {50}, set.test().labels());
        assertEquals("fine99", set.train().classNames().get(99));
        assertArrayEquals(
                interleaved(TestImages.bytes(3072, 1), 32, false), set.train().image(1));
        DataSet coarse = DataSetCatalog.of(folder, Map.of()).load("cifar-100-coarse");
        assertArrayEquals(new int[] {3, 4}, coarse.train().labels());
        assertEquals("coarse19", coarse.test().classNames().get(19));
    }

    @Test
    void cifar100Binary() {
        checkCifar100("cifar-100-binary", PublishedFiles.cifar100Binary());
    }

    @Test
    void cifar100Python() {
        checkCifar100("cifar-100-python", PublishedFiles.cifar100Python());
    }

    @Test
    void svhn() {
        for (boolean compressed : new boolean[] {true, false}) {
            DataSet set = load("svhn", "svhn", PublishedFiles.svhn(compressed));
            assertEquals(List.of("train", "extra", "test"), set.parts());
            assertArrayEquals(new int[] {1, 0, 5}, set.train().labels());
            byte[] all = TestImages.bytes(3 * 3072, 3);
            for (int i = 0; i < 3; i++) {
                assertArrayEquals(
                        interleaved(Arrays.copyOfRange(all, i * 3072, (i + 1) * 3072), 32, true),
                        set.train().image(i));
            }
            ImageSet both = set.part("train+extra");
            assertArrayEquals(new int[] {1, 0, 5, 0, 9}, both.labels());
            assertEquals(4, both.originalIndex(4));
            assertArrayEquals(set.part("extra").image(1), both.image(4));
        }
    }

    @Test
    void stl10() {
        DataSet set = load("stl-10", "stl10_binary", PublishedFiles.stl10());
        assertEquals(List.of("train", "fold-0", "fold-1", "test"), set.parts());
        assertArrayEquals(new int[] {0, 9}, set.train().labels());
        assertArrayEquals(new int[] {9}, set.part("fold-0").labels());
        assertEquals(1, set.part("fold-0").originalIndex(0));
        assertArrayEquals(
                interleaved(TestImages.bytes(PublishedFiles.STL_PIXELS, 2), 96, true),
                set.test().image(0));
        assertEquals("name9", set.test().classNames().get(9));
    }

    // Photographs are told apart by their files.
    private static List<String> files(ImageSet set) {
        return java.util.stream.IntStream.range(0, set.size())
                .mapToObj(i -> Path.of(set.describe(i)).getFileName().toString())
                .toList();
    }

    @Test
    void tinyImageNet() {
        DataSet set = load("tiny-imagenet", "tiny-imagenet-200", PublishedFiles.tinyImageNet());
        assertEquals(List.of("tench", "goldfish"), set.train().classNames());
        assertArrayEquals(new int[] {0, 1, 1}, set.train().labels());
        assertEquals(List.of("n01_0.JPEG", "n02_0.JPEG", "n02_1.JPEG"), files(set.train()));
        assertArrayEquals(new int[] {1, 0}, set.test().labels());
        assertEquals(64 * 64 * 3, set.test().image(0).length);
    }

    @Test
    void imageNet() {
        DataSet set = load("imagenet", "imagenet", PublishedFiles.imageNet());
        assertEquals(List.of("tench", "crane", "crane (n03000000)"), set.train().classNames());
        assertEquals(List.of("a.JPEG", "b.JPEG", "c.JPEG", "d.JPEG"), files(set.train()));
        assertArrayEquals(new int[] {0, 0, 1, 2}, set.train().labels());
        assertArrayEquals(new int[] {1}, set.test().labels());
        assertEquals(Preprocessing.imageNet(), set.train().preprocessing().orElseThrow());
        assertEquals(6, set.train().original(0).height());
    }

    @Test
    void imageNet30WithItsLists() {
        DataSet set = load("imagenet-30", "imagenet-30", PublishedFiles.imageNet30());
        assertEquals(List.of("train", "distribution-0", "validation", "test"), set.parts());
        assertEquals(List.of("acorn", "airliner"), set.train().classNames());
        assertEquals(List.of("1.JPEG"), files(set.part("distribution-0")));
        assertEquals(List.of("2.JPEG", "0.JPEG"), files(set.part("validation")));
        assertArrayEquals(new int[] {1, 0}, set.part("validation").labels());
        assertEquals(List.of("3.JPEG", "4.JPEG"), files(set.test()));
    }

    @Test
    void caltech256() {
        DataSet set = load("caltech-256", "caltech-256", PublishedFiles.caltech256());
        assertEquals(List.of("train"), set.parts());
        assertArrayEquals(new int[] {0, 1, 1}, set.train().labels());
        UserError error = assertThrows(UserError.class, set::test);
        assertTrue(error.getMessage().contains("data.test_fraction"), error.getMessage());
    }

    @Test
    void aircraft() {
        DataSet set = load("fgvc-aircraft", "fgvc-aircraft", PublishedFiles.aircraft());
        assertEquals(List.of("train", "validation", "test"), set.parts());
        assertEquals(List.of("0000001.jpg", "0000002.jpg"), files(set.train()));
        assertArrayEquals(new int[] {1, 0, 0}, set.part("train+validation").labels());
        assertEquals(List.of("707-320", "Cessna 172"), set.test().classNames());
    }

    @Test
    void birds() {
        DataSet set = load("cub-200-2011", "CUB_200_2011", PublishedFiles.birds());
        assertEquals(List.of("b.jpg", "c.jpg"), files(set.train()));
        assertArrayEquals(new int[] {0, 1}, set.train().labels());
        assertEquals(List.of("a.jpg"), files(set.test()));
        assertEquals(
                List.of("Black_footed_Albatross", "Laysan_Albatross"),
                set.test().classNames());
    }

    @Test
    void cars() {
        DataSet set = load("stanford-cars", "stanford-cars", PublishedFiles.cars(true));
        assertEquals(List.of("AM General Hummer", "Acura RL"), set.train().classNames());
        assertArrayEquals(new int[] {1, 0}, set.train().labels());
        assertEquals(List.of("00001.jpg", "00002.jpg"), files(set.train()));
        assertArrayEquals(new int[] {0}, set.test().labels());
    }

    @Test
    void dogs() {
        DataSet set = load("stanford-dogs", "stanford-dogs", PublishedFiles.dogs(true));
        assertEquals(List.of("Chihuahua", "Japanese spaniel"), set.train().classNames());
        assertArrayEquals(new int[] {0, 1}, set.train().labels());
        assertEquals(List.of("c.jpg"), files(set.test()));
    }

    @Test
    void flowers() {
        DataSet set = load("flowers-102", "flowers-102", PublishedFiles.flowers(true));
        assertEquals(List.of("image_00003.jpg", "image_00002.jpg"), files(set.train()));
        assertArrayEquals(new int[] {1, 0}, set.train().labels());
        assertArrayEquals(new int[] {1}, set.part("validation").labels());
        assertEquals(List.of("1", "2"), set.test().classNames());
    }

    @Test
    void indoor() {
        DataSet set = load("mit-indoor-67", "mit-indoor-67", PublishedFiles.indoor());
        assertEquals(List.of("bar", "kitchen"), set.train().classNames());
        assertArrayEquals(new int[] {1, 0}, set.train().labels());
        assertArrayEquals(new int[] {1}, set.test().labels());
    }

    @Test
    void foldersOfClasses() throws IOException {
        PublishedFiles.write(folder, PublishedFiles.classFolders());
        DataSet set = DataSetCatalog.of(null, Map.of()).load(folder.toString());
        assertEquals(List.of("train", "validation", "test"), set.parts());
        assertArrayEquals(new int[] {0, 1}, set.train().labels());
        assertEquals(List.of("4.png", "5.png"), files(set.test()));
        assertArrayEquals(new int[] {1, 1}, set.test().labels());

        DataSet bare =
                DataSetCatalog.of(null, Map.of()).load(folder.resolve("train").toString());
        assertEquals(List.of("train"), bare.parts());
        assertEquals(2, bare.train().size());

        Path stranger = folder.resolve("test/c");
        Files.createDirectory(stranger);
        UserError error = assertThrows(
                UserError.class,
                () -> DataSetCatalog.of(null, Map.of()).load(folder.toString()).test());
        assertEquals(stranger + ": is no class of the training part, which has 2 folders, a to b", error.getMessage());
    }

    @Test
    void csvWithTargets() {
        PublishedFiles.write(folder, PublishedFiles.csv());
        DataSet set = DataSetCatalog.of(null, Map.of())
                .load(folder.resolve("list.csv").toString());
        assertEquals(List.of("cat", "dog"), set.train().classNames());
        assertArrayEquals(new int[] {1, 0}, set.train().labels());
        Targets targets = set.train().targets().orElseThrow();
        assertEquals(List.of("target_x", "target_y"), targets.names());
        assertArrayEquals(new float[] {-3, 1e-3f}, targets.row(1));
        assertEquals(1, set.test().size());
        assertEquals("two, or 2.png", files(set.train()).get(1));
    }

    @Test
    void listsCannotLeaveTheirFolder() {
        Map<String, byte[]> files = PublishedFiles.indoor();
        files.put("TestImages.txt", PublishedFiles.text("kitchen/../../secret.jpg"));
        PublishedFiles.write(folder.resolve("mit-indoor-67"), files);
        UserError error = assertThrows(
                UserError.class,
                () -> DataSetCatalog.of(folder, Map.of()).load("mit-indoor-67").test());
        assertTrue(error.getMessage().contains("expected a path below"), error.getMessage());
    }

    @Test
    void unknownPartsAreHelped() {
        DataSet set = load("svhn", "svhn", PublishedFiles.svhn(true));
        assertEquals(
                "svhn: has no part 'extr'; it has train, extra, test; did you mean extra?",
                assertThrows(UserError.class, () -> set.part("train+extr")).getMessage());
    }

    @Test
    void infiniteTargetsNameTheirFile() throws IOException {
        Map<String, byte[]> files = PublishedFiles.csv();
        files.put("list.csv", PublishedFiles.text("path,target", "one.png,Infinity"));
        PublishedFiles.write(folder, files);
        Path list = folder.resolve("list.csv");
        DataSet set = DataSetCatalog.of(null, Map.of()).load(list.toString());
        assertEquals(
                list + ": regression target target of image 0 is Infinity; expected a finite number",
                assertThrows(UserError.class, () -> set.part(DataSet.TRAIN)).getMessage());
    }

    @Test
    void pathsLongerThanAnySystemTakesAreRefused() throws IOException {
        Map<String, byte[]> files = PublishedFiles.imageNet30();
        files.put(
                "imagenet30_filelist/imagenet30_val.txt",
                PublishedFiles.text("../".repeat(3000) + "one_class_train/acorn/0.JPEG 0"));
        PublishedFiles.write(folder, files);
        DataSet set = DataSetCatalog.of(null, Map.of()).load(folder.toString());
        String message = assertThrows(UserError.class, () -> set.part(DataSet.VALIDATION))
                .getMessage();
        assertTrue(message.startsWith(folder.resolve("imagenet30_filelist/imagenet30_val.txt") + ": \"../"), message);
        assertTrue(message.endsWith("...\" is too long for the name of a file"), message);
    }

    // The library would take the memory before it looks whether there are as many bytes.
    @Test
    void elementsThatClaimTooMuchAreRefused() throws IOException {
        Path file = folder.resolve("labels.mat");
        for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
            for (boolean compressed : List.of(false, true)) {
                byte[] labels = PublishedFiles.flowers(compressed, order).get("imagelabels.mat");
                Files.write(file, labels);
                assertArrayEquals(new int[] {2, 1, 2, 1}, MatFile.read(file).integers("labels"));
                // Behind the header of 128 bytes and the tag of the matrix is that of its flags.
                int at = compressed ? 128 + 4 : 128 + 8 + 4;
                Files.write(
                        file,
                        ByteBuffer.wrap(labels).order(order).putInt(at, 1 << 29).array());
                String message =
                        assertThrows(UserError.class, () -> MatFile.read(file)).getMessage();
                assertTrue(
                        message.startsWith(file + ": damaged, or no MATLAB file of version 5: the element at byte "),
                        message);
                assertTrue(message.contains(" claims 536870912 bytes, but "), message);
            }
        }
    }
}
