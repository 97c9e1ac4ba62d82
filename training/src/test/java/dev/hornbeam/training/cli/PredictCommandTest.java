package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.io.WeightsFile;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.evaluation.Evaluator;
import dev.hornbeam.training.image.GoldenImages;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.TinyRun;
import dev.hornbeam.training.run.TrainingParts;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code hornbeam predict} on image files. */
final class PredictCommandTest {
    @TempDir
    private static Path shared;

    private static TinyRun tiny;

    @TempDir
    private Path folder;

    private long tensorsBefore;

    private record Result(int exitCode, String out, String err) {}

    @BeforeAll
    static void train() {
        tiny = TinyRun.train(shared);
    }

    @BeforeEach
    void count() {
        tensorsBefore = Engine.memory().liveTensors();
    }

    @AfterEach
    void nothingIsLeft() {
        Engine.setThreads(0);
        assertEquals(tensorsBefore, Engine.memory().liveTensors());
    }

    @Test
    void predictsWhatEvaluatePredicts() throws IOException {
        Path images = tiny.export(folder.resolve("images"), tiny.test().size());
        Path csv = folder.resolve("new/out.csv");
        Result result = predict("--input", images.toString(), "--output", csv.toString(), "--top-k", "2");
        assertEquals(0, result.exitCode, result.err);
        assertTrue(result.out.startsWith("40 images predicted, 0 skipped, "), result.out);
        List<String> lines = Files.readAllLines(csv);
        assertEquals("path,top1,prob1,top2,prob2", lines.getFirst());
        assertEquals(41, lines.size());
        List<String> expected = predictionsOfEvaluate();
        for (int i = 0; i < expected.size(); i++) {
            String[] row = lines.get(i + 1).split(",", -1);
            assertEquals(String.format("%04d.png", i), row[0]);
            assertEquals(expected.get(i), row[1], row[0]);
            assertTrue(Double.parseDouble(row[2]) >= Double.parseDouble(row[4]), lines.get(i + 1));
        }
    }

    // Through the same class as `hornbeam evaluate`.
    private static List<String> predictionsOfEvaluate() {
        Checkpoint checkpoint = Checkpoint.read(tiny.checkpoint());
        List<String> names = new ArrayList<>();
        try (Module network = TrainingParts.model(checkpoint.modelName(), checkpoint.modelSpec(), 0)) {
            Checkpoint.loadWeights(tiny.checkpoint(), network);
            new Evaluator(network, Augmentation.none(checkpoint.normalization()), 16, 1, Device.cpu())
                    .forEachBatch(tiny.test(), (logits, batch) -> {
                        for (long best : logits.argMax().toLongs()) {
                            names.add(checkpoint.classNames().get((int) best));
                        }
                    });
        }
        return names;
    }

    @Test
    void anyNumberOfThreadsGivesTheSameFile() throws IOException {
        Path images = mixedFolder();
        byte[] first = null;
        for (String[] threads : new String[][] {{"1", "1"}, {"2", "3"}, {"3", "8"}, {"1", "1"}}) {
            Path csv = folder.resolve("t" + threads[0] + threads[1] + ".csv");
            Result result = predict(
                    "--input",
                    images.toString(),
                    "--output",
                    csv.toString(),
                    "--batch",
                    "5",
                    "--threads",
                    threads[0],
                    "--workers",
                    threads[1]);
            assertEquals(0, result.exitCode, result.err);
            byte[] bytes = Files.readAllBytes(csv);
            if (first != null) {
                assertTrue(Arrays.equals(first, bytes), "threads " + Arrays.toString(threads));
            }
            first = bytes;
        }
    }

    @Test
    void imagesOfAllSizesAndFormatsAreRead() throws IOException {
        Path images = mixedFolder();
        Result result = predict("--input", images.toString());
        assertEquals(0, result.exitCode, result.err);
        try (Stream<Path> files = Files.list(images)) {
            List<String> names =
                    files.map(file -> file.getFileName().toString()).sorted().toList();
            List<String> rows = result.out
                    .lines()
                    .skip(1)
                    .map(line -> line.substring(0, line.indexOf(',')))
                    .toList();
            assertEquals(names, rows);
        }
        assertTrue(result.err.contains(" images predicted, 0 skipped"), result.err);
    }

