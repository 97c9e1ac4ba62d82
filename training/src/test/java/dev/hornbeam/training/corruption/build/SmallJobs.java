package dev.hornbeam.training.corruption.build;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npz;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder.Layout;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.data.TestImages;
import dev.hornbeam.training.image.PixelImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/** Jobs that take a moment, and what comes out of them. */
public final class SmallJobs {
    /** Images of the data set; more than one chunk of them. */
    static final int COUNT = 70;

    static final int SIDE = 64;
    static final int CHANNELS = 3;
    static final int CLASSES = 10;
    static final long SEED = 7;

    private SmallJobs() {}

    static ImageSet images() {
        return TestImages.random(COUNT, SIDE, SIDE, CHANNELS, CLASSES, 3).withSplit(Split.TEST);
    }

    /** Writes the images as an .npz file. */
    static Path npz(Path folder) throws IOException {
        ImageSet set = images();
        byte[] pixels = new byte[set.size() * set.imageLength()];
        for (int i = 0; i < set.size(); i++) {
            set.copyImage(i, pixels, i * set.imageLength());
        }
        Map<String, HostArray> arrays = new LinkedHashMap<>();
        arrays.put("x_test", HostArray.of(pixels, COUNT, SIDE, SIDE, CHANNELS));
        arrays.put("y_test", HostArray.of(set.labels(), COUNT));
        Path file = folder.resolve("images.npz");
        Npz.write(file, arrays, false);
        return file;
    }

    /** Of those images: six chunks. */
    public static CorruptionJob arrays(Path folder, Path output) throws IOException {
        return arrays(folder, output, Layout.CIFAR_C, List.of(1, 4));
    }

    static CorruptionJob arrays(Path folder, Path output, Layout layout, List<Integer> severities) throws IOException {
        return new CorruptionJob(
                CleanImages.Location.ofDataSet(npz(folder).toString(), Split.TEST, null, 0),
                Corruptions.select(List.of("gaussian_noise", "contrast", "brightness")),
                severities,
                SEED,
                Optional.empty(),
                Optional.empty(),
                layout,
                ImageEncoding.PNG,
                output);
    }

    /** Writes a tree of ten images in folders of two classes. */
    public static Path tree(Path folder) throws IOException {
        Path tree = folder.resolve("tree");
        ImageSet set = images();
        for (int i = 0; i < 10; i++) {
            PixelImage image = new PixelImage(SIDE, SIDE, CHANNELS, set.image(i)).crop(0, 0, 40 + i, 33);
            Path file = tree.resolve("class" + i % 2 + "/image" + i + ".png");
            Files.createDirectories(file.getParent());
            Files.write(file, ImageEncoding.PNG.encode(image));
        }
        return tree;
    }

    /** Of that tree: three chunks. */
    public static CorruptionJob files(Path folder, Path output, ImageEncoding encoding) throws IOException {
        return new CorruptionJob(
                CleanImages.Location.ofFolder(tree(folder), 0, Fitting.NONE),
                Corruptions.select(List.of("gaussian_noise", "pixelate")),
                List.of(2, 5),
                SEED,
                Optional.empty(),
                Optional.empty(),
                Layout.IMAGENET_C,
                encoding,
                output);
    }

    /** Builds a set and says how many corrupted images that took. */
    static long build(CorruptionJob job, int threads) {
        return build(job, new LocalEngine(threads), Optional.empty());
    }

    /** Builds a set on an engine and says how many corrupted images that took. */
    public static long build(CorruptionJob job, CorruptionEngine engine, Optional<String> master) {
        Count count = new Count(Long.MAX_VALUE);
        try (CorruptedSetBuilder builder = CorruptedSetBuilder.open(job, "test", List.of())) {
            builder.prepare();
            builder.build(engine, master, count);
        }
        return count.done.get();
    }

    /** Builds a set until so many images are corrupted. */
    static void begin(CorruptionJob job, int threads, long images) {
        try (CorruptedSetBuilder builder = CorruptedSetBuilder.open(job, "test", List.of())) {
            builder.prepare();
            builder.build(new LocalEngine(threads), Optional.empty(), new Count(images));
            throw new AssertionError("the build came to its end before it was stopped");
        } catch (CancellationException e) {
            // As wanted.
            return;
        }
    }

    /** Every file in a folder with its content's checksum, hidden ones too. */
    public static Map<String, String> contents(Path folder) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(folder.relativize(file).toString(), Checksum.of(file));
            }
        }
        return contents;
    }

    /** Counts, and says stop after a number of images. */
    record Count(long limit, AtomicLong done) implements CorruptionEngine.Progress {
        Count(long limit) {
            this(limit, new AtomicLong());
        }

        @Override
        public void done(long images) {
            done.addAndGet(images);
        }

        @Override
        public boolean isStopped() {
            return done.get() >= limit;
        }
    }
}
