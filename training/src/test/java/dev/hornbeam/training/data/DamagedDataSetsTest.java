package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.DamagedFiles;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The readers of data sets, images and targets on {@link DamagedFiles}. */
final class DamagedDataSetsTest {
    private static final DataSetCatalog CATALOG = DataSetCatalog.of(null, Map.of());

    static Stream<Arguments> folders() {
        Map<String, Supplier<Map<String, byte[]>>> sets = new LinkedHashMap<>();
        sets.put("idx", () -> idx(false));
        sets.put("idx gzip", () -> idx(true));
        sets.put("cifar-10 binary", PublishedFiles::cifar10Binary);
        sets.put("cifar-10 python", PublishedFiles::cifar10Python);
        sets.put("cifar-100 binary", PublishedFiles::cifar100Binary);
        sets.put("cifar-100 python", PublishedFiles::cifar100Python);
        sets.put("svhn compressed", () -> PublishedFiles.svhn(true));
        sets.put("svhn plain", () -> PublishedFiles.svhn(false));
        sets.put("stl-10", PublishedFiles::stl10);
        sets.put("tiny-imagenet", PublishedFiles::tinyImageNet);
        sets.put("imagenet", PublishedFiles::imageNet);
        sets.put("imagenet-30", PublishedFiles::imageNet30);
        sets.put("caltech-256", PublishedFiles::caltech256);
        sets.put("aircraft", PublishedFiles::aircraft);
        sets.put("cub", PublishedFiles::birds);
        sets.put("cars compressed", () -> PublishedFiles.cars(true));
        sets.put("cars plain", () -> PublishedFiles.cars(false));
        sets.put("dogs compressed", () -> PublishedFiles.dogs(true));
        sets.put("dogs plain", () -> PublishedFiles.dogs(false));
        sets.put("flowers compressed", () -> PublishedFiles.flowers(true));
        sets.put("flowers plain", () -> PublishedFiles.flowers(false));
        sets.put("flowers little-endian", () -> PublishedFiles.flowers(false, ByteOrder.LITTLE_ENDIAN));
        sets.put("indoor", PublishedFiles::indoor);
        sets.put("class folders", PublishedFiles::classFolders);
        return sets.entrySet().stream().map(set -> Arguments.of(set.getKey(), set.getValue()));
    }

    private static Map<String, byte[]> idx(boolean packed) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        String ending = packed ? ".gz" : "";
        files.put(KnownDataSet.TRAIN_IMAGES + ending, TestImages.idx(TestImages.bytes(24, 1), 4, 2, 3));
        files.put(KnownDataSet.TRAIN_LABELS + ending, TestImages.idx(new byte[] {0, 1, 2, 0}, 4));
        files.put(KnownDataSet.TEST_IMAGES + ending, TestImages.idx(TestImages.bytes(12, 2), 2, 2, 3));
        files.put(KnownDataSet.TEST_LABELS + ending, TestImages.idx(new byte[] {2, 1}, 2));
        if (packed) {
            files.replaceAll((_, content) -> TestImages.gzip(content));
        }
        return files;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("folders")
    void foldersOfPublishedFiles(String name, Supplier<Map<String, byte[]>> set) {
        // Half of the damaged files are lists and labels, however many images there are.
        DataSetFormat[] format = new DataSetFormat[1];
        new DamagedFiles(name, set.get(), (folder, damaged) -> {
                    if (damaged.isEmpty()) {
                        // Which format it is does not depend on what is in the files.
                        format[0] = DataSetFormat.ofFolders().stream()
                                .filter(one -> one.isIn(folder))
                                .findFirst()
                                .orElseThrow();
                        return read(CATALOG.load(folder.toString()), "");
                    }
                    return read(
                            format[0].open(new DataSetFormat.Request(folder.toString(), folder, List.of())), damaged);
                })
                .mostly(file -> !isImage(file))
                .check();
    }

    private static boolean isImage(String file) {
        return file.matches(".*\\.(JPEG|jpg|png)");
    }

    // Of sets of files, the image that was damaged is decoded; if that was a list, one that it may have made another.
    private static long read(DataSet set, String damaged) {
        long bytes = 0;
        for (String part : set.parts()) {
            ImageSet images = set.part(part);
            for (int i = 0; i < images.size(); i++) {
                assertTrue(images.label(i) >= 0 && images.label(i) < images.classes());
                boolean wanted = damaged.isEmpty()
                        || !images.isOnDemand()
                        || (isImage(damaged) ? images.describe(i).endsWith(damaged) : i == 0);
                bytes += wanted ? images.original(i).pixels().length : 0;
            }
        }
        return bytes;
    }

