package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.run.TinyRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EvaluateCommandTest {
    @TempDir
    private static Path shared;

    @TempDir
    private Path folder;

    private static TinyRun tiny;

    private record Result(int exitCode, String out, String err) {}

    @BeforeAll
    static void train() {
        tiny = TinyRun.train(shared);
    }

    private static Result run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] all = Stream.concat(
                        Stream.of("evaluate", "--checkpoint", tiny.checkpoint().toString(), "--threads", "1"),
                        Stream.of(args))
                .toArray(String[]::new);
        int exitCode = Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), all);
        return new Result(exitCode, out.toString(), err.toString());
    }

    private static JsonNode json(String... args) throws IOException {
        Result result = run(Stream.concat(Stream.of(args), Stream.of("--json")).toArray(String[]::new));
        assertEquals(0, result.exitCode, result.err);
        return new JsonMapper().readTree(result.out);
    }

    private static void expectError(String named, String... args) {
        Result result = run(args);
        assertEquals(1, result.exitCode, result.out);
        assertTrue(result.err.startsWith("hornbeam: error: "), result.err);
        assertTrue(result.err.contains(named), result.err);
    }

    @Test
    void agreesWithWhatTheRunWrote() throws IOException {
        JsonNode evaluation = json();
        JsonNode summary =
                new JsonMapper().readTree(shared.resolve("run/summary.json").toFile());
        assertEquals(summary.at("/results/test_accuracy"), evaluation.path("accuracy"));
        assertEquals(
                summary.at("/results/test_loss").asDouble(),
                evaluation.path("loss").asDouble(),
                1e-5);
        assertEquals(summary.path("test_metrics"), evaluation.path("metrics"));
        assertTrue(summary.at("/results/test_calibration_error").isNumber());
        assertTrue(summary.at("/results/test_top4_accuracy").asDouble() == 1);
        assertEquals(
                tiny.test().size(),
                Files.readAllLines(shared.resolve("run/reliability.csv")).stream()
                        .skip(1)
                        .mapToInt(line -> Integer.parseInt(line.split(",", -1)[2]))
                        .sum());
    }

    @Test
    void keepsEverythingInAFolder() throws IOException {
        Path out = folder.resolve("e");
        Result result =
                run("--corruptions", "contrast", "--severities", "4,5", "--fgsm", "8/255", "--out", out.toString());
        assertEquals(0, result.exitCode, result.err);
        assertTrue(result.out.contains("1 corruption (contrast), severities 4, 5"), result.out);
        assertTrue(result.out.contains("8/255"), result.out);
        JsonNode json = new JsonMapper().readTree(out.resolve("evaluation.json").toFile());
        assertEquals(2, json.at("/corruption_errors/errors/contrast").size());
        assertEquals(0.0314, json.at("/adversarial/epsilons/0").asDouble(), 1e-4);
        assertTrue(
                json.at("/adversarial/losses/0").asDouble() > json.path("loss").asDouble());
        assertTrue(
                Files.readString(out.resolve("corruptions.csv")).startsWith("corruption,severity_4,severity_5,mean\n"));
        assertTrue(Files.readString(out.resolve("confusion.csv")).startsWith("true,0,1,2,3\n"));
        String html = Files.readString(out.resolve("report.html"));
        assertTrue(html.contains("Error under attack") && html.contains("<th scope=\"row\">8/255</th>"));
        assertFalse(html.contains("NaN"));
        // The evaluation is a baseline: beside itself everything is 100 per cent.
        JsonNode again = json("--corruptions", "contrast", "--severities", "4,5", "--baseline", out.toString());
        assertEquals(1, again.at("/relative_errors/mean_ce").asDouble(), 1e-12);
        assertEquals(1, again.at("/relative_errors/ce/contrast").asDouble(), 1e-12);
        assertEquals("e", again.at("/relative_errors/baseline").asText());
    }

    @Test
    void aSetOnDiskGivesWhatCorruptingGives() throws IOException {
        ImageSet test = tiny.test();
        Path set = Files.createDirectories(folder.resolve("set-c"));
        for (String name : List.of("contrast", "pixelate")) {
            byte[] all = new byte[5 * test.size() * test.imageLength()];
            for (int severity = 1; severity <= 5; severity++) {
                ImageSet corrupted = CorruptedImages.of(test, Corruptions.named(name), severity, 1, 1);
                for (int i = 0; i < test.size(); i++) {
                    corrupted.copyImage(i, all, ((severity - 1) * test.size() + i) * test.imageLength());
                }
            }
            Npy.write(
                    set.resolve(name + ".npy"),
                    HostArray.of(all, 5L * test.size(), test.height(), test.width(), test.channels()));
        }
        Npy.write(set.resolve("labels.npy"), HostArray.of(test.labels(), test.size()));
        JsonNode onDisk = json("--corrupted-set", set.toString());
        JsonNode onTheFly = json("--corruptions", "contrast,pixelate");
        assertEquals(
                onTheFly.at("/corruption_errors/errors/contrast").toString(),
                onDisk.at("/corruption_errors/errors/contrast").toString());
        assertEquals(onTheFly.path("corruption_errors"), onDisk.path("corruption_errors"));
        JsonNode some = json(
                "--corrupted-set", set.toString(), "--corruptions", "common", "--severities", "3", "--subset", "8");
        assertEquals("[3]", some.at("/corruption_errors/severities").toString());
        assertEquals(2, some.at("/corruption_errors/errors").size());
        expectError("snow", "--corrupted-set", set.toString(), "--corruptions", "snow");
    }

    @Test
    void aFolderOfClassFolders() throws IOException {
        Path images = folder.resolve("sketch");
        for (int i = 0; i < 20; i++) {
            int label = tiny.test().label(i);
            if (label == 1 || label == 2) {
                Path in = Files.createDirectories(images.resolve(label == 1 ? "n01" : "n02"));
                ImageIO.write(tiny.image(i), "png", in.resolve(i + ".png").toFile());
            }
        }
        Path map = Files.writeString(folder.resolve("map.csv"), "# names\nn01,1\n\nn02 , 2\nn03,3\n");
        JsonNode all = json("--input", images.toString(), "--class-map", map.toString());
        assertEquals(10, all.path("images").asInt());
        assertEquals(4, all.at("/metrics/top_k_accuracy").size());
        JsonNode two = json("--input", images.toString(), "--class-map", map.toString(), "--only-mapped");
        assertEquals(2, two.at("/metrics/top_k_accuracy").size());
        assertTrue(two.path("accuracy").asDouble() >= all.path("accuracy").asDouble());
        // The same images from the data set give the same.
        int[] positions = java.util.stream.IntStream.range(0, 20)
                .filter(i -> tiny.test().label(i) == 1 || tiny.test().label(i) == 2)
                .toArray();
        assertEquals(positions.length, all.path("images").asInt());

        JsonNode several = json(
                "--input",
                images.toString(),
                "--class-map",
                map.toString(),
                "--dataset",
                shared.resolve("squares.npz").toString());
        assertEquals(2, several.path("sets").size());
        assertEquals(40, several.at("/sets/0/images").asInt());
        assertEquals(all, several.at("/sets/1"));

        expectError("n01", "--input", images.toString());
        Files.writeString(map, "n01,1\n");
        expectError("n02", "--input", images.toString(), "--class-map", map.toString());
        Files.writeString(map, "n01,1\nn02,9\n");
        expectError("0..3", "--input", images.toString(), "--class-map", map.toString());
        Files.writeString(map, "n01\n");
        expectError(map + ":1", "--input", images.toString(), "--class-map", map.toString());
        expectError("--input", "--only-mapped");
    }

    @Test
    void wrongOptions() {
        expectError(
                "--baseline needs --corruptions",
                "--baseline",
                shared.resolve("run").toString());
        expectError(
                "no errors on corrupted images",
                "--corruptions",
                "contrast",
                "--baseline",
                shared.resolve("run").toString());
        expectError("neither summary.json", "--corruptions", "contrast", "--baseline", folder.toString());
        expectError("--fgsm is 8/0", "--fgsm", "8/0");
        expectError("--fgsm is x", "--fgsm", "x");
        expectError("--csv needs", "--csv", folder.resolve("x.csv").toString());
        expectError("severity 6", "--corruptions", "contrast", "--severities", "6");
    }
}
