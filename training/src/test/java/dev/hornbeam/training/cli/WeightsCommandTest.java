package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.run.SyntheticImages;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of other programs at the command line: shown, converted, predicted with and trained from. */
final class WeightsCommandTest {
    /** A ResNet-18 of width 2 with seven classes, as torch.save wrote it, and its logits for two images. */
    private static final Path FOREIGN = Path.of("../models/src/test/resources/weights/resnet.pth");

    private static final Path LOGITS = Path.of("../models/src/test/resources/weights/resnet-logits.safetensors");
    private static final float TOLERANCE = 1e-4f;

    @TempDir
    private Path folder;

    private record Result(int exitCode, String out, String err) {}

    private static Result run(Object... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] texts = new String[args.length];
        for (int i = 0; i < args.length; i++) {
            texts[i] = args[i].toString();
        }
        int exitCode = Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), texts);
        return new Result(exitCode, out.toString(), err.toString());
    }

    private static Result done(Object... args) {
        Result result = run(args);
        assertEquals(0, result.exitCode, result.err);
        return result;
    }

    private static void refused(Result result, String word) {
        assertEquals(1, result.exitCode, result.out);
        assertTrue(result.err.startsWith("hornbeam: error: "), result.err);
        assertEquals(1, result.err.strip().lines().count(), result.err);
        assertTrue(result.err.contains(word), result.err);
    }

    @Test
    void showListsTensorsAndTexts() throws IOException {
        String text = done("weights", "show", FOREIGN).out;
        assertTrue(text.contains("PyTorch, 122 tensors"), text);
        assertTrue(text.contains("epoch: 90"), text);
        assertTrue(
                text.lines().anyMatch(line -> line.matches("model\\.module\\.conv1\\.weight +f32 +\\[2, 3, 7, 7]")),
                text);
        JsonNode json = new JsonMapper().readTree(done("weights", "show", FOREIGN, "--json").out);
        assertEquals(122, json.get("tensors").size());
        assertEquals("90", json.get("metadata").get("epoch").asText());
        assertEquals("i64", json.get("tensors").get(5).get("type").asText());
    }

    @Test
    void aForeignFileAndItsConversionPredictWhatPyTorchDoes() throws IOException {
        Path images = folder.resolve("x.npy");
        float[] wanted;
        try (Safetensors expected = Safetensors.open(LOGITS);
                var _ = TensorScope.open()) {
            Npy.write(images, expected.read("images"));
            wanted = expected.read("logits").toFloats();
        }
        Path converted = folder.resolve("converted.safetensors");
        Result result = done("weights", "convert", FOREIGN, converted, "--model", "resnet18_imagenet", "--width", 2);
        assertTrue(result.out.contains("102 tensors match under model."), result.out);
        assertTrue(result.out.contains("7 classes"), result.out);
        for (Path weights : new Path[] {FOREIGN, converted}) {
            Path logits = folder.resolve("y.npy");
            done(
                    "predict",
                    "--checkpoint",
                    weights,
                    "--model",
                    "resnet18_imagenet",
                    "--width",
                    2,
                    "--input",
                    images,
                    "--output",
                    logits);
            HostArray got = Npy.read(logits);
            assertArrayEquals(new long[] {2, 7}, got.shape());
            assertArrayEquals(wanted, got.toFloats(), TOLERANCE);
        }
    }

    @Test
    void aFileThatAsksToRunSomethingIsRefusedByName() throws IOException {
        Path file = folder.resolve("weights.pth");
        Files.write(
                file,
                "\u0080\u0002cos\nsystem\nX\u0002\u0000\u0000\u0000ls\u0085R.".getBytes(StandardCharsets.ISO_8859_1));
        refused(run("weights", "show", file), "the file asks to run os.system; only tensors are read");
        refused(run("weights", "convert", file, folder.resolve("o"), "--model", "resnet18"), "os.system");
        refused(
                run("predict", "--checkpoint", file, "--model", "resnet18", "--input", "x.npy", "--output", "y.npy"),
                ".npy");
        refused(run("evaluate", "--checkpoint", file, "--dataset", "mnist"), "os.system");
        assertFalse(Files.exists(folder.resolve("o")));
    }

    @Test
    void whatConvertNeedsIsSaid() {
        Path out = folder.resolve("o.safetensors");
        refused(run("weights", "convert", FOREIGN, out), "--model");
        refused(run("weights", "convert", FOREIGN, out, "--model", "resnet81"), "resnet18");
        refused(run("weights", "convert", FOREIGN, out, "--model", "resnet18_imagenet"), "[64, 7, 7, 3] needed");
        refused(run("weights", "convert", folder.resolve("none"), out, "--model", "resnet18"), "no such file");
        assertFalse(Files.exists(out));
    }

    private Result train(String out, Path init, String... more) throws IOException {
        Path data = SyntheticImages.write(folder.resolve("data.npz"), 32, 16);
        Object[] args = {
            "train",
            "--recipe",
            "quickstart/sgd",
            "--out",
            folder.resolve(out),
            "--init",
            init,
            "--set",
            "data.name=" + data,
            "--set",
            "model.name=resnet18_imagenet",
            "--set",
            "model.width=2",
            "--set",
            "epochs=1",
            "--set",
            "data.batch=16",
            "--set",
            "evaluation.corruptions=[]"
        };
        Object[] all = java.util.Arrays.copyOf(args, args.length + more.length);
        System.arraycopy(more, 0, all, args.length, more.length);
        return run(all);
    }

    @Test
    void trainingStartsFromWhatFits() throws IOException {
        // Four classes of grey images, not seven of colours: the head is made new, but the first kernel does not fit.
        refused(train("refused", FOREIGN), "(--init-partial takes what fits)");
        Result partial = train("partial", FOREIGN, "--init-partial");
        assertEquals(0, partial.exitCode, partial.err);
        Path grey = folder.resolve("grey.safetensors");
        done(
                "weights",
                "convert",
                folder.resolve("partial/checkpoints").toFile().listFiles()[0],
                grey,
                "--classes",
                4);
        Result whole = train("whole", grey);
        assertEquals(0, whole.exitCode, whole.err);
    }
}
