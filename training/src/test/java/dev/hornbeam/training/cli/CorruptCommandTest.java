package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.training.corruption.build.SmallJobs;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code hornbeam corrupt} on an image, a tree and a data set. */
final class CorruptCommandTest {
    @TempDir
    private Path folder;

    private Path tree;

    private record Result(int exitCode, String out, String err) {}

    @BeforeEach
    void makeTree() throws IOException {
        tree = SmallJobs.tree(folder);
    }

    private static Result run(Object... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] words = new String[args.length + 1];
        words[0] = "corrupt";
        for (int i = 0; i < args.length; i++) {
            words[i + 1] = args[i].toString();
        }
        int code = Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), words);
        return new Result(code, out.toString(), err.toString());
    }

    private static void refused(String message, Object... args) {
        Result result = run(args);
        assertEquals(1, result.exitCode, result.out + result.err);
        assertTrue(result.err.contains(message), result.err);
    }

    private Path image() {
        return tree.resolve("class1/image7.png");
    }

    @Test
    void imageBecomesAFile() throws IOException {
        Path target = folder.resolve("out.png");
        Result result = run(
                "--input",
                image(),
                "--output",
                target,
                "--corruptions",
                "contrast",
                "--severities",
                "3",
                "--seed",
                "5");
        assertEquals(0, result.exitCode, result.err);
        BufferedImage corrupted = ImageIO.read(target.toFile());
        assertEquals(47, corrupted.getWidth());
        assertEquals(33, corrupted.getHeight());
        refused(
                "are 15 images",
                "--input",
                image(),
                "--output",
                target,
                "--corruptions",
                "contrast,pixelate,brightness");
    }

    @Test
    void imageBecomesAllSeverities() throws IOException {
        Path target = folder.resolve("all");
        Result result = run("--input", image(), "--output", target, "--corruptions", "contrast,pixelate");
        assertEquals(0, result.exitCode, result.err);
        assertEquals(10, SmallJobs.contents(target).size());
        assertTrue(Files.exists(target.resolve("image7-pixelate-5.png")));
        assertNotEquals(
                SmallJobs.contents(target).get("image7-contrast-1.png"),
                SmallJobs.contents(target).get("image7-contrast-5.png"));
    }

    @Test
    void treeIsBuiltVerifiedAndNotBuiltAgain() throws IOException {
        Path target = folder.resolve("set");
        Object[] args = {
            "--input", tree, "--output", target, "--corruptions", "quick", "--severities", "1-2,5", "--format", "png"
        };
        Result plan = run(with(args, "--dry-run", "--json"));
        JsonNode json = new JsonMapper().readTree(plan.out);
        assertEquals(180, json.get("images_to_do").asInt());
        assertFalse(Files.exists(target));
        Result built = run(args);
        assertEquals(0, built.exitCode, built.err);
        assertTrue(built.out.startsWith("180 images in 180 files, 0 skipped"), built.out);
        assertTrue(run(args).out.contains("is complete already"));
        Result verified = run("--verify", target);
        assertEquals(0, verified.exitCode, verified.out);
        Files.delete(target.resolve("pixelate/1/class0/image2.png"));
        Result damaged = run("--verify", target, "--json");
        assertEquals(1, damaged.exitCode);
        assertEquals(
                "pixelate/1/class0/image2.png: missing",
                new JsonMapper().readTree(damaged.out).at("/problems/0").asText());
    }

    private static Object[] with(Object[] args, Object... more) {
        Object[] all = Arrays.copyOf(args, args.length + more.length);
        System.arraycopy(more, 0, all, args.length, more.length);
        return all;
    }

    @Test
    void imagesAreResizedAndCutFirst() throws IOException {
        Path target = folder.resolve("set");
        Result result = run(
                "--input",
                tree,
                "--output",
                target,
                "--corruptions",
                "contrast",
                "--severities",
                "1",
                "--resize",
                "28",
                "--crop",
                "24",
                "--jpeg-quality",
                "70");
        assertEquals(0, result.exitCode, result.err);
        BufferedImage image =
                ImageIO.read(target.resolve("contrast/1/class0/image4.jpg").toFile());
        assertEquals(24, image.getWidth());
        assertEquals(24, image.getHeight());
        refused("--resize needs --crop", "--input", tree, "--output", target, "--resize", "28");
    }

    @Test
    void dataSetBecomesArrays() throws IOException {
        Path npz = folder.resolve("images.npz");
        SmallJobs.arrays(folder, folder.resolve("unused"));
        Path target = folder.resolve("set");
        Result result = run(
                "--input",
                npz,
                "--output",
                target,
                "--corruptions",
                "contrast",
                "--limit",
                "5",
                "--threads",
                "2",
                "--json");
        assertEquals(0, result.exitCode, result.err);
        assertEquals(25, new JsonMapper().readTree(result.out).get("images").asInt());
        assertTrue(Files.exists(target.resolve("contrast.npy")));
        refused("are for image files", "--input", npz, "--output", target, "--format", "png");
    }

    @Test
    void skippedImagesAreReported() throws IOException {
        Files.writeString(tree.resolve("class0/broken.jpg"), "no image");
        Result result = run("--input", tree, "--output", folder.resolve("set"), "--corruptions", "contrast");
        assertEquals(1, result.exitCode);
        assertTrue(result.err.contains("warning: skipped: class0/broken.jpg"), result.err);
    }

    @Test
    void contactSheetShowsEverySeverity() throws IOException {
        Path sheet = folder.resolve("sheet.png");
        Result result = run(
                "--input",
                tree,
                "--contact-sheet",
                sheet,
                "--sheet-image",
                "6",
                "--corruptions",
                "brightness,contrast");
        assertEquals(0, result.exitCode, result.err);
        BufferedImage picture = ImageIO.read(sheet.toFile());
        // Image 3 of class 1 has 43 x 33 pixels and is shown at twice that; margins and gaps as in ContactSheet.
        int left = picture.getWidth() - 12 - 6 * 86 - 5 * 6;
        BufferedImage clean = ImageIO.read(tree.resolve("class1/image3.png").toFile());
        int top = picture.getHeight() - 12 - 2 * 66 - 6;
        int[] shown = new int[43];
        int[] expected = new int[43];
        for (int x = 0; x < shown.length; x++) {
            shown[x] = picture.getRGB(left + 2 * x + 1, top + 2 * 10 + 1);
            expected[x] = clean.getRGB(x, 10);
        }
        assertArrayEquals(expected, shown);
        refused("there is no image 10", "--input", tree, "--contact-sheet", sheet, "--sheet-image", "10");
    }

    @Test
    void mistakesAreExplained() {
        refused("--input is missing", "--output", folder);
        refused("--output is missing", "--input", tree);
        refused("did you mean contrast", "--input", tree, "--output", folder, "--corruptions", "contrst");
        refused("expected numbers 1..5", "--input", tree, "--output", folder, "--severities", "3-1");
        refused("severity 6", "--input", tree, "--output", folder, "--severities", "6");
        refused("unknown engine 'sprak'", "--input", tree, "--output", folder.resolve("x"), "--engine", "sprak");
        refused("hornbeam-training-spark", "--input", tree, "--output", folder.resolve("x"), "--engine", "spark");
        refused("is not empty", "--input", tree, "--output", tree);
        refused("unknown data set", "--input", "fashion-mnits", "--output", folder.resolve("x"));
        refused("has no manifest.json", "--verify", tree);
    }
}