    /** Damage before packing: what a faulty writer, and no faulty disk, would leave. */
    @Test
    void idxPackedAgain() {
        Map<String, byte[]> files = idx(false);
        Map<String, byte[]> named = new LinkedHashMap<>();
        files.forEach((name, content) -> named.put(name + ".gz", content));
        new DamagedFiles("idx in good gzip", named, (folder, damaged) -> read(CATALOG.load(folder.toString()), damaged))
                .packed(TestImages::gzip)
                .check();
    }

    @Test
    void csvOfPaths() {
        new DamagedFiles(
                        "csv",
                        PublishedFiles.csv(),
                        (folder, damaged) ->
                                read(CATALOG.load(folder.resolve("list.csv").toString()), damaged))
                .mostly(file -> file.endsWith(".csv"))
                .check();
    }

    private static byte[] npzImages() {
        return TestImages.uint8Npy(TestImages.bytes(24, 2), 4, 2, 3);
    }

    private static byte[] npzLabels() {
        ByteBuffer labels = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        labels.putInt(0).putInt(1).putInt(2).putInt(1);
        return TestImages.npy(TestImages.npyHeader("<i4", 4), labels.array());
    }

    static Stream<Boolean> deflated() {
        return Stream.of(false, true);
    }

    @ParameterizedTest
    @MethodSource("deflated")
    void npzArchives(boolean deflated) {
        Map<String, byte[]> arrays = new LinkedHashMap<>();
        arrays.put("images", npzImages());
        arrays.put("labels", npzLabels());
        new DamagedFiles(
                        deflated ? "npz deflated" : "npz stored",
                        Map.of("set.npz", TestImages.npz(arrays, deflated)),
                        (folder, damaged) ->
                                read(CATALOG.load(folder.resolve("set.npz").toString()), damaged))
                .check();
    }

    @Test
    void arraysInGoodArchives() {
        Map<String, byte[]> arrays = new LinkedHashMap<>();
        arrays.put("images", npzImages());
        arrays.put("labels", npzLabels());
        new DamagedFiles("npz of damaged arrays", arrays, (folder, damaged) -> {
                    Map<String, byte[]> now = new LinkedHashMap<>();
                    for (String name : arrays.keySet()) {
                        now.put(name, Files.readAllBytes(folder.resolve(name)));
                    }
                    Path archive = Files.write(folder.resolve("set.npz"), TestImages.npz(now, false));
                    return read(CATALOG.load(archive.toString()), damaged);
                })
                .check();
    }

    @Test
    void targetsInArrays() {
        byte[] numbers = new byte[24];
        ByteBuffer.wrap(numbers).order(ByteOrder.LITTLE_ENDIAN).putFloat(1).putFloat(-2.5f);
        targets("targets npy", "targets.npy", TestImages.npy(TestImages.npyHeader("<f4", 3, 2), numbers));
    }

    @Test
    void targetsInCsv() {
        targets("targets csv", "targets.csv", PublishedFiles.text("height,width", "1,2.5", "-3,1e-3", "0,0"));
    }

    private static void targets(String name, String file, byte[] content) {
        new DamagedFiles(name, Map.of(file, content), (folder, damaged) -> {
                    Targets targets = TargetsFile.read(folder.resolve(file));
                    for (float value : targets.values()) {
                        assertTrue(Float.isFinite(value));
                    }
                    return targets.count();
                })
                .check();
    }

    @ParameterizedTest
    @EnumSource(
            value = ArchiveKind.class,
            names = {"TAR", "TAR_GZ", "ZIP"})
    void archivesOfPublishers(ArchiveKind kind) {
        String name = "archive " + kind;
        new DamagedFiles(name, Map.of("archive", PublishedFiles.archive(kind)), (folder, damaged) -> {
                    Path archive = folder.resolve("archive");
                    Path target = folder.resolve("unpacked");
                    try {
                        return Archive.unpack(archive, kind, target);
                    } catch (IOException e) {
                        throw UserError.cannotRead(archive, e);
                    } finally {
                        remove(target);
                        try (Stream<Path> all = Files.list(folder)) {
                            assertEquals(List.of(archive), all.toList(), "nothing is written elsewhere");
                        }
                    }
                })
                .check();
    }

    private static void remove(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
    }
}
