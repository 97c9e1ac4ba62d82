package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
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

    /** A file of the format with this header and so many bytes of data: 0, 1, 2, .. */
    private Path file(String header, int data) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + text.length + data).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(text.length).put(text);
        for (int i = 0; i < data; i++) {
            bytes.put((byte) i);
        }
        Path path = folder.resolve("x.safetensors");
        Files.write(path, bytes.array());
        return path;
    }

    @Test
    void everyTypeComesBack() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (DType type : DType.values()) {
            tensors.put(
                    "of " + type,
                    Tensor.of(new float[] {1, 2, 200, 0, 5, 6}, 2, 3).cast(type));
        }
        tensors.put("scalar", Tensor.scalar(2.5));
        tensors.put("empty", Tensor.zeros(0, 4));
        tensors.put("view", Tensor.of(new float[] {1, 2, 3, 4}, 2, 2).transpose(0, 1));
        tensors.put("with \"quotes\" \\ and \u00fcml\u00e4uts \ud83c\udf33", Tensor.scalar(1));
        Path path = folder.resolve("all.safetensors");
        Safetensors.write(path, tensors, Map.of("b", "2", "a", "line\nbreak"));
        try (Safetensors file = Safetensors.open(path)) {
            assertEquals(tensors.keySet(), file.entries().keySet());
            assertEquals(Map.of("a", "line\nbreak", "b", "2"), file.metadata());
            Map<String, Tensor> read = file.readAll();
            tensors.forEach((name, tensor) -> {
                assertEquals(tensor.dtype(), read.get(name).dtype(), name);
                assertArrayEquals(tensor.shape(), read.get(name).shape(), name);
                assertArrayEquals(tensor.toDoubles(), read.get(name).toDoubles(), name);
            });
            assertThrows(IllegalArgumentException.class, () -> file.read("none"));
            assertEquals(24, file.entries().get("of f32").bytes());
            assertEquals(Safetensors.Type.F32, file.entries().get("of f32").type());
        }
    }

    @Test
    void equalContentGivesEqualBytesWithAlignedData() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("b", Tensor.of(new byte[] {1, 2, 3}));
        tensors.put("z", Tensor.of(new long[] {4}));
        tensors.put("a", Tensor.of(new float[] {5}));
        Path path = folder.resolve("x.safetensors");
        Safetensors.write(path, tensors);
        byte[] first = Files.readAllBytes(path);
        Map<String, Tensor> reversed = new LinkedHashMap<>();
        List.copyOf(tensors.keySet()).reversed().forEach(name -> reversed.put(name, tensors.get(name)));
        Safetensors.write(path, reversed);
        assertArrayEquals(first, Files.readAllBytes(path));
        long header = ByteBuffer.wrap(first).order(ByteOrder.LITTLE_ENDIAN).getLong();
        assertEquals(0, header % 8);
        assertEquals(
                "{\"z\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                        + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
                        + "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[12,15]}}",
                new String(first, 8, (int) header, StandardCharsets.UTF_8).strip());
        Safetensors.write(path, Map.of());
        try (Safetensors empty = Safetensors.open(path)) {
            assertTrue(empty.entries().isEmpty());
        }
    }

    @Test
    void typesWithoutATensorTypeAreConverted() throws IOException {
        Path path = file(
                "{\"h\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                        + "\"i\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[4,6]},"
                        + "\"s\":{\"dtype\":\"I16\",\"shape\":[1],\"data_offsets\":[6,8]},"
                        + "\"u\":{\"dtype\":\"U32\",\"shape\":[1],\"data_offsets\":[8,12]},"
                        + "\"t\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[12,13]},"
                        + "\"w\":{\"dtype\":\"U16\",\"shape\":[1],\"data_offsets\":[13,15]},"
                        + "\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[15,16]}}",
                16);
        try (Safetensors file = Safetensors.open(path)) {
            assertArrayEquals(
                    new float[] {Float.float16ToFloat((short) 0x100), Float.float16ToFloat((short) 0x302)},
                    file.read("h").toFloats());
            assertArrayEquals(new long[] {4, 5}, file.read("i").toLongs());
            assertArrayEquals(new long[] {0x706}, file.read("s").toLongs());
            assertArrayEquals(new long[] {0x0b0a0908L}, file.read("u").toLongs());
            assertArrayEquals(new long[] {0x0e0d}, file.read("w").toLongs());
            assertEquals(DType.U8, file.read("t").dtype());
            var error = assertThrows(IllegalArgumentException.class, () -> file.read("x"));
            assertTrue(error.getMessage().contains("F8_E4M3"), error.getMessage());
        }
    }

    @Test
    void wrongHeadersAreRefusedWithTheReason() throws IOException {
        String good = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]";
        refused("[]", 0, "'{'");
        refused("{ ", 0, "ends too early");
        refused("{} {}", 0, "something follows");
        refused("{\"a\":{" + good + "},\"a\":{" + good + "}}", 8, "comes twice");
        refused("{\"a\":{" + good + ",\"shape\":[2]}}", 8, "comes twice");
        refused("{\"a\":{" + good + ",\"more\":1}}", 8, "dtype, shape and data_offsets");
        refused("{\"a\":{" + good + "}}", 7, "cut off");
        refused("{\"a\":{" + good + "}}", 9, "too long");
        refused("{\"a\":5}", 0, "not an object");
        refused("{\"a\":{" + good.replace("F32", "F99") + "}}", 8, "F99");
        refused("{\"a\":{" + good.replace("[2]", "[3]") + "}}", 8, "12 bytes");
        refused("{\"a\":{" + good.replace("[2]", "[-2]") + "}}", 8, "at least 0");
        refused("{\"a\":{" + good.replace("[2]", "[2.0]") + "}}", 8, "not whole");
        refused("{\"a\":{" + good.replace("[2]", "[02]") + "}}", 8, "malformed");
        refused("{\"a\":{" + good.replace("[2]", "[99999999999999999999]") + "}}", 8, "too large");
        refused("{\"a\":{" + good.replace("[2]", "[4294967296,4294967296]") + "}}", 8, "impossibly large");
        refused("{\"a\":{" + good.replace("[2]", "2") + "}}", 8, "not an array");
        refused("{\"a\":{" + good.replace("[2]", "[true]") + "}}", 8, "neither");
        refused("{\"a\":{" + good.replace("[0,8]", "[8,0]") + "}}", 8, "begin and an end");
        refused("{\"a\":{" + good.replace("[0,8]", "[1,9]") + "}}", 9, "hole");
        refused("{\"a\":{" + good + "},\"b\":{" + good + "}}", 8, "overlap");
        refused("{\"__metadata__\":{\"a\":1}}", 0, "not a string");
        refused("{\"__metadata__\":\"a\"}", 0, "object of strings");
        refused("{\"a\\x\":1}", 0, "escape");
        refused("{\"a\":" + "[".repeat(50) + "]".repeat(50) + "}", 0, "too deep");
        Path path = folder.resolve("x.safetensors");
        Files.write(path, new byte[] {-1, -1, -1, -1, -1, -1, -1, 127, '{', '}'});
        assertThrows(TensorFileException.class, () -> Safetensors.open(path));
        Files.write(path, new byte[0]);
        assertThrows(TensorFileException.class, () -> Safetensors.open(path));
        Files.write(path, new byte[] {2, 0, 0, 0, 0, 0, 0, 0, '{', (byte) 0xff});
        assertThrows(TensorFileException.class, () -> Safetensors.open(path));
        assertThrows(NoSuchFileException.class, () -> Safetensors.open(folder.resolve("none")));
    }

    private void refused(String header, int data, String word) throws IOException {
        Path path = file(header, data);
        var error = assertThrows(TensorFileException.class, () -> Safetensors.open(path), header);
        assertTrue(error.getMessage().contains(word), word + " is not in: " + error.getMessage());
        assertTrue(error.getMessage().contains(path.toString()), error.getMessage());
    }

    @Test
    void changedBytesNeverCrash() throws IOException {
        Path good = folder.resolve("good.safetensors");
        Safetensors.write(
                good,
                Map.of("a", Tensor.of(new float[] {1, 2, 3}), "b", Tensor.of(new long[] {4, 5}), "c", Tensor.scalar(1)),
                Map.of("k", "v"));
        byte[] whole = Files.readAllBytes(good);
        Philox choice = new Philox(3, Philox.Purpose.TEST, 0, 0, 0);
        Path path = folder.resolve("x.safetensors");
        int refused = 0;
        for (int i = 0; i < 800; i++) {
            byte[] bytes = whole.clone();
            int changes = 1 + choice.below(10L * i, 3);
            for (int c = 0; c < changes; c++) {
                bytes[choice.below(10L * i + 1 + c, bytes.length)] = (byte) choice.word(10L * i + 5 + c);
            }
            if (i % 5 == 0) {
                bytes = Arrays.copyOf(bytes, choice.below(10L * i + 9, bytes.length));
            }
            Files.write(path, bytes);
            try (Safetensors file = Safetensors.open(path);
                    var _ = TensorScope.open()) {
                for (Safetensors.Entry entry : file.entries().values()) {
                    file.read(entry.name());
                }
            } catch (IOException | IllegalArgumentException e) {
                refused++;
            }
        }
        assertTrue(refused > 300, refused + " were refused");
    }

    @Test
    void aFailedWriteLeavesTheOldFile() throws IOException {
        Path path = folder.resolve("x.safetensors");
        Safetensors.write(path, Map.of("a", Tensor.scalar(1)));
        byte[] before = Files.readAllBytes(path);
        Tensor closed = Tensor.scalar(2);
        Map<String, Tensor> wrong = new LinkedHashMap<>(Map.of("a", Tensor.scalar(3), "b", closed));
        closed.close();
        assertThrows(IllegalStateException.class, () -> Safetensors.write(path, wrong));
        assertThrows(
                IllegalArgumentException.class,
                () -> Safetensors.write(path, Map.of("__metadata__", Tensor.scalar(1))));
        assertThrows(
                IOException.class,
                () -> AtomicFile.write(path, channel -> {
                    channel.write(ByteBuffer.allocate(10));
                    throw new IOException("disk full");
                }));
        assertArrayEquals(before, Files.readAllBytes(path));
        assertThrows(IOException.class, () -> Safetensors.write(folder.resolve("none/x"), Map.of()));
        try (var files = Files.list(folder)) {
            assertEquals(1, files.count());
        }
    }

    @Test
    void tensorsOfOtherDevicesAreCopied() {
        Tensor elsewhere = Tensor.zeros(DType.F32, Device.nothing(), 2);
        // The null device computes nothing, so only the size is certain.
        assertFalse(elsewhere.device().equals(Device.cpu()));
        Path path = folder.resolve("x.safetensors");
        try {
            Safetensors.write(path, Map.of("a", elsewhere));
            assertTrue(Files.exists(path));
        } catch (IOException | RuntimeException e) {
            assertFalse(Files.exists(path));
        }
    }
}
