package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class IdxFileTest {
    @TempDir
    private Path folder;

    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("images");
    }

    private String errorFor(byte[] content, int dimensions) throws IOException {
        Files.write(file, content);
        return assertThrows(UserError.class, () -> IdxFile.read(file, dimensions))
                .getMessage();
    }

    @Test
    void readsPlainAndPackedFiles() throws IOException {
        byte[] data = TestImages.bytes(60, 3);
        byte[] content = TestImages.idx(data, 5, 3, 4);
        for (byte[] stored : new byte[][] {content, TestImages.gzip(content)}) {
            Files.write(file, stored);
            IdxFile idx = IdxFile.read(file, 3);
            assertEquals(5, idx.dimension(0));
            assertEquals(3, idx.dimension(1));
            assertEquals(4, idx.dimension(2));
            assertArrayEquals(data, idx.data());
        }
    }

    @Test
    void checksumIsThatOfTheDecompressedContent() throws IOException {
        // printf '\0\0\10\1\0\0\0\2\3\4' | sha256sum
        Files.write(file, TestImages.gzip(TestImages.idx(new byte[] {3, 4}, 2)));
        assertEquals(
                "3b6ad0250cb381d2971786334ca4087c0751f338faf51339d5b61f81f9f2f93d",
                IdxFile.read(file, 1).sha256());
    }

    @Test
    void missingFileIsNamed() {
        UserError error = assertThrows(UserError.class, () -> IdxFile.read(file, 1));
        assertEquals(file + ": no such file", error.getMessage());
    }

    @Test
    void truncatedPlainFileSaysExpectedAndFoundBytes() throws IOException {
        byte[] content = TestImages.idx(new byte[60], 5, 3, 4);
        assertEquals(
                file + ": truncated: expected 76 bytes (5x3x4 pixels), found 50. Fetch the file again.",
                errorFor(Arrays.copyOf(content, 50), 3));
        assertEquals(
                file + ": truncated: expected 16 bytes (header), found 9. Fetch the file again.",
                errorFor(Arrays.copyOf(content, 9), 3));
    }

    @Test
    void truncatedPackedFileSaysSo() throws IOException {
        byte[] whole = TestImages.gzip(TestImages.idx(TestImages.bytes(6000, 1), 10, 20, 30));
        assertEquals(
                file + ": truncated: the gzip data breaks off after ",
                errorFor(Arrays.copyOf(whole, whole.length / 2), 3).replaceFirst("after \\d.*", "after "));
        assertEquals(
                file + ": truncated: expected 6016 bytes (10x20x30 pixels), found 516. Fetch the file again.",
                errorFor(TestImages.gzip(TestImages.idx(new byte[500], 10, 20, 30)), 3));
    }

    @Test
    void tooLongFileSaysExpectedAndFoundBytes() throws IOException {
        assertEquals(
                file + ": too long: expected 12 bytes (4 labels after a header of 8), found 15. Fetch the file again.",
                errorFor(TestImages.idx(new byte[7], 4), 1));
    }

    @Test
    void otherFormatsAreRefused() throws IOException {
        assertEquals(
                file + ": not an IDX file: expected the bytes 00 00 08 03 at its start, found 50 4b 03 04",
                errorFor(new byte[] {0x50, 0x4b, 3, 4, 0, 0}, 3));
        assertEquals(
                file + ": not an IDX file: expected the bytes 00 00 08 01 at its start, found nothing",
                errorFor(new byte[0], 1));
        assertEquals(
                file + ": expected IDX elements of type 0x08 (unsigned byte), found 0x0d",
                errorFor(new byte[] {0, 0, 13, 1, 0, 0, 0, 0}, 1));
        assertEquals(
                file + ": expected an IDX array of 3 dimensions (images: count, height, width), found 1",
                errorFor(TestImages.idx(new byte[2], 2), 3));
    }

    @Test
    void claimsOfHugeArraysTakeNoMemory() throws IOException {
        assertEquals(
                file
                        + ": truncated: expected 1000000016 bytes (1000x1000x1000 pixels), found 26. Fetch the file again.",
                errorFor(TestImages.gzip(TestImages.idx(new byte[10], 1000, 1000, 1000)), 3));
        String message = errorFor(TestImages.idx(new byte[10], -1, -1, 0x7fffffff), 3);
        assertEquals(
                file + ": the header says 4294967295x4294967295x2147483647 pixels, which is more than the 2 GiB that an"
                        + " IDX file may hold here. It is probably damaged.",
                message);
    }
}
