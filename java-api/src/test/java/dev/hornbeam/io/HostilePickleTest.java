package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Pickles that try to run something, or to take all memory: each is refused, by name where it has one. */
final class HostilePickleTest {
    private static final int DEEP = 200_000;

    @TempDir
    private Path folder;

    /** What must stand in the message, and the pickle. */
    @SuppressWarnings("ArrayRecordComponent") // Never compared.
    private record Case(String word, byte[] pickle) {}

    private static Map<String, Case> cases() {
        Map<String, Case> cases = new LinkedHashMap<>();
        // Calls, by every way of naming something.
        for (String[] name : new String[][] {
            {"os", "system"},
            {"posix", "system"},
            {"nt", "system"},
            {"builtins", "eval"},
            {"builtins", "exec"},
            {"builtins", "getattr"},
            {"__builtin__", "eval"},
            {"__builtin__", "apply"},
            {"subprocess", "Popen"},
            {"importlib", "import_module"},
            {"operator", "attrgetter"},
            {"functools", "partial"},
            {"types", "CodeType"},
            {"torch", "load"},
            {"torch.hub", "load"},
            {"torch.storage", "_load_from_bytes"},
            {"torch._utils", "_rebuild_qtensor"},
            {"torch._utils", "_rebuild_sparse_tensor"},
            {"torch.utils.data", "DataLoader"},
            {"torchvision.models.resnet", "ResNet"},
            {"numpy", "load"},
            {"collections", "OrderedDict.fromkeys"},
            {"collections.OrderedDict", "__init__"},
            {"torch._utils._rebuild_tensor_v2", "__globals__"},
            {"pickle", "loads"},
            {"", ""},
            {"java.lang", "Runtime"},
            {"dev.hornbeam.io.Npz", "open"}
        }) {
            String full = name[0] + "." + name[1];
            cases.put(
                    "call of " + full,
                    new Case(
                            full,
                            Pickles.protocol(2)
                                    .global(name[0], name[1])
                                    .string("touch /tmp/owned")
                                    .bytes(0x85)
                                    .text("R")
                                    .end()));
            cases.put(
                    "stack global " + full,
                    new Case(
                            full,
                            Pickles.protocol(4)
                                    .stackGlobal(name[0], name[1])
                                    .text(")R")
                                    .end()));
        }
        cases.put(
                "protocol 0",
                new Case(
                        "os.system",
                        new Pickles()
                                .bytes(0x80, 2)
                                .text("cos\nsystem\n(S'ls'\ntR")
                                .end()));
        cases.put(
                "instance",
                new Case(
                        "os.system",
                        Pickles.protocol(2).text("(S'ls'\nios\nsystem\n").end()));
        cases.put(
                "object",
                new Case(
                        "os.system",
                        Pickles.protocol(2).text("(cos\nsystem\nS'ls'\no").end()));
        cases.put(
                "new object",
                new Case(
                        "subprocess.Popen",
                        Pickles.protocol(2)
                                .global("subprocess", "Popen")
                                .text(")")
                                .bytes(0x81)
                                .end()));
        cases.put(
                "new object with named arguments",
                new Case(
                        "named arguments",
                        Pickles.protocol(4)
                                .global("collections", "OrderedDict")
                                .text(")}")
                                .string("a")
                                .text("Ns")
                                .bytes(0x92)
                                .end()));
        cases.put(
                "names from the memo",
                new Case(
                        "os.system",
                        Pickles.protocol(4)
                                .string("os")
                                .bytes(0x94)
                                .string("system")
                                .bytes(0x94)
                                .text("00h\0h\1")
                                .bytes(0x93)
                                .end()));
        cases.put(
                "inside arguments that are allowed",
                new Case(
                        "os.system",
                        Pickles.protocol(2)
                                .global("torch._utils", "_rebuild_parameter")
                                .global("os", "system")
                                .string("ls")
                                .bytes(0x85)
                                .text("R")
                                .bytes(0x85)
                                .text("R")
                                .end()));
        cases.put(
                "a function as an argument of from_type",
                new Case(
                        "_rebuild_from_type_v2",
                        Pickles.protocol(2)
                                .global("torch._tensor", "_rebuild_from_type_v2")
                                .text("(")
                                .global("collections", "OrderedDict")
                                .global("torch", "Tensor")
                                .text(")NtR")
                                .end()));
        cases.put(
                "a storage is called",
                new Case(
                        "torch.FloatStorage",
                        Pickles.protocol(2)
                                .global("torch", "FloatStorage")
                                .text(")R")
                                .end()));
        cases.put(
                "a text is called",
                new Case(
                        "no name",
                        Pickles.protocol(2).string("os.system").text(")R").end()));
        cases.put(
                "state for a text",
                new Case(
                        "plain value",
                        Pickles.protocol(2).string("x").text("}b").end()));
        cases.put(
                "reconstructor of anything",
                new Case(
                        "os.system",
                        Pickles.protocol(2)
                                .text("ccopy_reg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR")
                                .end()));
        for (int size : new int[] {1, 2, 4}) {
            cases.put(
                    "extension of " + size,
                    new Case(
                            "extension 7",
                            Pickles.protocol(2)
                                    .bytes(size == 1 ? 0x82 : size == 2 ? 0x83 : 0x84)
                                    .number(7, size)
                                    .end()));
        }
        // Persistent ids of other kinds.
        cases.put(
                "persistent id as text",
                new Case(
                        "persistent id",
                        Pickles.protocol(2).text("Pos.system\n").end()));
        cases.put(
                "persistent number",
                new Case("persistent id", Pickles.protocol(2).text("K\1Q").end()));
        cases.put(
                "persistent nothing",
                new Case("persistent id", Pickles.protocol(2).text(")Q").end()));
        cases.put(
                "persistent module",
                new Case(
                        "module",
                        Pickles.protocol(2)
                                .text("(")
                                .string("module")
                                .global("torch", "Tensor")
                                .string("a.py")
                                .string("import os")
                                .text("tQ")
                                .end()));
        cases.put(
                "persistent storage of another class",
                new Case("damaged", storage("collections", "OrderedDict", "0", 4)));
        cases.put(
                "persistent storage of a negative size",
                new Case("damaged", storage("torch", "FloatStorage", "0", -1)));
        // Sizes that are not there.
        cases.put(
                "huge LONG4",
                new Case(
                        "integer of",
                        Pickles.protocol(2).bytes(0x8b).number(0x7fffffff, 4).end()));
        cases.put(
                "LONG4 beyond the sign",
                new Case(
                        "integer of",
                        Pickles.protocol(2).bytes(0x8b).number(-1, 4).end()));
        cases.put(
                "huge text",
                new Case("cut off", Pickles.protocol(2).text("X").number(-1, 4).end()));
        cases.put(
                "huge text of protocol 4",
                new Case(
                        "cut off",
                        Pickles.protocol(4).bytes(0x8d).number(1L << 62, 8).end()));
        cases.put(
                "text of a negative size",
                new Case(
                        "cut off", Pickles.protocol(4).bytes(0x8d).number(-1, 8).end()));
        cases.put(
                "huge bytes",
                new Case(
                        "cut off",
                        Pickles.protocol(4).bytes(0x8e).number(1L << 40, 8).end()));
        cases.put(
                "huge byte array",
                new Case(
                        "cut off",
                        Pickles.protocol(5)
                                .bytes(0x96)
                                .number(Long.MAX_VALUE, 8)
                                .end()));
        cases.put(
                "huge frame",
                new Case(
                        "cut off",
                        Pickles.protocol(4)
                                .bytes(0x95)
                                .number(Long.MAX_VALUE, 8)
                                .end()));
        cases.put(
                "buffer from outside",
                new Case("outside", Pickles.protocol(5).bytes(0x97).end()));
        cases.put(
                "many digits",
                new Case(
                        "digits",
                        Pickles.protocol(2).text("L" + "9".repeat(5000) + "L\n").end()));
        cases.put(
                "endless line",
                new Case(
                        "line of more",
                        Pickles.protocol(2).text("c" + "a".repeat(DEEP)).end()));
        cases.put(
                "text that is not UTF-8",
                new Case(
                        "UTF-8",
                        Pickles.protocol(2).text("X\2\0\0\0\u00ff\u00fe").end()));
        cases.put(
                "a lone surrogate",
                new Case(
                        "UTF-8",
                        Pickles.protocol(2).text("X\3\0\0\0\u00ed\u00a0\u0080").end()));
        cases.put(
                "protocol 9",
                new Case("protocol 9", new Pickles().bytes(0x80, 2, 0x80, 9).end()));
        cases.put(
                "no such opcode",
                new Case("no opcode", Pickles.protocol(2).bytes(0xff).end()));
        cases.put("no STOP", new Case("cut off", new byte[] {(byte) 0x80, 2, 'N'}));
        cases.put(
                "empty stack",
                new Case("missing on the stack", Pickles.protocol(2).end()));
        cases.put("no mark", new Case("mark", Pickles.protocol(2).text("Nt").end()));
        cases.put(
                "below the mark",
                new Case("missing on the stack", Pickles.protocol(2).text("N(0").end()));
        cases.put(
                "no such memo", new Case("memo", Pickles.protocol(2).text("h\5").end()));
        cases.put(
                "memo by a negative number",
                new Case("memo", Pickles.protocol(2).text("Np-1\n").end()));
        cases.put(
                "odd entries",
                new Case("without a value", Pickles.protocol(2).text("}(Nu").end()));
        cases.put(
                "append to a tuple",
                new Case("no list", Pickles.protocol(2).text(")Na").end()));
        // Few bytes that make much.
        cases.put(
                "a million lists",
                new Case(
                        "more objects",
                        Pickles.protocol(2).text("]".repeat(1 << 20)).end()));
        cases.put(
                "a million marks",
                new Case(
                        "more objects",
                        Pickles.protocol(2).text("(".repeat(1 << 20)).end()));
        cases.put("a memo of everything", new Case("more objects", memoBomb()));
        cases.put("copies of a large dictionary", new Case("more objects", copies()));
        cases.put("names without end", new Case("often", laughs()));
        cases.put("dictionaries in each other", new Case("deeper", nested()));
        cases.put(
                "a dictionary in itself",
                new Case(
                        "deeper",
                        Pickles.protocol(2)
                                .text("}q\0")
                                .string("a")
                                .text("h\0s")
                                .end()));
        cases.put(
                "a list in itself",
                new Case(
                        "deeper",
                        Pickles.protocol(2)
                                .text("}")
                                .string("a")
                                .text("]q\0h\0as")
                                .end()));
        return cases;
    }

