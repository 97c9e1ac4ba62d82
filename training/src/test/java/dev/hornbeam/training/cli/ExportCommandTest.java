package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.WeightsFile;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command around the export, whose files models' tests run. */
final class ExportCommandTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private Path weights;
    private Path file;

    @BeforeEach
    void writeWeights() throws IOException {
        weights = folder.resolve("weights.safetensors");
        file = folder.resolve("net.onnx");
        try (Module network = ModelCatalog.create("resnet20", ModelSpec.of(3, 5).withWidth(4), 1)) {
            WeightsFile.save(network, weights, Map.of());
        }
    }

    @Test
    void weightsBecomeAFileWithTheirPreparation() throws IOException {
        assertEquals(
                0,
                export("--model", "resnet20", "--width", "4", "--mean", "0.1,0.2,0.3", "--std", "0.5,0.5,0.25"),
                err::toString);
        assertTrue(out.toString().contains("resnet20 for images [batch, 3, 32, 32]"), out.toString());
        String text = read();
        for (String part : List.of(
                "image.mean",
                "0.1,0.2,0.3",
                "image.std",
                "0.5,0.5,0.25",
                "resnet20",
                "32x32",
                "layer1.0.conv1.weight")) {
            assertTrue(text.contains(part), part);
        }
        assertFalse(text.contains("Div"));
    }

    @Test
    void normalisationCanBePartOfTheGraph() throws IOException {
        assertEquals(
                0,
                export(
                        "--model",
                        "resnet20",
                        "--width",
                        "4",
                        "--mean",
                        "0.1,0.2,0.3",
                        "--std",
                        "0.5,0.5,0.25",
                        "--size",
                        "16",
                        "--with-normalisation"),
                err::toString);
        assertFalse(read().contains("(pixels in 0..1"));
        assertTrue(read().contains("Div"));
    }

    @Test
    void errorsAreOneLineAndLeaveNoFile() {
        assertEquals(1, export("--width", "4"));
        assertTrue(err.toString().contains("--model"), err.toString());
        assertEquals(1, export("--model", "resnet21"));
        assertEquals(1, export("--model", "resnet20", "--width", "4", "--mean", "1"));
        assertFalse(err.toString().contains("\tat "), err.toString());
        assertFalse(err.toString().contains("internal"), err.toString());
        assertFalse(Files.exists(file));
    }

    @Test
    void aFileThatCannotBeWrittenIsNamed() {
        file = folder.resolve("no").resolve("net.onnx");
        assertEquals(1, export("--model", "resnet20", "--width", "4"));
        assertTrue(err.toString().contains("cannot write " + file), err.toString());
    }

    // Names and texts are in the file as they are.
    private String read() throws IOException {
        return Files.readString(file, StandardCharsets.ISO_8859_1);
    }

    private int export(String... options) {
        List<String> line =
                new ArrayList<>(List.of("export", "--checkpoint", weights.toString(), "--output", file.toString()));
        line.addAll(List.of(options));
        return Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), line.toArray(String[]::new));
    }
}
