package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that testdata/python/make_weights_files.py wrote by the programs whose formats they are. */
final class WeightsSourceTest {
    @TempDir
    private Path folder;

    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    /** A file of the tests' resources, under a name that says nothing. */
    private Path resource(String name) throws IOException {
        Path copy = folder.resolve("file");
        try (InputStream in = WeightsSourceTest.class.getResourceAsStream("/weights/" + name)) {
            Files.write(copy, in.readAllBytes());
        }
        return copy;
    }

    private static void assertSame(Tensor wanted, Tensor got, String name) {
        assertEquals(wanted.dtype(), got.dtype(), name);
        assertArrayEquals(wanted.shape(), got.shape(), name);
        assertArrayEquals(wanted.toDoubles(), got.toDoubles(), name);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "torch.pth",
                "torch-protocol4.pth",
                "torch-big-endian.pth",
                "torch-legacy.pth",
                "torch-legacy1.pth"
            })
    void everyTensorOfPyTorchComesBack(String name) throws IOException {
        Map<String, Tensor> wanted;
        try (Safetensors expected = Safetensors.open(resource("expected.safetensors"))) {
            wanted = expected.readAll();
        }
        try (WeightsSource source = WeightsSource.open(resource(name))) {
            assertEquals(name.contains("legacy") ? "PyTorch before 1.6" : "PyTorch", source.format());
            assertEquals(wanted.keySet(), source.tensors().keySet());
            for (StoredTensor stored : source.tensors().values()) {
                Tensor got = source.readTensor(stored.name());
                assertEquals(stored.readAs().orElseThrow(), got.dtype());
                assertArrayEquals(stored.shape(), got.shape());
                assertSame(wanted.get(stored.name()), got, stored.name());
            }
            assertEquals("f16", source.tensors().get("f16").type());
            assertThrows(IllegalArgumentException.class, () -> source.readTensor("none"));
        }
    }

    @Test
    void aCheckpointGivesItsTensorsByPathAndItsSmallThingsAsTexts() throws IOException {
        try (WeightsSource source = WeightsSource.open(resource("checkpoint.pth"))) {
            Set<String> names = source.tensors().keySet();
            assertTrue(
                    names.containsAll(Set.of(
                            "state_dict.module.0.weight",
                            "state_dict.module.1.num_batches_tracked",
                            "state_dict.module.3.bias",
                            "optimizer.state.0.exp_avg",
                            "rng",
                            "history")),
                    names.toString());
            assertArrayEquals(
                    new long[] {2, 1, 3, 3},
                    source.tensors().get("state_dict.module.0.weight").shape());
            assertArrayEquals(
                    new float[] {0, 1, 2, 3}, source.readTensor("history").toFloats());
            assertEquals(Map.of("epoch", "3", "arch", "tiny", "done", "true"), source.metadata());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"numpy.pkl", "numpy2.pkl", "numpy5.pkl", "flax.msgpack"})
    void dictionariesOfArraysComeBack(String name) throws IOException {
        try (WeightsSource source = WeightsSource.open(resource(name))) {
            Tensor kernel = source.readTensor("params.Dense_0.kernel");
            assertArrayEquals(new long[] {2, 3}, kernel.shape());
            assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, kernel.toFloats());
            assertArrayEquals(
                    new double[] {0.5, -1},
                    source.readTensor("params.Dense_0.bias").toDoubles());
            // In Fortran's order in the pickles.
            assertArrayEquals(
                    new float[] {0, 1, 2, 3, 4, 5, 6, 7},
                    source.readTensor("params.conv_init.kernel").toFloats());
            // Of the other order of bytes in the pickles.
            assertArrayEquals(
                    new long[] {1, 2}, source.readTensor("state.steps").toLongs());
            assertEquals(DType.U8, source.readTensor("state.flag").dtype());
            assertEquals(7, source.readTensor("state.scalar").item());
            assertEquals(6, source.tensors().size());
            if (name.equals("flax.msgpack")) {
                assertEquals(Map.of("step", "12"), source.metadata());
            }
        }
    }

    @Test
    void npzAndSafetensorsAreToldApartByContent() throws IOException {
        Path file = folder.resolve("x.pth");
        Map<String, HostArray> arrays = new LinkedHashMap<>();
        arrays.put("a/kernel", HostArray.of(new float[] {1, 2, 3, 4}, 2, 2));
        arrays.put("b", HostArray.of(new long[] {5}));
        Npz.write(file, arrays, false);
        try (WeightsSource source = WeightsSource.open(file)) {
            assertEquals("NumPy .npz", source.format());
            assertEquals(List.of("a/kernel", "b"), List.copyOf(source.tensors().keySet()));
            assertEquals("f32", source.tensors().get("a/kernel").type());
            assertArrayEquals(
                    new float[] {1, 2, 3, 4}, source.readTensor("a/kernel").toFloats());
        }
        // A header of 640 bytes, whose length begins as a pickle does.
        String header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
        byte[] content = new byte[8 + 640 + 4];
        content[0] = (byte) 0x80;
        content[1] = 2;
        java.util.Arrays.fill(content, 8, 648, (byte) ' ');
        System.arraycopy(header.getBytes(StandardCharsets.US_ASCII), 0, content, 8, header.length());
        Files.write(file, content);
        try (WeightsSource source = WeightsSource.open(file)) {
            assertEquals("safetensors", source.format());
            assertEquals(0, source.readTensor("a").item());
        }
    }

    @Test
    void whatIsNoFileOfWeightsIsNamed() throws IOException {
        refused(new byte[0], "empty");
        refused("\u0089HDF\r\n\u001a\n and so on".getBytes(StandardCharsets.ISO_8859_1), "HDF5");
        refused("PK\u0003\u0004 and nothing else".getBytes(StandardCharsets.ISO_8859_1), "zip archive is damaged");
        refused("just a text".getBytes(StandardCharsets.US_ASCII), "expected safetensors");
        Path file = folder.resolve("x");
        Npz.write(file, Map.of(), false);
        refused(Files.readAllBytes(file), "expected");
    }

    private void refused(byte[] content, String word) throws IOException {
        Path file = folder.resolve("bad");
        Files.write(file, content);
        var error = assertThrows(TensorFileException.class, () -> WeightsSource.open(file));
        assertTrue(error.getMessage().contains(word), error.getMessage());
        assertTrue(error.getMessage().startsWith(file.toString()), error.getMessage());
    }

    // ------------------------------------------------------------------------------------------- damaged zip files

    /** The archive with one entry replaced by others. */
    private Path rewritten(String replaced, Map<String, byte[]> by, boolean deflate) throws IOException {
        Path source = resource("torch.pth");
        Path target = folder.resolve("rewritten.pth");
        try (java.util.zip.ZipFile old = new java.util.zip.ZipFile(source.toFile())) {
            List<Map.Entry<String, byte[]>> entries = new ArrayList<>();
            for (var entry : java.util.Collections.list(old.entries())) {
                if (!entry.getName().equals(replaced)) {
                    entries.add(
                            Map.entry(entry.getName(), old.getInputStream(entry).readAllBytes()));
                }
            }
            entries.addAll(by.entrySet());
            try (var zip = new java.util.zip.ZipOutputStream(Files.newOutputStream(target))) {
                for (Map.Entry<String, byte[]> named : entries) {
                    var entry = new java.util.zip.ZipEntry(named.getKey());
                    if (!deflate) {
                        var crc = new java.util.zip.CRC32();
                        crc.update(named.getValue());
                        entry.setMethod(java.util.zip.ZipEntry.STORED);
                        entry.setSize(named.getValue().length);
                        entry.setCrc(crc.getValue());
                    }
                    zip.putNextEntry(entry);
                    zip.write(named.getValue());
                    zip.closeEntry();
                }
            }
        }
        return target;
    }

    private void refused(Path file, String word) {
        var error = assertThrows(TensorFileException.class, () -> WeightsSource.open(file));
        assertTrue(error.getMessage().contains(word), error.getMessage());
    }

    @Test
    void archivesThatPyTorchDoesNotWriteAreRefused() throws IOException {
        WeightsSource.open(rewritten("none", Map.of(), false)).close();
        refused(rewritten("none", Map.of(), true), "compressed");
        refused(rewritten("none", Map.of("other/data.pkl", new byte[] {'.'}), false), "has 2");
        refused(rewritten("none", Map.of("torch/constants.pkl", new byte[] {'.'}), false), "TorchScript");
        refused(
                rewritten(
                        "torch/byteorder",
                        Map.of("torch/byteorder", "huge".getBytes(StandardCharsets.US_ASCII)),
                        false),
                "huge");
        refused(rewritten("torch/data/0", Map.of(), false), "storage \"0\" is not in the archive");
        refused(rewritten("torch/data/0", Map.of("torch/data/0", new byte[23]), false), "23 bytes");
    }

    @Test
    void directoriesThatContradictTheFileAreRefused() throws IOException {
        byte[] whole = Files.readAllBytes(rewritten("none", Map.of(), false));
        int end = whole.length - 22;
        int directory = intAt(whole, end + 16);
        // A second entry of the same name: the first's name for the second, in directory and header.
        String text = new String(whole, StandardCharsets.ISO_8859_1);
        changed(text.replace("torch/data/1", "torch/data/0"), "comes twice");
        changed(whole, end + 10, 1 | (intAt(whole, end + 10) & ~0xffff), "more follow");
        changed(whole, end + 16, directory + 1, "does not end");
        changed(whole, directory + 20, 1 << 30, "stored, but");
        changed(whole, directory + 42, 1 << 30, "does not begin");
        changed(whole, directory + 8, 1 | (intAt(whole, directory + 8) & ~0xffff), "encrypted");
        int second = directory + 46 + (whole[directory + 28] & 0xff);
        byte[] overlapping = whole.clone();
        int longer = intAt(whole, directory + 20) + 40;
        put(overlapping, directory + 20, longer);
        put(overlapping, directory + 24, longer);
        changed(overlapping, second, intAt(whole, second), "overlaps");
        changed(text.substring(0, text.length() - 1), "no directory");
    }

    private static int intAt(byte[] bytes, int at) {
        return java.nio.ByteBuffer.wrap(bytes)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .getInt(at);
    }

    private static void put(byte[] bytes, int at, int value) {
        java.nio.ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).putInt(at, value);
    }

    private void changed(byte[] whole, int at, int value, String word) throws IOException {
        byte[] bytes = whole.clone();
        put(bytes, at, value);
        Path file = folder.resolve("changed.pth");
        Files.write(file, bytes);
        refused(file, word);
    }

    private void changed(String whole, String word) throws IOException {
        Path file = folder.resolve("changed.pth");
        Files.write(file, whole.getBytes(StandardCharsets.ISO_8859_1));
        refused(file, word);
    }

    @Test
    void arraysThatInflateBeyondMeasureAreRefused() throws IOException {
        Path file = folder.resolve("zeros.npz");
        Npz.write(file, Map.of("a", HostArray.of(new float[100_000])), true);
        refused(file, "more than 4 times");
        try (Npz npz = Npz.open(file)) {
            assertEquals(100_000, npz.read("a").elements(), "data sets may be that empty");
        }
    }

    @Test
    void flaxFilesThatAreDamagedAreRefused() throws IOException {
        Path source = resource("flax.msgpack");
        byte[] whole = Files.readAllBytes(source);
        String text = new String(whole, StandardCharsets.ISO_8859_1);
        changed(text.substring(0, text.length() - 1), "cut off");
        changed(text + "x", "something follows");
        changed(text.replace("float16", "complex"), "complex");
        changed(text.replace("kernel", "\u00a3bias"), "damaged");
        assertTrue(text.chars().boxed().collect(Collectors.toSet()).size() > 20, "the file is not trivial");
    }
}
