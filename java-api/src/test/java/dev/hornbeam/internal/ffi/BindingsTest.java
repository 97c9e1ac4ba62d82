package dev.hornbeam.internal.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Reads hornbeam.h and proves that header, bindings and library say the same. */
class BindingsTest {
    private static final Map<String, ValueLayout> TYPES = Map.ofEntries(
            Map.entry("int32_t", ValueLayout.JAVA_INT),
            Map.entry("uint32_t", ValueLayout.JAVA_INT),
            Map.entry("hb_status", ValueLayout.JAVA_INT),
            Map.entry("hb_dtype", ValueLayout.JAVA_INT),
            Map.entry("hb_device", ValueLayout.JAVA_INT),
            Map.entry("int64_t", ValueLayout.JAVA_LONG),
            Map.entry("uint64_t", ValueLayout.JAVA_LONG),
            Map.entry("hb_tensor", ValueLayout.JAVA_LONG),
            Map.entry("float", ValueLayout.JAVA_FLOAT),
            Map.entry("double", ValueLayout.JAVA_DOUBLE));

    private static String header() throws IOException {
        Path header = Path.of("..", "native", "include", "hornbeam.h");
        return Files.readString(header).replaceAll("(?s)/\\*.*?\\*/", "");
    }

    @Test
    void everyFunctionOfTheHeaderIsBoundWithItsTypes() throws IOException {
        Map<String, FunctionDescriptor> declared = new LinkedHashMap<>();
        Matcher functions = Pattern.compile("HB_API\\s+([\\w\\s*]+?)\\s*\\b(hb_\\w+)\\s*\\(([^)]*)\\)\\s*;")
                .matcher(header());
        while (functions.find()) {
            List<MemoryLayout> parameters = new ArrayList<>();
            for (String parameter : functions.group(3).split(",", -1)) {
                if (!parameter.strip().equals("void")) {
                    parameters.add(type(parameter));
                }
            }
            declared.put(
                    functions.group(2),
                    FunctionDescriptor.of(
                            type(functions.group(1) + " result"), parameters.toArray(MemoryLayout[]::new)));
        }
        assertTrue(declared.size() > 80, "the pattern finds the functions");
        assertEquals(declared, HornbeamNative.bindings());
        assertEquals(
                List.copyOf(declared.keySet()),
                List.copyOf(HornbeamNative.bindings().keySet()),
                "in the header's order");
    }

    private static MemoryLayout type(String declaration) {
        String text = declaration.replaceAll("\\bconst\\b", "").strip();
        if (text.indexOf('*') >= 0 || text.indexOf('[') >= 0) {
            return ValueLayout.ADDRESS;
        }
        ValueLayout layout = TYPES.get(text.replaceFirst("\\s.*", ""));
        assertTrue(layout != null, "type of " + declaration);
        return layout;
    }

    @Test
    void everyFunctionOfTheHeaderIsInTheLibraryAndNothingElse() throws IOException, InterruptedException {
        SymbolLookup symbols = SymbolLookup.libraryLookup(NativeLibrary.path(), Arena.global());
        for (String name : HornbeamNative.bindings().keySet()) {
            assertTrue(symbols.find(name).isPresent(), name);
        }
        List<String> exported = exported();
        if (!exported.isEmpty()) {
            assertEquals(
                    HornbeamNative.bindings().keySet().stream().sorted().toList(),
                    exported.stream().sorted().toList());
        }
    }

    /** Names that begin with hb_ and that nm lists; empty where there is no nm. */
    private static List<String> exported() throws IOException, InterruptedException {
        Process nm;
        try {
            nm = new ProcessBuilder(
                            "nm", "-D", "--defined-only", NativeLibrary.path().toString())
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            return List.of();
        }
        try (var lines = nm.inputReader()) {
            List<String> names = lines.lines()
                    .map(line -> line.substring(line.lastIndexOf(' ') + 1))
                    .filter(name -> name.startsWith("hb_"))
                    .collect(Collectors.toList());
            return nm.waitFor() == 0 ? names : List.of();
        }
    }

