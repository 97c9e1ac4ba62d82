package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that numpy wrote (src/test/resources/numpy), files that Hornbeam writes, and damaged ones. */
class NpyTest {
    private static final Path NUMPY = Path.of("src", "test", "resources", "numpy");
    private static final float[] SIX = {0, 1, 2, 3, 4, 5};

    @TempDir
    private Path folder;

    @Test
    void numpysTypesAreRead() throws IOException {
        Map<String, DType> types =
                Map.of("f4", DType.F32, "f8", DType.F64, "i4", DType.I32, "i8", DType.I64, "u1", DType.U8);
        for (var type : types.entrySet()) {
            HostArray array = Npy.read(NUMPY.resolve(type.getKey() + ".npy"));
            assertEquals(type.getValue(), array.dtype());
            assertArrayEquals(new long[] {2, 3}, array.shape());
            assertArrayEquals(SIX, array.toFloats());
            assertArrayEquals(new long[] {0, 1, 2, 3, 4, 5}, array.toLongs());
            try (Tensor tensor = array.toTensor()) {
                assertEquals(type.getValue(), tensor.dtype());
                assertArrayEquals(SIX, tensor.toFloats());
            }
        }
        for (String converted : new String[] {"half", "big_endian"}) {
            HostArray array = Npy.read(NUMPY.resolve(converted + ".npy"));
            assertEquals(DType.F32, array.dtype());
            assertArrayEquals(SIX, array.toFloats());
        }
        HostArray bool = Npy.read(NUMPY.resolve("b1.npy"));
        assertEquals(DType.U8, bool.dtype());
        assertArrayEquals(new byte[] {0, 1, 0, 1, 0, 1}, bool.toBytes());
    }

    @Test
    void numpysShapesAndVersionsAreRead() throws IOException {
        HostArray scalar = Npy.read(NUMPY.resolve("scalar.npy"));
        assertEquals(0, scalar.rank());
        assertArrayEquals(new float[] {2.5f}, scalar.toFloats());
        assertArrayEquals(new long[] {5}, Npy.read(NUMPY.resolve("vector.npy")).shape());
        HostArray empty = Npy.read(NUMPY.resolve("empty.npy"));
        assertArrayEquals(new long[] {0, 3}, empty.shape());
        assertEquals(0, empty.elements());
        for (String version : new String[] {"version2", "version3"}) {
            assertArrayEquals(SIX, Npy.read(NUMPY.resolve(version + ".npy")).toFloats());
        }
    }

    @Test
    void whatIsNotReadIsNamed() {
        refused("fortran", "Fortran");
        refused("object", "|O");
        refused("record", "record.npy");
        assertThrows(NoSuchFileException.class, () -> Npy.read(folder.resolve("none.npy")));
    }

    private static void refused(String file, String word) {
        var error = assertThrows(TensorFileException.class, () -> Npy.read(NUMPY.resolve(file + ".npy")));
        assertTrue(
                error.getMessage().contains(file + ".npy") && error.getMessage().contains(word), error.getMessage());
    }

    @Test
    void writtenFilesAreNumpysToTheByte() throws IOException {
        HostArray[] arrays = {
            HostArray.of(SIX, 2, 3),
            HostArray.of(new double[] {0, 1, 2, 3, 4, 5}, 2, 3),
            HostArray.of(new int[] {0, 1, 2, 3, 4, 5}, 2, 3),
            HostArray.of(new long[] {0, 1, 2, 3, 4, 5}, 2, 3),
            HostArray.of(new byte[] {0, 1, 2, 3, 4, 5}, 2, 3)
        };
        String[] names = {"f4", "f8", "i4", "i8", "u1"};
        Path target = folder.resolve("x.npy");
        for (int i = 0; i < arrays.length; i++) {
            Npy.write(target, arrays[i]);
            assertArrayEquals(
                    Files.readAllBytes(NUMPY.resolve(names[i] + ".npy")), Files.readAllBytes(target), names[i]);
        }
        Npy.write(target, HostArray.of(new long[] {0, 1, 2, 3, 4}));
        assertArrayEquals(Files.readAllBytes(NUMPY.resolve("vector.npy")), Files.readAllBytes(target));
        try (var _ = TensorScope.open()) {
            Npy.write(target, Tensor.scalar(2.5));
            assertArrayEquals(Files.readAllBytes(NUMPY.resolve("scalar.npy")), Files.readAllBytes(target));
            Npy.write(target, Tensor.of(SIX, 3, 2).transpose(0, 1));
            assertArrayEquals(
                    new float[] {0, 2, 4, 1, 3, 5}, Npy.readTensor(target).toFloats());
            Tensor bf16 = Tensor.zeros(DType.BF16, Device.cpu(), 2);
            assertThrows(IllegalArgumentException.class, () -> Npy.write(target, bf16));
            assertArrayEquals(
                    new float[] {0, 2, 4, 1, 3, 5}, Npy.readTensor(target).toFloats(), "still the old file");
        }
        try (var files = Files.list(folder)) {
            assertEquals(1, files.count(), "nothing is left beside it");
        }
    }