    private Path mixedFolder() throws IOException {
        Path images = tiny.export(folder.resolve("mixed"), 7);
        try (Stream<Path> golden = Files.list(GoldenImages.folder())) {
            for (Path file :
                    golden.filter(path -> !path.toString().endsWith(".npz")).toList()) {
                Files.copy(file, images.resolve(file.getFileName().toString()));
            }
        }
        for (int i = 0; i < 6; i++) {
            BufferedImage image = new BufferedImage(10 + 37 * i, 200 - 30 * i, BufferedImage.TYPE_3BYTE_BGR);
            image.setRGB(3, 3, Color.ORANGE.getRGB());
            String format = List.of("png", "jpg", "bmp").get(i % 3);
            ImageIO.write(
                    image, format, images.resolve("size-" + i + "." + format).toFile());
        }
        return images;
    }

    @Test
    void whatCannotBeReadIsReportedAndSkipped() throws IOException {
        Path images = tiny.export(folder.resolve("images"), 3);
        byte[] png = Files.readAllBytes(images.resolve("0000.png"));
        Files.write(images.resolve("0001b-cut.png"), Arrays.copyOf(png, png.length / 2));
        Files.write(images.resolve("0001c-empty.jpg"), new byte[0]);
        Files.writeString(images.resolve("0001d-text.jpg"), "hello");
        Files.writeString(images.resolve("notes.txt"), "not asked for");
        Path csv = folder.resolve("out.csv");
        Result result = predict("--input", images.toString(), "--output", csv.toString());
        assertEquals(1, result.exitCode);
        List<String> warnings = result.err.lines().toList();
        assertEquals(3, warnings.size(), result.err);
        assertEquals(
                "hornbeam: warning: skipped: cannot read " + images.resolve("0001c-empty.jpg") + ": the file is empty",
                warnings.get(1));
        for (String warning : warnings) {
            assertTrue(warning.startsWith("hornbeam: warning: skipped: cannot read " + images), warning);
        }
        assertTrue(result.out.startsWith("3 images predicted, 3 skipped, "), result.out);
        assertEquals(4, Files.readAllLines(csv).size());
    }

    @Test
    void nothingButDamagedImagesGivesAHeadAlone() throws IOException {
        Path images = Files.createDirectories(folder.resolve("images"));
        Files.write(images.resolve("empty.jpg"), new byte[0]);
        Result result = predict("--input", images.toString(), "--top-k", "1");
        assertEquals(1, result.exitCode);
        assertEquals("path,top1,prob1\n", result.out);
    }

    @Test
    void foldersInFoldersAreSearchedOnDemand() throws IOException {
        Path images = folder.resolve("images");
        tiny.export(images.resolve("b/c"), 1);
        tiny.export(images.resolve("a"), 1);
        tiny.export(images.resolve(".hidden"), 1);
        Files.createSymbolicLink(images.resolve("a/loop"), images);
        Result without = predict("--input", images.toString());
        assertEquals(1, without.exitCode);
        assertTrue(without.err.contains("there is no image in " + images), without.err);
        assertTrue(without.err.contains("--recursive"), without.err);
        assertEquals(1, without.err.lines().count(), without.err);
        Result with = predict("--input", images.toString(), "--recursive");
        assertEquals(0, with.exitCode, with.err);
        assertEquals(
                List.of("a/0000.png", "b/c/0000.png"),
                with.out
                        .lines()
                        .skip(1)
                        .map(line -> line.substring(0, line.indexOf(',')))
                        .toList());
    }

    @Test
    void namesAreQuotedAsInRfc4180() throws IOException {
        Path images = tiny.export(folder.resolve("images"), 1);
        Files.move(images.resolve("0000.png"), images.resolve("a \"b\", c.png"));
        Path labels = Files.writeString(folder.resolve("labels.txt"), "plain\nwith, comma\nwith \"quote\"\nlast\n");
        Result result = predict("--input", images.toString(), "--labels", labels.toString());
        assertEquals(0, result.exitCode, result.err);
        String row = result.out.lines().toList().get(1);
        assertTrue(row.startsWith("\"a \"\"b\"\", c.png\","), row);
        assertTrue(row.contains(",\"with, comma\",0."), row);
        assertTrue(row.contains(",\"with \"\"quote\"\"\",0."), row);
        assertTrue(row.contains(",plain,0."), row);
    }

    @Test
    void labelsThatDoNotFitAreRefused() throws IOException {
        Path images = tiny.export(folder.resolve("images"), 1);
        Path labels = Files.writeString(folder.resolve("labels.txt"), "one\ntwo\n");
        Result result = predict("--input", images.toString(), "--labels", labels.toString());
        assertOneLine(result, labels + " has 2 names, one a line; the network has 4 classes");
    }