    private static byte[] storage(String module, String name, String key, int elements) {
        return Pickles.protocol(2)
                .text("(")
                .string("storage")
                .global(module, name)
                .string(key)
                .string("cpu")
                .text("J")
                .number(elements, 4)
                .text("tQ")
                .end();
    }

    // Every entry of the memo costs an opcode of five bytes.
    private static byte[] memoBomb() {
        Pickles bomb = Pickles.protocol(2).text("N");
        for (int i = 0; i < 300_000; i++) {
            bomb.text("r").number(0xffffffffL - i, 4);
        }
        return bomb.end();
    }

    private static byte[] copies() {
        Pickles bomb = Pickles.protocol(2).global("collections", "OrderedDict").text("q\0}(");
        for (int i = 0; i < 2000; i++) {
            bomb.text("M").number(i, 2).text("N");
        }
        bomb.bytes('u', 0x85).text("q\1");
        for (int i = 0; i < 2000; i++) {
            bomb.text("h\0h\1R");
        }
        return bomb.end();
    }

    // Each list holds the one before ten times: ten to the fourteenth names.
    private static byte[] laughs() {
        Pickles bomb = Pickles.protocol(2).text("}").string("a").text("]q\0");
        for (int i = 0; i < 13; i++) {
            bomb.text("0](").text(("h" + (char) i).repeat(10)).text("eq").bytes(i + 1);
        }
        return bomb.text("s").end();
    }

