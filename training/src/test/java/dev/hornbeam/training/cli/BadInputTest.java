package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npz;
import dev.hornbeam.training.run.SyntheticImages;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Wrong input at the command line: one clear line, exit code 1, nothing half-written. */
class BadInputTest {
    @TempDir
    private Path folder;

    private record Result(int exitCode, String out, String err) {}

    @Test
    void aDataSetThatIsMissing() {
        expect("/nowhere/images.npz", train("data.name=/nowhere/images.npz"));
    }

    @Test
    void anUnknownDataSet() {
        expect("fashion-mnist", train("data.name=fashion-mnits"));
    }

    @Test
    void aTruncatedIdxFile() throws IOException {
        Path set = Files.createDirectories(folder.resolve("idx"));
        byte[] images = new byte[16 + 100];
        System.arraycopy(new byte[] {0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 28, 0, 0, 0, 28}, 0, images, 0, 16);
        Files.write(set.resolve("train-images-idx3-ubyte"), images);
        Files.write(set.resolve("train-labels-idx1-ubyte"), new byte[] {0, 0, 8, 1, 0, 0, 0, 0});
        Files.write(set.resolve("t10k-images-idx3-ubyte"), images);
        Files.write(set.resolve("t10k-labels-idx1-ubyte"), new byte[] {0, 0, 8, 1, 0, 0, 0, 0});
        expect("-images-idx3-ubyte", train("data.name=" + set));
    }

    @Test
    void labelsOutOfRange() throws IOException {
        Path file = folder.resolve("bad.npz");
        Npz.write(
                file,
                Map.of(
                        "images", HostArray.of(new byte[4 * 12 * 12], 4, 12, 12, 1),
                        "labels", HostArray.of(new long[] {0, 1, -3, 1}, 4)),
                false);
        expect("-3", train("data.name=" + file));
    }

    @Test
    void anUnknownRecipeKey() throws IOException {
        Path data = SyntheticImages.write(folder.resolve("ok.npz"), 32, 16);
        expect("optimizer.lr", train("data.name=" + data, "optimizer.lrr=0.1"));
    }

    @Test
    void anUnknownRecipe() {
        Result result = run(
                "train",
                "--recipe",
                "quickstart/dmap",
                "--out",
                folder.resolve("run").toString());
        expect("quickstart/damp", result);
    }

    @Test
    void anUnwritableFolder() throws IOException {
        Path data = SyntheticImages.write(folder.resolve("ok.npz"), 32, 16);
        Path file = Files.writeString(folder.resolve("file"), "in the way");
        Result result = run(
                "train",
                "--recipe",
                "quickstart/sgd",
                "--out",
                file.resolve("run").toString(),
                "--set",
                "data.name=" + data,
                "--set",
                "data.batch=16");
        assertEquals(1, result.exitCode, result.err);
        assertOneLine(result, file.toString());
    }

    @Test
    void aCheckpointThatIsNone() throws IOException {
        Path data = SyntheticImages.write(folder.resolve("ok.npz"), 32, 16);
        Path file = Files.write(folder.resolve("weights.safetensors"), new byte[] {1, 2, 3});
        Result result = run("evaluate", "--checkpoint", file.toString(), "--dataset", data.toString());
        assertEquals(1, result.exitCode, result.err);
        assertOneLine(result, file.toString());
    }

    @Test
    void resumingWhereThereIsNoRun() {
        Result result = run("train", "--resume", "--out", folder.resolve("none").toString());
        assertEquals(1, result.exitCode, result.err);
        assertOneLine(result, "no run");
    }

    @Test
    void aDeviceThatIsNotThere() throws IOException {
        Path data = SyntheticImages.write(folder.resolve("ok.npz"), 32, 16);
        expect("cuda", train("data.name=" + data, "device=cuda"));
    }

    @Test
    void aWrongOptionIsTheCommandLinesFault() {
        assertEquals(2, run("train", "--resipe", "x").exitCode);
        assertEquals(2, run("trian").exitCode);
    }

    private Result train(String... settings) {
        String[] args = Stream.concat(
                        Stream.of(
                                "train",
                                "--recipe",
                                "quickstart/sgd",
                                "--out",
                                folder.resolve("run").toString()),
                        Stream.of(settings).flatMap(setting -> Stream.of("--set", setting)))
                .toArray(String[]::new);
        return run(args);
    }

    private void expect(String named, Result result) {
        assertEquals(1, result.exitCode, result.out + result.err);
        assertOneLine(result, named);
        assertFalse(Files.exists(folder.resolve("run")), "nothing is written");
    }

    private static void assertOneLine(Result result, String named) {
        assertTrue(result.err.startsWith("hornbeam: error: "), result.err);
        assertEquals(1, result.err.strip().lines().count(), result.err);
        assertTrue(result.err.contains(named), result.err);
    }

    private static Result run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
        return new Result(exitCode, out.toString(), err.toString());
    }
}
