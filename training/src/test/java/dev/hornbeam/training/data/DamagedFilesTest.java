package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Files with bytes changed, cut off, put in or left out are read as they are or refused with a clear message. */
final class DamagedFilesTest {
    private static Path folder;

    private static final byte[] IDX = TestImages.idx(TestImages.bytes(24, 1), 4, 2, 3);
    private static final byte[] PACKED_IDX = TestImages.gzip(IDX);
    private static final byte[] STORED_NPZ = archive(false);
    private static final byte[] DEFLATED_NPZ = archive(true);

    private static byte[] archive(boolean deflated) {
        Map<String, byte[]> arrays = new LinkedHashMap<>();
        arrays.put("images", TestImages.uint8Npy(TestImages.bytes(24, 2), 4, 2, 3));
        ByteBuffer labels = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        labels.putInt(0).putInt(1).putInt(2).putInt(1);
        arrays.put("labels", TestImages.npy(TestImages.npyHeader("<i4", 4), labels.array()));
        return TestImages.npz(arrays, deflated);
    }

    /** One change of a file. */
    private enum Kind {
        SET,
        FLIP_BIT,
        CUT,
        INSERT,
        REMOVE,
        ZERO_FROM
    }

    /** A change at a place given as a share of the length, so that it fits every file. */
    record Change(Kind kind, double place, int value) {
        byte[] apply(byte[] bytes) {
            if (bytes.length == 0) {
                return bytes;
            }
            int at = Math.min((int) (place * bytes.length), bytes.length - 1);
            byte[] changed = bytes.clone();
            switch (kind) {
                case SET -> changed[at] = (byte) value;
                case FLIP_BIT -> changed[at] ^= (byte) (1 << (value & 7));
                case CUT -> changed = Arrays.copyOf(bytes, at);
                case INSERT -> {
                    changed = Arrays.copyOf(bytes, bytes.length + 1);
                    System.arraycopy(bytes, at, changed, at + 1, bytes.length - at);
                    changed[at] = (byte) value;
                }
                case REMOVE -> {
                    changed = Arrays.copyOf(bytes, bytes.length - 1);
                    System.arraycopy(bytes, at + 1, changed, at, changed.length - at);
                }
                case ZERO_FROM -> Arrays.fill(changed, at, Math.min(at + value, changed.length), (byte) 0);
            }
            return changed;
        }
    }

    @Provide
    Arbitrary<List<Change>> changes() {
        return Combinators.combine(
                        Arbitraries.of(Kind.class),
                        Arbitraries.doubles().between(0, 1),
                        Arbitraries.integers().between(0, 255))
                .as(Change::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(4);
    }

    @BeforeContainer
    static void makeFolder() throws IOException {
        folder = Files.createTempDirectory("damaged");
    }

    @AfterContainer
    static void removeFolder() throws IOException {
        Files.deleteIfExists(folder.resolve("file"));
        Files.delete(folder);
    }

    private static Path write(byte[] original, List<Change> changes) {
        byte[] bytes = original;
        for (Change change : changes) {
            bytes = change.apply(bytes);
        }
        try {
            return Files.write(folder.resolve("file"), bytes);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    // Anything but a UserError that names the file is a failure of the test.
    private static void accept(Path file, Runnable reading) {
        try {
            reading.run();
        } catch (UserError e) {
            assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
            assertTrue(e.getMessage().lines().count() == 1, e.getMessage());
        }
    }

    @Property(tries = 1000, shrinking = ShrinkingMode.OFF)
    void damagedIdx(@ForAll("changes") List<Change> changes) {
        Path file = write(IDX, changes);
        accept(file, () -> IdxFile.read(file, 3));
    }

    @Property(tries = 1000, shrinking = ShrinkingMode.OFF)
    void damagedPackedIdx(@ForAll("changes") List<Change> changes) {
        Path file = write(PACKED_IDX, changes);
        accept(file, () -> IdxFile.read(file, 3));
    }

    @Property(tries = 1000, shrinking = ShrinkingMode.OFF)
    void damagedStoredNpz(@ForAll("changes") List<Change> changes) {
        Path file = write(STORED_NPZ, changes);
        accept(file, () -> DataSetCatalog.of(null, Map.of()).load(file.toString()));
    }

    @Property(tries = 1000, shrinking = ShrinkingMode.OFF)
    void damagedDeflatedNpz(@ForAll("changes") List<Change> changes) {
        Path file = write(DEFLATED_NPZ, changes);
        accept(file, () -> DataSetCatalog.of(null, Map.of()).load(file.toString()));
    }

    /** The header of an array behind a valid checksum: what a faulty writer, and no faulty disk, would leave. */
    @Property(tries = 1000, shrinking = ShrinkingMode.OFF)
    void wrongArraysInAGoodArchive(@ForAll("changes") List<Change> images, @ForAll("changes") List<Change> labels) {
        byte[] changedImages = TestImages.uint8Npy(TestImages.bytes(24, 2), 4, 2, 3);
        for (Change change : images) {
            changedImages = change.apply(changedImages);
        }
        byte[] changedLabels = TestImages.uint8Npy(new byte[] {0, 1, 2, 1}, 4);
        for (Change change : labels.subList(0, labels.size() / 2)) {
            changedLabels = change.apply(changedLabels);
        }
        Path file = write(TestImages.npz(Map.of("images", changedImages, "labels", changedLabels), true), List.of());
        accept(file, () -> DataSetCatalog.of(null, Map.of()).load(file.toString()));
    }
}