    private static byte[] nested() {
        Pickles bomb = Pickles.protocol(2).text("}").string("a").text("K\1");
        // Tuples of one: a recursion would not survive them.
        for (int i = 0; i < 40_000; i++) {
            bomb.bytes(0x85);
        }
        return bomb.text("s").end();
    }

    @TestFactory
    Iterable<DynamicTest> everyHostilePickleIsRefused() {
        return cases().entrySet().stream()
                .map(named -> DynamicTest.dynamicTest(named.getKey(), () -> {
                    Case one = named.getValue();
                    refused(one.pickle, one.word);
                    refused(Pickles.zip(one.pickle), one.word);
                    refused(Pickles.legacy(one.pickle), one.word);
                }))
                .toList();
    }

    private void refused(byte[] content, String word) throws IOException {
        Path file = folder.resolve("hostile");
        Files.write(file, content);
        var error = assertThrows(TensorFileException.class, () -> WeightsSource.open(file));
        assertTrue(error.getMessage().contains(word), word + " is not in: " + error.getMessage());
        assertEquals(1, error.getMessage().lines().count(), error.getMessage());
        assertTrue(error.getMessage().length() < 600 + file.toString().length(), error.getMessage());
    }

    @Test
    void theMessageSaysWhatTheFileWantedAndWhatIsRead() throws IOException {
        Path file = folder.resolve("x.pth");
        Files.write(
                file,
                Pickles.zip(Pickles.protocol(2)
                        .global("os", "system")
                        .string("ls")
                        .bytes(0x85)
                        .text("R")
                        .end()));
        var error = assertThrows(TensorFileException.class, () -> WeightsSource.open(file));
        assertEquals(
                file + ": the file asks to run os.system; only tensors are read (those of"
                        + " torch.save(model.state_dict(), FILE))",
                error.getMessage());
    }