    @Test
    void jsonHasEverything() throws IOException {
        Path images = tiny.export(folder.resolve("images"), 2);
        Files.write(images.resolve("empty.jpg"), new byte[0]);
        Result result = predict("--input", images.toString(), "--json", "--top-k", "9");
        assertEquals(1, result.exitCode);
        JsonNode json = new JsonMapper().readTree(result.out);
        assertEquals(2, json.get("images").asInt());
        assertEquals("empty.jpg", json.at("/skipped/0/path").asText());
        assertTrue(json.at("/skipped/0/reason").asText().endsWith("the file is empty"));
        assertEquals("0000.png", json.at("/predictions/0/path").asText());
        assertEquals(4, json.at("/predictions/0/classes").size());
        double sum = 0;
        for (JsonNode one : json.at("/predictions/0/classes")) {
            sum += one.get("probability").asDouble();
        }
        assertEquals(1, sum, 1e-9);
        Path csv = folder.resolve("out.csv");
        Result toFile = predict("--input", images.toString(), "--json", "--output", csv.toString());
        json = new JsonMapper().readTree(toFile.out);
        assertEquals(csv.toString(), json.get("output").asText());
        assertFalse(json.has("predictions"));
        assertEquals(3, Files.readAllLines(csv).size());
    }

    @Test
    void oneFileIsEnough() throws IOException {
        Path image = tiny.export(folder.resolve("images"), 1).resolve("0000.png");
        Result result = predict("--input", image.toString(), "--top-k", "1");
        assertEquals(0, result.exitCode, result.err);
        assertTrue(result.out.lines().toList().get(1).startsWith(image + ","), result.out);
    }

    @Test
    void wrongInputIsOneLine() throws IOException {
        Path images = tiny.export(folder.resolve("images"), 1);
        Path empty = Files.createDirectories(folder.resolve("empty"));
        assertOneLine(predict("--input", empty.toString()), "there is no image in " + empty);
        assertOneLine(predict("--input", folder.resolve("none").toString()), "no such file or folder");
        String in = images.toString();
        assertOneLine(predict("--input", in, "--output", "y.npy"), "name a .csv");
        assertOneLine(predict("--input", in, "--top-k", "0"), "--top-k is 0");
        assertOneLine(predict("--input", in, "--batch", "0"), "--batch is 0");
        assertOneLine(predict("--input", in, "--size", "wide"), "--size is wide");
        assertOneLine(predict("--input", in, "--size", "16", "--resize", "8"), "shorter side of 8");
        assertOneLine(predict("--input", in, "--mean", "0.5"), "--mean and --std");
        assertOneLine(predict("--input", in, "--mean", "0,0,0", "--std", "1,1,1"), "3 channels");
        assertOneLine(predict("--input", in, "--background", "blue"), "blue");
        assertOneLine(predict("--input", in, "--channels", "3"), "--channels is 3");
        assertOneLine(predict("--input", in, "--labels", folder.resolve("none").toString()), "no such file");
        // A file where the output's folder should be: nothing is left beside it.
        Path inTheWay = Files.writeString(folder.resolve("way"), "");
        assertOneLine(
                predict("--input", in, "--output", inTheWay.resolve("out.csv").toString()), "cannot write");
        Path array = folder.resolve("x.npy");
        Npy.write(array, HostArray.of(tiny.test().image(0), 1, 12, 12, 1));
        assertOneLine(predict("--input", array.toString(), "--output", "out.csv"), "--output Y.npy");
    }

    @Test
    void limitsAndSizesCanBeGiven() throws IOException {
        Path images = tiny.export(folder.resolve("images"), 1);
        Result small = predict("--input", images.toString(), "--max-pixels", "100");
        assertEquals(1, small.exitCode);
        assertTrue(small.err.contains("12x12 pixels; up to 100 are read"), small.err);
        // The network takes any size; another one gives other numbers.
        Result usual = predict("--input", images.toString());
        Result larger = predict("--input", images.toString(), "--size", "20", "--interpolation", "bicubic");
        assertEquals(0, larger.exitCode, larger.err);
        assertFalse(usual.out.equals(larger.out));
    }

