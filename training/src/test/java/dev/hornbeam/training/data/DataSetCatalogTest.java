package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DataSetCatalogTest {
    @TempDir
    private Path folder;

    /** A data set named tiny: the files of {@link TestImages#writeIdxSet}, with their true checksums. */
    static KnownDataSet tiny(Path files, String name, Optional<Path> packageFolder) {
        Map<String, String> checksums = new HashMap<>();
        for (String file : KnownDataSet.FILES) {
            checksums.put(
                    file,
                    IdxFile.read(files.resolve(file), file.contains("images") ? 3 : 1)
                            .sha256());
        }
        return new KnownDataSet(
                name,
                "a tiny set",
                List.of("a", "b", "c"),
                List.of(name, "raw"),
                packageFolder.map(path -> "dataset-tiny"),
                packageFolder,
                List.of(URI.create("https://example.org/one/"), URI.create("https://example.org/two/")),
                checksums);
    }

    private DataSetCatalog catalog(Path data) throws IOException {
        Path original = folder.resolve("original");
        TestImages.writeIdxSet(original, false);
        return DataSetCatalog.of(data, Map.of())
                .withKnown(Map.of("tiny", tiny(original, "tiny", Optional.of(folder.resolve("package")))));
    }

    @Test
    void publishedSetsAreDescribedInFull() {
        Map<String, KnownDataSet> known = KnownDataSet.all();
        assertEquals(KnownDataSet.NAMES, List.copyOf(known.keySet()));
        for (KnownDataSet set : known.values()) {
            assertFalse(set.formats().isEmpty());
            assertFalse(set.folders().isEmpty());
            if (!set.isIdx()) {
                assertFalse(set.manual().isEmpty());
                assertTrue(set.counts().containsKey(DataSet.TRAIN));
                assertTrue(set.downloads().stream()
                        .flatMap(download -> download.sha256().stream())
                        .allMatch(sum -> sum.matches("[0-9a-f]{64}")));
                continue;
            }
            assertEquals(10, set.classNames().size());
            assertEquals(KnownDataSet.FILES, List.copyOf(set.checksums().keySet()));
            assertTrue(set.checksums().values().stream().allMatch(sum -> sum.matches("[0-9a-f]{64}")));
            assertTrue(set.urls().stream().allMatch(url -> url.getPath().endsWith("/")));
        }
        assertEquals("Ankle boot", known.get("fashion-mnist").classNames().get(9));
        assertEquals(
                Optional.of("dataset-fashion-mnist"), known.get("fashion-mnist").debianPackage());
        assertEquals(Optional.empty(), known.get("mnist").debianPackage());
    }

    @Test
    void readsPlainAndPackedFilesInAnyOfTheFolders() throws IOException {
        Path data = folder.resolve("data");
        for (Path place : List.of(folder.resolve("package"), data, data.resolve("raw"), data.resolve("tiny"))) {
            TestImages.writeIdxSet(place, place.endsWith("raw"));
            DataSet set = catalog(data).load("tiny");
            assertEquals(Optional.of(place), catalog(data).find("tiny"));
            assertEquals(6, set.train().size());
            assertArrayEquals(new int[] {2, 1, 0, 0}, set.test().labels());
            assertEquals(List.of("a", "b", "c"), set.test().classNames());
            assertArrayEquals(
                    Arrays.copyOfRange(TestImages.bytes(24, 2), 6, 12),
                    set.test().image(1));
            assertTrue(set.train().sources().stream().allMatch(SourceFile::published));
            assertEquals(2, set.train().sources().size());
        }
    }

    @Test
    void foldersComeFromTheArgumentThenTheEnvironment() throws IOException {
        Path first = folder.resolve("first");
        Path second = folder.resolve("second");
        Path shared = folder.resolve("shared");
        Map<String, String> environment =
                Map.of("HORNBEAM_DATA", second.toString(), "XDG_DATA_HOME", shared.toString(), "HOME", "/nowhere");
        Map<String, KnownDataSet> known = Map.of("tiny", catalog(null).known("tiny"));
        DataSetCatalog catalog = DataSetCatalog.of(first, environment).withKnown(known);
        for (Path place :
                List.of(shared.resolve("hornbeam/data/tiny"), second.resolve("tiny"), first.resolve("tiny"))) {
            assertTrue(catalog.find("tiny").filter(place::equals).isEmpty());
            TestImages.writeIdxSet(place, true);
            assertEquals(Optional.of(place), catalog.find("tiny"));
        }
        assertEquals(first.resolve("tiny"), catalog.downloadFolder(catalog.known("tiny")));
    }

    @Test
    void missingDataSetSaysHowToGetIt() throws IOException {
        Path data = folder.resolve("data");
        UserError error = assertThrows(UserError.class, () -> catalog(data).load("tiny"));
        assertEquals(
                "data set tiny is not here; fetch it with 'hornbeam data fetch tiny' or name its folder with --data FOLDER"
                        + " (looked for train-images-idx3-ubyte[.gz] and the other three files in " + data + "/tiny, "
                        + data + "/raw, " + data + ", " + folder + "/package)",
                error.getMessage());
        List<String> lines = catalog(data).instructions("tiny");
        assertEquals(
                1,
                lines.stream()
                        .filter(line -> line.contains("apt-get install dataset-tiny"))
                        .count());
        assertEquals(
                4,
                lines.stream()
                        .filter(line -> line.matches("  .*ubyte  [0-9a-f]{64}"))
                        .count());
    }

    @Test
    void mistypedNamesAreHelped() {
        DataSetCatalog catalog = DataSetCatalog.of(null, Map.of());
        assertEquals(
                "unknown data set 'fashionmnist': there is no file or folder of that name; known data sets: "
                        + String.join(", ", KnownDataSet.NAMES) + "; did you mean fashion-mnist?",
                assertThrows(UserError.class, () -> catalog.load("fashionmnist"))
                        .getMessage());
        assertEquals(
                "unknown data set 'nonsense': there is no file or folder of that name; known data sets: "
                        + String.join(", ", KnownDataSet.NAMES),
                assertThrows(UserError.class, () -> catalog.load("nonsense")).getMessage());
        assertEquals(
                "no/such.npz: no such file",
                assertThrows(UserError.class, () -> catalog.load("no/such.npz")).getMessage());
    }

    @Test
    void labelsOutOfRangeAreRefused() throws IOException {
        Path data = folder.resolve("tiny");
        TestImages.writeIdxSet(data, false);
        Path labels = data.resolve(KnownDataSet.TEST_LABELS);
        Files.write(labels, TestImages.idx(new byte[] {0, 1, 3, 0}, 4));
        assertEquals(
                labels + ": label 3 of image 2 is outside 0..2; tiny has 3 classes",
                assertThrows(UserError.class, () -> catalog(folder).load("tiny"))
                        .getMessage());
        Files.write(labels, TestImages.idx(new byte[] {0, 1, 2}, 3));
        assertEquals(
                labels + ": 3 labels, but " + data.resolve(KnownDataSet.TEST_IMAGES) + " has 4 images",
                assertThrows(UserError.class, () -> catalog(folder).load("tiny"))
                        .getMessage());
    }

    @Test
    void filesOfAnotherDataSetAreRefused() throws IOException {
        Path original = folder.resolve("original");
        TestImages.writeIdxSet(original, false);
        Map<String, KnownDataSet> known = Map.of(
                "tiny",
                tiny(original, "tiny", Optional.empty()),
                "other",
                new KnownDataSet(
                        "other",
                        "another",
                        List.of("a", "b", "c"),
                        List.of("other"),
                        Optional.empty(),
                        Optional.empty(),
                        List.of(),
                        Map.of()));
        DataSetCatalog catalog = DataSetCatalog.of(original, Map.of()).withKnown(known);
        assertTrue(assertThrows(UserError.class, () -> catalog.load("other"))
                .getMessage()
                .endsWith("is a file of tiny, not of other. Put each data set into a folder of its name."));
    }

    @Test
    void aFolderOfIdxFilesIsADataSet() throws IOException {
        TestImages.writeIdxSet(folder, true);
        DataSet set = DataSetCatalog.of(null, Map.of()).load(folder.toString());
        assertEquals(3, set.train().classes());
        assertFalse(set.train().sources().getFirst().published());
        UserError error = assertThrows(
                UserError.class,
                () -> DataSetCatalog.of(null, Map.of())
                        .load(Files.createDirectory(folder.resolve("empty")).toString()));
        assertTrue(error.getMessage().contains("holds no data set of a known format"), error.getMessage());
    }

    @Test
    void verifyTellsGenuineFromChangedDamagedAndMissing() throws IOException {
        Path data = folder.resolve("tiny");
        TestImages.writeIdxSet(data, false);
        assertEquals(
                List.of(
                        DataSetCatalog.FileState.GENUINE,
                        DataSetCatalog.FileState.GENUINE,
                        DataSetCatalog.FileState.GENUINE,
                        DataSetCatalog.FileState.GENUINE),
                states(catalog(folder)));
        Files.write(data.resolve(KnownDataSet.TRAIN_IMAGES), TestImages.idx(new byte[36], 6, 2, 3));
        Files.write(data.resolve(KnownDataSet.TRAIN_LABELS), new byte[] {1, 2, 3});
        Files.delete(data.resolve(KnownDataSet.TEST_IMAGES));
        assertEquals(
                List.of(
                        DataSetCatalog.FileState.DIFFERENT,
                        DataSetCatalog.FileState.UNREADABLE,
                        DataSetCatalog.FileState.MISSING,
                        DataSetCatalog.FileState.GENUINE),
                states(catalog(folder)));
        Path nothing = folder.resolve("nothing");
        assertThrows(UserError.class, () -> catalog(nothing).verify("tiny"));
    }

    private static List<DataSetCatalog.FileState> states(DataSetCatalog catalog) {
        return catalog.verify("tiny").stream()
                .map(DataSetCatalog.FileCheck::state)
                .toList();
    }
}
