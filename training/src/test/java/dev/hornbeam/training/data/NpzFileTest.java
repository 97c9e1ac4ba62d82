package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NpzFileTest {
    private static final byte[] PIXELS = TestImages.bytes(36, 4);

    @TempDir
    private Path folder;

    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("set.npz");
    }

    private DataSet load(Map<String, byte[]> arrays, boolean deflated) throws IOException {
        Files.write(file, TestImages.npz(arrays, deflated));
        return DataSetCatalog.of(null, Map.of()).load(file.toString());
    }

    private String errorFor(Map<String, byte[]> arrays) {
        return assertThrows(UserError.class, () -> load(arrays, true)).getMessage();
    }

    private static byte[] labels(int... labels) {
        ByteBuffer bytes = ByteBuffer.allocate(8 * labels.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int label : labels) {
            bytes.putLong(label);
        }
        return TestImages.npy(TestImages.npyHeader("<i8", labels.length), bytes.array());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readsImagesAndLabelsStoredOrDeflated(boolean deflated) throws IOException {
        DataSet set =
                load(Map.of("images", TestImages.uint8Npy(PIXELS, 3, 2, 2, 3), "labels", labels(2, 0, 1)), deflated);
        assertEquals(3, set.train().size());
        assertEquals(2, set.train().height());
        assertEquals(2, set.train().width());
        assertEquals(3, set.train().channels());
        assertArrayEquals(new int[] {2, 0, 1}, set.train().labels());
        assertEquals(3, set.train().classes());
        assertEquals(PIXELS[12], set.train().image(1)[0]);
        assertFalse(set.hasTest());
        assertTrue(assertThrows(UserError.class, set::test).getMessage().contains("--set data.test="));
        assertEquals(file, set.train().sources().getFirst().path());
    }

    @Test
    void readsTheLayoutOfKeras() throws IOException {
        DataSet set = load(
                Map.of(
                        "x_train", TestImages.uint8Npy(PIXELS, 3, 4, 3),
                        "y_train", TestImages.uint8Npy(new byte[] {1, 1, 0}, 3),
                        "x_test", TestImages.uint8Npy(PIXELS, 3, 4, 3),
                        "y_test", TestImages.npy(TestImages.npyHeader("|u1", 3, 1), new byte[] {0, 0, 1})),
                true);
        assertEquals(1, set.train().channels());
        assertEquals(Split.TEST, set.test().split());
        assertArrayEquals(new int[] {0, 0, 1}, set.test().labels());
        assertEquals(2, set.test().classes());
    }

    @Test
    void testPartMayComeFromAnotherFile() throws IOException {
        Path other = folder.resolve("other.npz");
        Files.write(
                other,
                TestImages.npz(
                        Map.of("images", TestImages.uint8Npy(new byte[24], 2, 2, 2, 3), "labels", labels(1, 1)), true));
        Files.write(
                file,
                TestImages.npz(
                        Map.of(
                                "train_images",
                                TestImages.uint8Npy(PIXELS, 3, 2, 2, 3),
                                "train_labels",
                                labels(0, 1, 2)),
                        true));
        DataSet set = DataSetCatalog.of(null, Map.of()).load(file.toString(), other.toString());
        assertEquals(3, set.train().size());
        assertEquals(2, set.test().size());
        assertEquals(3, set.test().classes());
        assertEquals(other, set.test().sources().getFirst().path());
    }

    @ParameterizedTest
    @ValueSource(strings = {"|i1", "|u1", "<i2", ">i2", "<u2", "<i4", "<u4", "<i8", "<u8", ">u8"})
    void labelsMayBeAnyInteger(String descr) throws IOException {
        int size = descr.charAt(2) - '0';
        ByteBuffer data = ByteBuffer.allocate(3 * size);
        for (long label : new long[] {0, 100, 5}) {
            for (int k = 0; k < size; k++) {
                int shift = 8 * (descr.charAt(0) == '>' ? size - 1 - k : k);
                data.put((byte) (label >> shift));
            }
        }
        byte[] labels = TestImages.npy(TestImages.npyHeader(descr, 3), data.array());
        DataSet set = load(Map.of("images", TestImages.uint8Npy(PIXELS, 3, 4, 3), "labels", labels), false);
        assertArrayEquals(new int[] {0, 100, 5}, set.train().labels());
    }

    @Test
    void labelsMayBeTrueAndFalse() throws IOException {
        byte[] labels = TestImages.npy(TestImages.npyHeader("|b1", 3), new byte[] {1, 0, 1});
        DataSet set = load(Map.of("images", TestImages.uint8Npy(PIXELS, 3, 4, 3), "labels", labels), true);
        assertArrayEquals(new int[] {1, 0, 1}, set.train().labels());
        assertEquals(2, set.train().classes());
    }

    @Test
    void negativeAndHugeLabelsAreRefused() {
        byte[] images = TestImages.uint8Npy(PIXELS, 3, 4, 3);
        assertEquals(
                file
                        + ": array \"labels\": label -1 of image 1 is out of range; expected class numbers 0, 1, 2, … below 100000",
                errorFor(Map.of("images", images, "labels", labels(0, -1, 0))));
        assertEquals(
                file + ": array \"labels\": label 2000000 of image 2 is out of range; expected class numbers 0, 1, 2, …"
                        + " below 100000",
                errorFor(Map.of("images", images, "labels", labels(0, 1, 2_000_000))));
    }

    @Test
    void testLabelsMustBeClassesOfTheTrainingPart() {
        byte[] images = TestImages.uint8Npy(PIXELS, 3, 4, 3);
        assertEquals(
                file + ": array \"test_labels\": label 3 of image 1 is outside 0..2, the classes of the training part",
                errorFor(Map.of(
                        "train_images",
                        images,
                        "train_labels",
                        labels(0, 1, 2),
                        "test_images",
                        images,
                        "test_labels",
                        labels(0, 3, 0))));
    }

    @Test
    void otherArraysAreRefusedByName() {
        byte[] images = TestImages.uint8Npy(PIXELS, 3, 4, 3);
        byte[] threeLabels = labels(0, 1, 2);
        assertEquals(
                file + ": no images found; expected the arrays images and labels, train_images and train_labels, or"
                        + " x_train and y_train. It holds: X, y.",
                errorFor(Map.of("X", images, "y", threeLabels)));
        assertEquals(
                file + ": has the array images but not labels that belongs to it. It holds: images, y.",
                errorFor(Map.of("images", images, "y", threeLabels)));
        assertEquals(
                file + ": array \"labels\": shape (2,); expected (3,), one label for each of the 3 images",
                errorFor(Map.of("images", images, "labels", labels(0, 1))));
        assertEquals(
                file + ": array \"images\": shape (36,); expected (N, height, width) or (N, height, width, channels)",
                errorFor(Map.of("images", TestImages.uint8Npy(PIXELS, 36), "labels", threeLabels)));
        assertEquals(
                file
                        + ": array \"images\": shape (3, 3, 2, 2) has 2 channels; expected 1 or 3 in the last place (N, height,"
                        + " width, channels)",
                errorFor(Map.of("images", TestImages.uint8Npy(PIXELS, 3, 3, 2, 2), "labels", threeLabels)));
        byte[] floats = TestImages.npy(TestImages.npyHeader("<f4", 3, 1, 1), new byte[12]);
        assertEquals(
                file
                        + ": array \"images\": elements are float32; expected uint8 (0..255). Multiply by 255 and convert with"
                        + " .astype('uint8') if they are in 0..1.",
                errorFor(Map.of("images", floats, "labels", threeLabels)));
        assertTrue(errorFor(Map.of(
                        "images", TestImages.npy(TestImages.npyHeader("|b1", 3, 4, 3), PIXELS), "labels", threeLabels))
                .contains("elements are bool; expected uint8"));
        assertEquals(
                file + ": array \"labels\": elements are float32; expected integers, one class number per image",
                errorFor(Map.of(
                        "images", images, "labels", TestImages.npy(TestImages.npyHeader("<f4", 3), new byte[12]))));
    }

    @Test
    void fortranOrderIsRefused() {
        byte[] header = new String(TestImages.npyHeader("|u1", 3, 4, 3), StandardCharsets.ISO_8859_1)
                .replace("False, ", "True,  ")
                .getBytes(StandardCharsets.ISO_8859_1);
        assertEquals(
                file + ": array \"images\": the array is in Fortran order, which is not read; save it with"
                        + " numpy.ascontiguousarray(array)",
                errorFor(Map.of("images", TestImages.npy(header, PIXELS), "labels", labels(0, 1, 2))));
    }

    @Test
    void missingBytesAreNoticedBeforeReading() {
        assertTrue(errorFor(Map.of("images", TestImages.uint8Npy(PIXELS, 3, 4, 4), "labels", labels(0, 1, 2)))
                .contains("takes 48 bytes, but 36 follow the header: it is cut off"));
        assertTrue(errorFor(Map.of("images", TestImages.uint8Npy(PIXELS, 3, 16000, 16000), "labels", labels(0, 1, 2)))
                .contains("takes 768000000 bytes, but 36 follow the header: it is cut off"));
    }

    @Test
    void changedBytesAreNoticedByTheirChecksum() throws IOException {
        byte[] archive = TestImages.npz(
                Map.of("images", TestImages.uint8Npy(PIXELS, 3, 4, 3), "labels", labels(0, 1, 2)), false);
        int at = indexOf(archive, PIXELS);
        archive[at + 20] ^= 1;
        Files.write(file, archive);
        UserError error = assertThrows(
                UserError.class, () -> DataSetCatalog.of(null, Map.of()).load(file.toString()));
        assertEquals(
                file + ": array \"images\": damaged: its CRC-32 does not fit its content; copy or fetch the file again",
                error.getMessage());
    }

    private static int indexOf(byte[] archive, byte[] part) {
        return new String(archive, StandardCharsets.ISO_8859_1).indexOf(new String(part, StandardCharsets.ISO_8859_1));
    }

    @Test
    void whatIsNoArchiveIsRefused() throws IOException {
        Files.write(file, new byte[] {1, 2, 3});
        NpzFile npz = new NpzFile(file);
        UserError error = assertThrows(UserError.class, () -> npz.read(Split.TRAIN, true));
        assertTrue(error.getMessage().startsWith(file + ": not a readable .npz (zip) archive"), error.getMessage());
        Files.write(file, TestImages.npz(Map.of(), true));
        assertEquals(Optional.empty(), npz.read(Split.TRAIN, true));
        assertEquals("It holds no arrays.", npz.contents());
    }
}