    @Test
    void hostArraysAreReadInParts() throws IOException {
        HostArray images = Npy.read(NUMPY.resolve("u1.npy"));
        byte[] row = new byte[5];
        images.read(3, row, 1, 3);
        assertArrayEquals(new byte[] {0, 3, 4, 5, 0}, row);
        assertThrows(IndexOutOfBoundsException.class, () -> images.read(4, row, 0, 3));
        float[] floats = new float[2];
        Npy.read(NUMPY.resolve("f4.npy")).read(4, floats, 0, 2);
        assertArrayEquals(new float[] {4, 5}, floats);
        HostArray labels = Npy.read(NUMPY.resolve("i8.npy"));
        assertThrows(TensorArgumentException.class, () -> labels.read(0, floats, 0, 2));
        assertThrows(TensorArgumentException.class, () -> HostArray.of(SIX, 7));
        assertEquals(3, images.size(1));
        try (Tensor half = Tensor.of(SIX, 2, 3);
                Tensor stored = half.cast(DType.BF16)) {
            assertArrayEquals(SIX, HostArray.of(stored).toFloats());
        }
    }

    @Test
    void archivesOfNumpyAreRead() throws IOException {
        for (String name : new String[] {"plain", "compressed"}) {
            try (Npz archive = Npz.open(NUMPY.resolve(name + ".npz"))) {
                assertEquals(Set.of("images", "labels"), archive.names());
                assertArrayEquals(new long[] {7, 8}, archive.read("labels").toLongs());
                HostArray images = archive.read("images");
                assertEquals(DType.U8, images.dtype());
                assertArrayEquals(name.equals("plain") ? new long[] {2, 3} : new long[] {20, 30}, images.shape());
                try (Tensor labels = archive.readTensor("labels")) {
                    assertEquals(DType.I64, labels.dtype());
                }
                var error = assertThrows(IllegalArgumentException.class, () -> archive.read("x"));
                assertTrue(error.getMessage().contains("images"), error.getMessage());
            }
        }
        assertThrows(TensorFileException.class, () -> Npz.open(NUMPY.resolve("f4.npy")));
    }

    @Test
    void archivesAreWrittenAlike() throws IOException {
        Map<String, HostArray> arrays = new LinkedHashMap<>();
        arrays.put("images", HostArray.of(new byte[100_000], 100, 1000));
        arrays.put("x/y", HostArray.of(SIX, 2, 3));
        Path plain = folder.resolve("plain.npz");
        Path small = folder.resolve("small.npz");
        Npz.write(plain, arrays, false);
        Npz.write(small, arrays, true);
        assertTrue(Files.size(plain) > 100_000);
        assertTrue(Files.size(small) < 2_000);
        for (Path path : new Path[] {plain, small}) {
            try (Npz archive = Npz.open(path)) {
                assertArrayEquals(new byte[100_000], archive.read("images").toBytes());
                assertArrayEquals(SIX, archive.read("x/y").toFloats());
            }
        }
        byte[] before = Files.readAllBytes(small);
        Npz.write(small, arrays, true);
        assertArrayEquals(before, Files.readAllBytes(small), "equal arrays give equal files");
    }

    @Test
    void damagedFilesAreErrors() throws IOException {
        byte[] whole = Files.readAllBytes(NUMPY.resolve("f4.npy"));
        for (int length = 0; length < whole.length; length++) {
            Path cut = folder.resolve("cut.npy");
            Files.write(cut, Arrays.copyOf(whole, length));
            assertThrows(TensorFileException.class, () -> Npy.read(cut), "cut to " + length);
        }
        String header = new String(whole, 0, 128, StandardCharsets.ISO_8859_1);
        String[][] changes = {
            {"(2, 3)", "(2, 4)"}, {"(2, 3)", "(6,)  "}, {"(2, 3)", "(23)  "}, {"(2, 3)", "(-2,3)"},
            {"False", "True "}, {"False", "None "}, {"shape", "shade"}, {"'descr'", "'shape'"},
            {"<f4", "<i9"}, {"}", ")"}, {"(2, 3)", "2, 3  "}, {"'<f4'", "\"<f4'"}
        };
        int accepted = 0;
        for (String[] change : changes) {
            String mutated = header.replace(change[0], change[1]);
            byte[] bytes = whole.clone();
            System.arraycopy(mutated.getBytes(StandardCharsets.ISO_8859_1), 0, bytes, 0, 128);
            Path path = folder.resolve("changed.npy");
            Files.write(path, bytes);
            try {
                HostArray array = Npy.read(path);
                assertEquals("(6,)  ", change[1], "only this change is harmless");
                assertEquals(6, array.elements());
                accepted++;
            } catch (TensorFileException e) {
                assertTrue(e.getMessage().contains("changed.npy"), e.getMessage());
            }
        }
        assertEquals(1, accepted);
    }

    @Test
    void changedBytesNeverCrash() throws IOException {
        byte[] npy = Files.readAllBytes(NUMPY.resolve("version2.npy"));
        byte[] npz = Files.readAllBytes(NUMPY.resolve("compressed.npz"));
        Philox choice = new Philox(3, Philox.Purpose.TEST, 0, 0, 0);
        int refused = 0;
        for (int i = 0; i < 800; i++) {
            boolean archive = i % 2 == 0;
            byte[] bytes = (archive ? npz : npy).clone();
            int changes = 1 + choice.below(10L * i, 3);
            for (int c = 0; c < changes; c++) {
                bytes[choice.below(10L * i + 1 + c, bytes.length)] = (byte) choice.word(10L * i + 5 + c);
            }
            Path path = folder.resolve(archive ? "x.npz" : "x.npy");
            Files.write(path, bytes);
            try {
                if (archive) {
                    try (Npz opened = Npz.open(path)) {
                        for (String name : opened.names()) {
                            opened.read(name);
                        }
                    }
                } else {
                    Npy.read(path).toFloats();
                }
            } catch (IOException e) {
                refused++;
            }
        }
        assertTrue(refused > 150, refused + " were refused");
    }
}
