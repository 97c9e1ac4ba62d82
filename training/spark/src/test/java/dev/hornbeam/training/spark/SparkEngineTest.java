package dev.hornbeam.training.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npz;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.corruption.build.CleanImages;
import dev.hornbeam.training.corruption.build.CorruptedSetBuilder;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder.Layout;
import dev.hornbeam.training.corruption.build.CorruptionEngine;
import dev.hornbeam.training.corruption.build.CorruptionJob;
import dev.hornbeam.training.corruption.build.Fitting;
import dev.hornbeam.training.corruption.build.ImageEncoding;
import dev.hornbeam.training.corruption.build.LocalEngine;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.image.PixelImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sets built on Spark are those that one process builds, to the byte. */
final class SparkEngineTest {
    private static final Optional<String> TWO_EXECUTORS = Optional.of("local[2]");
    private static final int COUNT = 70;
    private static final int SIDE = 64;

    @TempDir
    private Path folder;

    private static byte[] pixels(int images) {
        Philox draw = new Philox(5, Philox.Purpose.TEST, 0, 0, 0);
        byte[] pixels = new byte[images * SIDE * SIDE * 3];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) draw.word(i);
        }
        return pixels;
    }

    private CorruptionJob arrays(String output) throws IOException {
        Path file = folder.resolve("images.npz");
        if (!Files.exists(file)) {
            Map<String, HostArray> parts = new TreeMap<>();
            parts.put("x_test", HostArray.of(pixels(COUNT), COUNT, SIDE, SIDE, 3));
            parts.put("y_test", HostArray.of(new int[COUNT], COUNT));
            Npz.write(file, parts, false);
        }
        return job(CleanImages.Location.ofDataSet(file.toString(), Split.TEST, null, 0), Layout.CIFAR_C, output);
    }

    private CorruptionJob files(String output) throws IOException {
        Path tree = folder.resolve("tree");
        byte[] pixels = pixels(9);
        for (int i = 0; i < 9; i++) {
            byte[] own = new byte[SIDE * SIDE * 3];
            System.arraycopy(pixels, i * own.length, own, 0, own.length);
            Path file = tree.resolve("class" + i % 2 + "/" + i + ".png");
            Files.createDirectories(file.getParent());
            Files.write(file, ImageEncoding.PNG.encode(new PixelImage(SIDE, SIDE, 3, own)));
        }
        return job(CleanImages.Location.ofFolder(tree, 0, Fitting.NONE), Layout.IMAGENET_C, output);
    }

    private CorruptionJob job(CleanImages.Location images, Layout layout, String output) {
        return new CorruptionJob(
                images,
                Corruptions.select(List.of("gaussian_noise", "contrast", "brightness")),
                List.of(1, 3),
                4,
                Optional.empty(),
                Optional.empty(),
                layout,
                ImageEncoding.jpeg(80),
                folder.resolve(output));
    }

    /** Counts, and says stop after a number of images. */
    private record Count(long limit, AtomicLong images) implements CorruptionEngine.Progress {
        @Override
        public void done(long more) {
            images.addAndGet(more);
        }

        @Override
        public boolean isStopped() {
            return images.get() >= limit;
        }
    }

    private static long build(CorruptionJob job, CorruptionEngine engine, long limit) {
        Count count = new Count(limit, new AtomicLong());
        try (CorruptedSetBuilder builder = CorruptedSetBuilder.open(job, "test", List.of())) {
            builder.prepare();
            builder.build(engine, TWO_EXECUTORS, count);
        }
        return count.images.get();
    }

    private Map<String, String> contents(String name) throws IOException {
        Path root = folder.resolve(name);
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(root.relativize(file).toString(), HexFormat.of().formatHex(Files.readAllBytes(file)));
            }
        }
        return contents;
    }

    @Test
    void engineIsFoundByItsName() {
        assertInstanceOf(SparkEngine.class, CorruptionEngine.named("spark"));
    }

    @Test
    void arraysAreThoseOfOneProcess() throws IOException {
        assertEquals(6 * COUNT, build(arrays("local"), new LocalEngine(1), Long.MAX_VALUE));
        assertEquals(6 * COUNT, build(arrays("spark"), new SparkEngine(), Long.MAX_VALUE));
        assertEquals(contents("local"), contents("spark"));
    }

    @Test
    void imageFilesAreThoseOfOneProcess() throws IOException {
        assertEquals(54, build(files("local"), new LocalEngine(1), Long.MAX_VALUE));
        assertEquals(54, build(files("spark"), new SparkEngine(), Long.MAX_VALUE));
        assertEquals(contents("local"), contents("spark"));
        assertEquals(55, contents("spark").size());
    }

    @Test
    void stoppedBuildGoesOnElsewhere() throws IOException {
        build(arrays("whole"), new LocalEngine(2), Long.MAX_VALUE);
        assertThrows(CancellationException.class, () -> build(arrays("set"), new LocalEngine(1), 200));
        // Two chunks of 64 and 6 images at two severities are done.
        assertEquals(6 * COUNT - 2 * COUNT, build(arrays("set"), new SparkEngine(), Long.MAX_VALUE));
        assertEquals(contents("whole"), contents("set"));
    }

    @Test
    void executorsThatSeeOtherImagesSaySo() throws IOException {
        CorruptionJob job = files("set");
        Count count = new Count(Long.MAX_VALUE, new AtomicLong());
        try (CorruptedSetBuilder builder = CorruptedSetBuilder.open(job, "test", List.of())) {
            builder.prepare();
            Files.delete(folder.resolve("tree/class0/4.png"));
            UserError error =
                    assertThrows(UserError.class, () -> builder.build(new SparkEngine(), TWO_EXECUTORS, count));
            assertTrue(error.getMessage().contains("a worker finds other images"), error.getMessage());
        }
        assertFalse(Files.exists(folder.resolve("set/manifest.json")));
    }

    @Test
    void unknownMasterIsExplained() throws IOException {
        CorruptionJob job = files("set");
        try (CorruptedSetBuilder builder = CorruptedSetBuilder.open(job, "test", List.of())) {
            builder.prepare();
            UserError error = assertThrows(
                    UserError.class,
                    () -> builder.build(
                            new SparkEngine(), Optional.of("nowhere"), new Count(Long.MAX_VALUE, new AtomicLong())));
            assertTrue(error.getMessage().contains("nowhere"), error.getMessage());
        }
    }
}
