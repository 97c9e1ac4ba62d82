package dev.hornbeam.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is fixed when the JVM starts, tried in JVMs of its own: debug mode, leak reports, and where the library is found. */
class DebugModeTest {
    /** Run by the tests below. */
    static final class Program {
        private Program() {}

        public static void main(String[] arguments) throws InterruptedException {
            switch (arguments[0]) {
                case "released" -> released();
                case "leak" -> leak();
                case "load" -> {
                    System.out.println(Engine.library());
                    try (Tensor x = Tensor.ones(2)) {
                        System.out.println(x);
                    }
                }
                default -> throw new IllegalArgumentException(arguments[0]);
            }
        }

        private static void released() {
            Tensor x = Tensor.ones(2);
            closesTheTensor(x);
            try {
                x.exp();
            } catch (ReleasedTensorException e) {
                e.printStackTrace(System.out);
            }
        }

        private static void closesTheTensor(Tensor x) {
            x.close();
        }

        private static void leak() throws InterruptedException {
            losesATensor();
            for (int i = 0; i < 100 && LeakReport.leaks() == 0; i++) {
                System.gc();
                Thread.sleep(20);
            }
            System.out.println("leaks " + LeakReport.leaks());
        }

        private static void losesATensor() {
            Tensor.ones(2);
            try (var _ = TensorScope.open()) {
                Tensor.ones(2);
            }
            Tensor.ones(2).close();
        }
    }

    private record Outcome(int code, String text) {}

    private static Outcome run(List<String> options, String what) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-Xshare:auto");
        command.add("-XX:+UseSerialGC");
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.addAll(options);
        command.add(Program.class.getName());
        command.add(what);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (var output = process.inputReader()) {
            String text = String.join("\n", output.lines().toList());
            return new Outcome(process.waitFor(), text);
        }
    }

    @Test
    void debugModeTellsWhereATensorWasReleased() throws IOException, InterruptedException {
        Outcome debug = run(List.of("-Dhornbeam.debug=true"), "released");
        assertTrue(debug.text().contains("exp: x (f32[2]) was already closed"), debug.text());
        assertTrue(debug.text().contains("closesTheTensor"), debug.text());
        Outcome plain = run(List.of(), "released");
        assertTrue(plain.text().contains("-Dhornbeam.debug=true"), plain.text());
        assertTrue(!plain.text().contains("closesTheTensor"), plain.text());
    }

    @Test
    void lostTensorsAreReported() throws IOException, InterruptedException {
        Outcome debug = run(List.of("-Dhornbeam.debug=true"), "leak");
        assertTrue(debug.text().contains("leaks 1"), debug.text());
        assertTrue(debug.text().contains("losesATensor"), debug.text());
        Outcome plain = run(List.of(), "leak");
        assertTrue(plain.text().contains("leaks 1"), plain.text());
        assertTrue(plain.text().contains("was never closed"), plain.text());
    }

    @Test
    void theLibraryIsUnpackedOnceForItsContent(@TempDir Path folder) throws IOException, InterruptedException {
        List<String> options = List.of("-Djava.io.tmpdir=" + folder, "-Dhornbeam.library=");
        Outcome first = run(options, "load");
        assertEquals(0, first.code(), first.text());
        assertTrue(first.text().contains("Tensor(f32[2] [1.0, 1.0])"), first.text());
        Path copy = Path.of(first.text()
                .lines()
                .filter(line -> line.endsWith("libhornbeam.so"))
                .findFirst()
                .orElseThrow());
        if (!copy.startsWith(folder)) {
            return; // HORNBEAM_LIBRARY names another one for this build.
        }
        assertEquals("rwx------", permissions(copy.getParent().getParent()));
        var written = Files.getLastModifiedTime(copy);
        assertEquals(first.text(), run(options, "load").text());
        assertEquals(written, Files.getLastModifiedTime(copy), "not written again");
        Files.write(copy, new byte[] {1, 2, 3});
        assertEquals(0, run(options, "load").code(), "a damaged copy is replaced");
    }

    private static String permissions(Path path) throws IOException {
        return java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    @Test
    void aFolderThatOthersCanWriteIsNotTrusted(@TempDir Path folder) throws IOException, InterruptedException {
        Path open = folder.resolve("hornbeam-" + System.getProperty("user.name"));
        Files.createDirectory(open);
        Files.setPosixFilePermissions(open, java.nio.file.attribute.PosixFilePermissions.fromString("rwxrwxrwx"));
        Outcome outcome = run(List.of("-Djava.io.tmpdir=" + folder, "-Dhornbeam.library="), "load");
        assertEquals(0, outcome.code(), outcome.text());
        assertTrue(!outcome.text().contains(open + "/"), outcome.text());
    }

    @Test
    void aMissingOrWrongLibraryHasAClearError(@TempDir Path folder) throws IOException, InterruptedException {
        Path missing = folder.resolve("none.so");
        Outcome outcome = run(List.of("-Dhornbeam.library=" + missing), "load");
        assertEquals(1, outcome.code());
        assertTrue(outcome.text().contains("There is no file " + missing), outcome.text());
        Path damaged = folder.resolve("damaged.so");
        Files.writeString(damaged, "not a library");
        outcome = run(List.of("-Dhornbeam.library=" + damaged), "load");
        assertTrue(outcome.text().contains(damaged + " cannot be loaded"), outcome.text());
    }
}