    // ------------------------------------------------------------------- tensors that do not fit their storages

    private static byte[] tensor(long elements, long offset, long[] shape, long[] strides) {
        Pickles pickle = Pickles.protocol(2)
                .text("}")
                .string("w")
                .global("torch._utils", "_rebuild_tensor_v2")
                .text("((")
                .string("storage")
                .global("torch", "FloatStorage")
                .string("0")
                .string("cpu");
        number(pickle, elements).text("tQ");
        number(pickle, offset);
        for (long[] numbers : new long[][] {shape, strides}) {
            pickle.text("(");
            for (long number : numbers) {
                number(pickle, number);
            }
            pickle.text("t");
        }
        return pickle.bytes(0x89).text("}tRs").end();
    }

    private static Pickles number(Pickles pickle, long value) {
        return pickle.bytes(0x8a, 8).number(value, 8);
    }

    @Test
    void tensorsStayInTheirStorages() throws IOException {
        Path file = folder.resolve("good");
        Files.write(file, Pickles.zip(tensor(4, 0, new long[] {2, 2}, new long[] {2, 1})));
        try (WeightsSource source = WeightsSource.open(file);
                var _ = TensorScope.open()) {
            assertEquals(4, source.readTensor("w").elements());
        }
        outside(5, 0, new long[] {2, 2}, new long[] {2, 1}, "should have 5");
        outside(4, 1, new long[] {2, 2}, new long[] {2, 1}, "elements 1 to 4 of a storage of 4");
        outside(4, -1, new long[] {2}, new long[] {1}, "storage of 4");
        outside(4, 0, new long[] {2, 2}, new long[] {3, 1}, "0 to 4");
        outside(4, 0, new long[] {2, 2}, new long[] {1, -1}, "below 0");
        outside(4, 0, new long[] {-2}, new long[] {1}, "below 0");
        outside(4, 0, new long[] {2, 2}, new long[] {1}, "strides");
        outside(4, 0, new long[] {1L << 62}, new long[] {1}, "impossibly large");
        outside(4, 0, new long[] {1L << 32, 1L << 32}, new long[] {0, 0}, "impossibly large");
        outside(4, 0, new long[] {2, 1L << 62}, new long[] {1L << 62, 1}, "impossibly large");
        outside(4, Long.MAX_VALUE, new long[] {2}, new long[] {1}, "impossibly large");
        // One element a million times: strides of 0 are honest, the amount is not.
        outside(4, 0, new long[] {1000, 1000}, new long[] {0, 0}, "more than 4 times");
        outside(4, 0, new long[65], new long[65], "wrong arguments");
    }

    private void outside(long elements, long offset, long[] shape, long[] strides, String word) throws IOException {
        refused(Pickles.zip(tensor(elements, offset, shape, strides)), word);
    }

    @Test
    void nothingWasRun() {
        assertFalse(Files.exists(Path.of("/tmp/owned")));
    }
}