    @Test
    void anArrayStillGivesLogits() throws IOException {
        Path array = folder.resolve("x.npy");
        byte[] pixels = new byte[6 * 144];
        for (int i = 0; i < 6; i++) {
            tiny.test().copyImage(i, pixels, i * 144);
        }
        Npy.write(array, HostArray.of(pixels, 6, 12, 12));
        Path output = folder.resolve("y.npy");
        Result result = predict("--input", array.toString(), "--output", output.toString());
        assertEquals(0, result.exitCode, result.err);
        HostArray logits = Npy.read(output);
        assertEquals("[6, 4]", Arrays.toString(logits.shape()));
        List<String> expected = predictionsOfEvaluate();
        for (int i = 0; i < 6; i++) {
            float[] row = Arrays.copyOfRange(logits.toFloats(), 4 * i, 4 * i + 4);
            int best = 0;
            for (int c = 1; c < 4; c++) {
                best = row[c] > row[best] ? c : best;
            }
            assertEquals(expected.get(i), Integer.toString(best));
        }
    }

    @Test
    void checkpointsOlderThanPreprocessingAreRead() throws IOException {
        Path images = tiny.export(folder.resolve("images"), 5);
        Path old = folder.resolve("old.safetensors");
        try (Safetensors file = Safetensors.open(tiny.checkpoint());
                TensorScope _ = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (String name : file.entries().keySet()) {
                tensors.put(name, file.read(name));
            }
            ObjectNode json =
                    (ObjectNode) new JsonMapper().readTree(file.metadata().get("hornbeam"));
            assertEquals(
                    "{\"height\":12,\"width\":12,\"channels\":1,\"resize\":\"12\",\"interpolation\":\"bilinear\",\"background\":\"white\"}",
                    json.remove("preprocessing").toString());
            Safetensors.write(old, tensors, Map.of("hornbeam", json.toString()));
        }
        assertEquals(
                Checkpoint.read(tiny.checkpoint()).preprocessing(),
                Checkpoint.read(old).preprocessing());
        Result now = predict("--input", images.toString());
        Result then = run("predict", "--checkpoint", old.toString(), "--input", images.toString());
        assertEquals(0, then.exitCode, then.err);
        assertEquals(now.out, then.out);
    }

    @Test
    void weightsAloneSayWhatIsAssumed() throws IOException {
        Path images = tiny.export(folder.resolve("images"), 2);
        Path weights = weights("resnet18_imagenet", 7);
        Result result = run(
                "predict",
                "--checkpoint",
                weights.toString(),
                "--model",
                "resnet18_imagenet",
                "--width",
                "4",
                "--size",
                "64",
                "--input",
                images.toString());
        assertEquals(0, result.exitCode, result.err);
        String assumed = result.err.lines().findFirst().orElseThrow();
        for (String part : List.of(
                weights.toString(),
                "shorter side to 73",
                "centre 64x64",
                "colour",
                "[0.485, 0.456, 0.406]",
                "--mean")) {
            assertTrue(assumed.contains(part), assumed);
        }
        assertEquals(3, result.out.lines().count());

        Path small = weights("resnet20", 3);
        Result other = run(
                "predict",
                "--checkpoint",
                small.toString(),
                "--model",
                "resnet20",
                "--width",
                "4",
                "--input",
                images.toString());
        assertEquals(0, other.exitCode, other.err);
        assertTrue(other.err.contains("centre 32x32, colour") && other.err.contains("mean [0.0, 0.0, 0.0]"), other.err);
        assertOneLine(run("predict", "--checkpoint", small.toString(), "--input", images.toString()), "--model NAME");
    }

    private Path weights(String model, int classes) throws IOException {
        Path file = folder.resolve(model + ".safetensors");
        try (Module network =
                        ModelCatalog.create(model, ModelSpec.of(3, classes).withWidth(4), 1);
                TensorScope _ = TensorScope.open()) {
            Safetensors.write(file, WeightsFile.toFile(network), Map.of());
        }
        return file;
    }

    private static Result predict(String... args) {
        return run(Stream.concat(
                        Stream.of("predict", "--checkpoint", tiny.checkpoint().toString()), Stream.of(args))
                .toArray(String[]::new));
    }

    private static void assertOneLine(Result result, String text) {
        assertEquals(1, result.exitCode, result.out + result.err);
        assertTrue(result.err.startsWith("hornbeam: error: "), result.err);
        assertEquals(1, result.err.strip().lines().count(), result.err);
        assertTrue(result.err.contains(text), result.err);
        assertEquals("", result.out);
    }

    private static Result run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
        return new Result(exitCode, out.toString(), err.toString());
    }
}
