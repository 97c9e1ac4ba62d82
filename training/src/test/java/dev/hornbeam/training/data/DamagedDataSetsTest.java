package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every reader on files with bytes changed, cut off, put in, left out, repeated or zeroed: it reads them or refuses them with one
 * clear line, and never ends in another exception. {@code -Dhornbeam.fuzz=100000} sets how many files per reader.
 */
final class DamagedDataSetsTest {
    private static final int TRIES = Integer.getInteger("hornbeam.fuzz", 200);
    // Numbers that lengths, sizes and counts fall over at.
    private static final int[] EDGES = {0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0x10000, 0x40000000
    };

    @TempDir
    private Path folder;

    static Stream<Arguments> sets() {
        Map<String, Supplier<Map<String, byte[]>>> sets = new LinkedHashMap<>();
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
        sets.put("indoor", PublishedFiles::indoor);
        sets.put("class folders", PublishedFiles::classFolders);
        sets.put("csv", PublishedFiles::csv);
        return sets.entrySet().stream().map(set -> Arguments.of(set.getKey(), set.getValue()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("sets")
    void damagedFilesAreReadOrRefused(String name, Supplier<Map<String, byte[]>> set) throws IOException {
        Map<String, byte[]> files = set.get();
        PublishedFiles.write(folder, files);
        String target =
                files.containsKey("list.csv") ? folder.resolve("list.csv").toString() : folder.toString();
        assertTrue(read(target) > 0, "the files are fine");
        List<String> names = List.copyOf(files.keySet());
        int refused = 0;
        for (int i = 0; i < TRIES; i++) {
            Philox draw = new Philox(1, Purpose.TEST, name.hashCode(), i, 0);
            // Half of the files are lists and labels, however many images there are.
            List<String> pool = draw.below(0, 2) == 0
                    ? names.stream().filter(DamagedDataSetsTest::isNoImage).toList()
                    : names;
            String file =
                    pool.isEmpty() ? names.get(draw.below(1, names.size())) : pool.get(draw.below(1, pool.size()));
            byte[] changed = files.get(file);
            for (int k = 0; k <= draw.below(2, 3); k++) {
                changed = change(changed, draw, 3 + 10 * k);
            }
            Files.write(folder.resolve(file), changed);
            try {
                read(target);
            } catch (UserError e) {
                refused++;
                assertEquals(1, e.getMessage().lines().count(), e.getMessage());
                assertTrue(
                        e.getMessage().chars().noneMatch(c -> c != '\t' && Character.isISOControl(c)), e.getMessage());
            } catch (RuntimeException | Error e) {
                throw new AssertionError("try " + i + ": " + file + " changed", e);
            }
            Files.write(folder.resolve(file), files.get(file));
        }
        assertTrue(refused > TRIES / 100, refused + " of " + TRIES + " files were refused");
        assertTrue(read(target) > 0, "the files are fine again");
    }

    private static boolean isNoImage(String file) {
        return !file.matches(".*\\.(JPEG|jpg|png)");
    }

    private static int read(String target) {
        DataSet set = DataSetCatalog.of(null, Map.of()).load(target);
        int bytes = 0;
        for (String part : set.parts()) {
            ImageSet images = set.part(part);
            for (int i = 0; i < images.size(); i++) {
                bytes += images.original(i).pixels().length;
            }
        }
        return bytes;
    }

    private static byte[] change(byte[] bytes, Philox draw, int element) {
        if (bytes.length == 0) {
            return new byte[] {(byte) draw.word(element)};
        }
        // Headers are at the beginning: half of the changes are there.
        int range = draw.below(element, 2) == 0 ? Math.min(bytes.length, 256) : bytes.length;
        int at = draw.below(element + 1, range);
        int count = Math.min(1 + draw.below(element + 2, 16), bytes.length - at);
        byte[] changed = bytes.clone();
        switch (draw.below(element + 3, 8)) {
            case 0 -> changed[at] = (byte) draw.word(element + 4);
            case 1 -> changed[at] ^= (byte) (1 << draw.below(element + 4, 8));
            case 2 -> changed = Arrays.copyOf(bytes, at);
            case 3 -> {
                changed = Arrays.copyOf(bytes, bytes.length + count);
                System.arraycopy(bytes, at, changed, at + count, bytes.length - at);
            }
            case 4 -> {
                changed = Arrays.copyOf(bytes, bytes.length - count);
                System.arraycopy(bytes, at + count, changed, at, changed.length - at);
            }
            case 5 -> Arrays.fill(changed, at, at + count, (byte) 0);
            case 6 -> Arrays.fill(changed, at, at + count, (byte) 0xff);
            default -> {
                int edge = EDGES[draw.below(element + 4, EDGES.length)];
                boolean bigEndian = draw.below(element + 5, 2) == 1;
                for (int i = 0; i < Math.min(4, bytes.length - at); i++) {
                    changed[at + i] = (byte) (edge >>> (8 * (bigEndian ? 3 - i : i)));
                }
            }
        }
        return changed;
    }
}
