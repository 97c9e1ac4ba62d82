package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NpzTest {
    private static final byte[] PIXELS = "these bytes are easy to find".getBytes(StandardCharsets.US_ASCII);

    @TempDir
    private Path folder;

    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("arrays.npz");
    }

    private byte[] archive(boolean compress) throws IOException {
        Map<String, HostArray> arrays = new LinkedHashMap<>();
        arrays.put("images", HostArray.wrap(PIXELS, 2, 7, 2));
        arrays.put("labels", HostArray.of(new long[] {3, -1}));
        Npz.write(file, arrays, compress);
        return Files.readAllBytes(file);
    }

    private String errorOf(byte[] archive) throws IOException {
        Files.write(file, archive);
        return assertThrows(TensorFileException.class, () -> {
                    try (Npz npz = Npz.open(file)) {
                        npz.read("images");
                        npz.read("labels");
                    }
                })
                .getMessage();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readsWhatItWrites(boolean compress) throws IOException {
        archive(compress);
        try (Npz npz = Npz.open(file)) {
            assertEquals(List.of("images", "labels"), List.copyOf(npz.names()));
            NpyHeader header = npz.header("images");
            assertEquals(List.of(2L, 7L, 2L), header.shape());
            assertEquals(DType.U8, header.dtype());
            HostArray images = npz.read("images");
            assertArrayEquals(new long[] {2, 7, 2}, images.shape());
            assertArrayEquals(PIXELS, images.toBytes());
            assertArrayEquals(new long[] {3, -1}, npz.read("labels").toLongs());
            assertThrows(IllegalArgumentException.class, () -> npz.read("other"));
            assertThrows(IllegalArgumentException.class, () -> npz.header("other"));
        }
    }

    @Test
    void equalArraysGiveEqualFiles() throws IOException {
        assertArrayEquals(archive(true), archive(true));
    }

    /** Level 0 of deflate keeps the bytes as they are, so one of them can be changed in place. */
    @Test
    void changedBytesAreNoticedByTheirChecksum() throws IOException {
        byte[] bytes = archive(false);
        bytes[indexOf(bytes, PIXELS) + 3] ^= 1;
        assertEquals(
                file + ": array \"images\": damaged: its CRC-32 does not fit its content; copy or fetch the file again",
                errorOf(bytes));
    }

    /** The sizes of an entry stand in the archive's directory; they must fit each other, the file and the header. */
    @Test
    void impossibleSizesAreRefusedBeforeMemoryIsTaken() throws IOException {
        byte[] bytes = archive(true);
        int directory = indexOf(bytes, new byte[] {'P', 'K', 1, 2});
        int compressedSizeAt = directory + 20;
        int sizeAt = directory + 24;
        byte[] huge = bytes.clone();
        ByteBuffer.wrap(huge).order(ByteOrder.LITTLE_ENDIAN).putInt(sizeAt, Integer.MAX_VALUE);
        assertEquals(file + ": array \"images\": the archive gives an impossible size", errorOf(huge));
        byte[] longer = bytes.clone();
        longer[sizeAt]++;
        assertTrue(
                errorOf(longer).endsWith("takes 28 bytes, but 29 follow the header: it is too long"), errorOf(longer));
        byte[] both = huge.clone();
        ByteBuffer.wrap(both).order(ByteOrder.LITTLE_ENDIAN).putInt(compressedSizeAt, Integer.MAX_VALUE);
        assertTrue(errorOf(both).startsWith(file + ": "), errorOf(both));
    }

    @Test
    void whatIsNoArchiveIsRefused() throws IOException {
        assertTrue(errorOf(new byte[] {1, 2, 3}).startsWith(file + ": not a readable .npz (zip) archive: "));
        byte[] bytes = archive(true);
        assertTrue(errorOf(Arrays.copyOf(bytes, bytes.length - 30))
                .startsWith(file + ": not a readable .npz (zip) archive: "));
        // The compressed data itself: an impossible kind of block.
        byte[] damaged = bytes.clone();
        int extra = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getShort(28);
        int firstData = 30 + "images.npy".length() + extra;
        damaged[firstData] |= 7;
        assertTrue(errorOf(damaged).startsWith(file + ": array \"images\": damaged: "), errorOf(damaged));
    }

    private static int indexOf(byte[] archive, byte[] part) {
        return new String(archive, StandardCharsets.ISO_8859_1).indexOf(new String(part, StandardCharsets.ISO_8859_1));
    }
}