    @Test
    void everyStructOfTheHeaderHasItsLayout() throws IOException {
        Map<String, StructLayout> declared = new LinkedHashMap<>();
        Matcher structs = Pattern.compile("typedef struct (hb_\\w+) \\{(.*?)\\} \\1;", Pattern.DOTALL)
                .matcher(header());
        while (structs.find()) {
            declared.put(structs.group(1), layout(structs.group(1), structs.group(2)));
        }
        assertTrue(declared.size() > 8, "the pattern finds the structs");
        Map<String, StructLayout> bound = new LinkedHashMap<>();
        for (StructLayout layout : Structs.all()) {
            bound.put(layout.name().orElseThrow(), layout);
        }
        assertEquals(declared, bound);
    }

    /** The layout that a C compiler gives the fields: each at a multiple of its size, the whole at one of the largest. */
    private static StructLayout layout(String name, String body) {
        List<MemoryLayout> members = new ArrayList<>();
        long offset = 0;
        for (String statement : body.split(";", -1)) {
            if (statement.isBlank()) {
                continue;
            }
            Matcher declaration = Pattern.compile("\\s*(?:const\\s+)?(\\w+)(\\s*\\*)?\\s+(.*)", Pattern.DOTALL)
                    .matcher(statement);
            assertTrue(declaration.matches(), statement);
            for (String declarator : declaration.group(3).split(",", -1)) {
                MemoryLayout type =
                        declaration.group(2) != null || declaration.group(1).equals("char")
                                ? ValueLayout.ADDRESS
                                : TYPES.get(declaration.group(1));
                String field = declarator.strip().replace("*", "").strip();
                Matcher array = Pattern.compile("(\\w+)\\[HB_MAX_RANK\\]").matcher(field);
                if (array.matches()) {
                    field = array.group(1);
                    type = MemoryLayout.sequenceLayout(Structs.MAX_RANK, type);
                }
                assertEquals(0, offset % type.byteAlignment(), name + "." + field + " needs no padding before it");
                offset += type.byteSize();
                members.add(type.withName(field));
            }
        }
        StructLayout layout =
                MemoryLayout.structLayout(members.toArray(MemoryLayout[]::new)).withName(name);
        assertEquals(0, offset % layout.byteAlignment(), name + " needs no padding at its end");
        return layout;
    }

    @Test
    void everyOffsetConstantIsThatOfItsField() throws ReflectiveOperationException {
        for (Class<?> struct : Structs.class.getDeclaredClasses()) {
            StructLayout layout = (StructLayout) struct.getField("LAYOUT").get(null);
            int constants = 0;
            for (Field field : struct.getDeclaredFields()) {
                if (field.getType() == long.class) {
                    String name = field.getName().toLowerCase(Locale.ROOT);
                    assertEquals(
                            layout.byteOffset(MemoryLayout.PathElement.groupElement(name)),
                            field.getLong(null),
                            struct.getSimpleName() + "." + name);
                    constants++;
                }
            }
            assertEquals(layout.memberLayouts().size(), constants, struct.getSimpleName());
        }
    }

    @Test
    void rankAndAbiNumberAreTheHeaders() throws IOException {
        assertEquals(Structs.MAX_RANK, number(header(), "HB_MAX_RANK"));
        assertEquals(HornbeamNative.HEADER_VERSION, number(header(), "HB_ABI_VERSION"));
        assertEquals(HornbeamNative.HEADER_VERSION, HornbeamNative.abiVersion());
        SequenceLayout shape =
                (SequenceLayout) Structs.Descriptor.LAYOUT.select(MemoryLayout.PathElement.groupElement("shape"));
        assertEquals(Structs.MAX_RANK, shape.elementCount());
    }

    private static int number(String header, String macro) {
        Matcher definition = Pattern.compile("#define " + macro + " (\\d+)").matcher(header);
        assertTrue(definition.find(), macro);
        return Integer.parseInt(definition.group(1));
    }
}
