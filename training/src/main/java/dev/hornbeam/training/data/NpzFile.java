package dev.hornbeam.training.data;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.hornbeam.training.UserError;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * Images and labels in a NumPy .npz archive.
 *
 * <p>Images are uint8 of shape [N, H, W] (grey) or [N, H, W, C]; labels any integer type of shape [N] or [N, 1]. The
 * arrays are found by name:
 *
 * <table>
 * <caption>names</caption>
 * <tr><th>part</th><th>images</th><th>labels</th></tr>
 * <tr><td>train</td><td>train_images, x_train</td><td>train_labels, y_train</td></tr>
 * <tr><td>test</td><td>test_images, x_test</td><td>test_labels, y_test</td></tr>
 * <tr><td>the only one</td><td>images</td><td>labels</td></tr>
 * </table>
 *
 * <p>Entries may be stored or deflated. Arrays must be in C order. Every entry's size and CRC-32 is checked.
 */
final class NpzFile {
    private static final long LARGEST_RATIO = 1032;
    private static final int LARGEST_HEAP_ARRAY = Integer.MAX_VALUE - 16;
    /** More classes than any classification data set has; a larger label is an identifier or damage. */
    static final int MOST_CLASSES = 100_000;

    /** The names that arrays are found by, in the order of the search. */
    private enum Names {
        TRAIN("train_images", "train_labels", false),
        KERAS_TRAIN("x_train", "y_train", false),
        TEST("test_images", "test_labels", true),
        KERAS_TEST("x_test", "y_test", true),
        ONLY("images", "labels", false);

        private final String images;
        private final String labels;
        private final boolean test;

        Names(String images, String labels, boolean test) {
            this.images = images;
            this.labels = labels;
            this.test = test;
        }
    }

    /** Images and labels of one part, read but not yet a set, as the number of classes may depend on both parts. */
    @SuppressWarnings("ArrayRecordComponent") // Handed on once and never compared.
    record Part(
            String imagesName,
            String labelsName,
            int height,
            int width,
            int channels,
            MemorySegment pixels,
            int[] labels) {
        int largestLabel() {
            int largest = -1;
            for (int label : labels) {
                largest = Math.max(largest, label);
            }
            return largest;
        }
    }

    private final Path path;
    private String sha256;

    NpzFile(Path path) {
        this.path = path;
    }

    Path path() {
        return path;
    }

    /**
     * Reads the images and labels named for {@code split}, if the archive has them.
     *
     * @param orOnly whether the arrays images and labels will do where there is no name for the split
     * @throws UserError naming the file and the array if anything in it is not as described above
     */
    Optional<Part> read(Split split, boolean orOnly) {
        try (ZipFile zip = new ZipFile(path.toFile())) {
            for (Names names : Names.values()) {
                boolean wanted = names == Names.ONLY ? orOnly : names.test == (split == Split.TEST);
                ZipEntry images = wanted ? zip.getEntry(names.images + ".npy") : null;
                ZipEntry labels = wanted ? zip.getEntry(names.labels + ".npy") : null;
                if (images != null && labels != null) {
                    return Optional.of(read(zip, images, labels));
                }
                if (images != null || labels != null) {
                    throw new UserError(path + ": has the array " + (images != null ? names.images : names.labels)
                            + " but not " + (images != null ? names.labels : names.images) + " that belongs to it. "
                            + contents(zip));
                }
            }
            return Optional.empty();
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (ZipException | IllegalArgumentException e) {
            throw new UserError(path + ": not a readable .npz (zip) archive: " + e.getMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
    }

    /** Returns what the archive holds, for messages. */
    String contents() {
        try (ZipFile zip = new ZipFile(path.toFile())) {
            return contents(zip);
        } catch (IOException | IllegalArgumentException e) {
            throw new UserError(path + ": not a readable .npz (zip) archive: " + e.getMessage(), e);
        }
    }

    private static String contents(ZipFile zip) {
        TreeSet<String> names = new TreeSet<>();
        zip.stream()
                .limit(20)
                .forEach(entry -> names.add(NpyHeader.printable(entry.getName().replaceFirst("\\.npy$", ""))));
        return names.isEmpty() ? "The archive is empty." : "It holds: " + String.join(", ", names) + ".";
    }

    /** Returns the SHA-256 of the file. */
    String sha256() {
        if (sha256 == null) {
            sha256 = hash();
        }
        return sha256;
    }

    private String hash() {
        try (InputStream in = Files.newInputStream(path)) {
            var digest = ImageSet.sha256();
            byte[] chunk = new byte[1 << 16];
            for (int count = in.read(chunk); count >= 0; count = in.read(chunk)) {
                digest.update(chunk, 0, count);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
    }

    private Part read(ZipFile zip, ZipEntry imagesEntry, ZipEntry labelsEntry) throws IOException {
        String imagesName = arrayName(imagesEntry);
        String labelsName = arrayName(labelsEntry);
        try (Array images = new Array(zip, imagesEntry, path + ", array " + imagesName);
                Array labels = new Array(zip, labelsEntry, path + ", array " + labelsName)) {
            List<Long> shape = images.header.shape();
            if (images.header.kind() != 'u' || images.header.itemSize() != 1) {
                throw new UserError(images.source + ": elements are " + images.header.typeName()
                        + "; expected uint8 (0..255). Multiply by 255 and convert with .astype('uint8')"
                        + " if they are in 0..1.");
            }
            if (shape.size() != 3 && shape.size() != 4) {
                throw new UserError(images.source + ": shape " + images.header.shapeText()
                        + "; expected (N, height, width) or (N, height, width, channels)");
            }
            long channels = shape.size() == 4 ? shape.get(3) : 1;
            if (channels != 1 && channels != 3) {
                throw new UserError(images.source + ": shape " + images.header.shapeText() + " has " + channels
                        + " channels; expected 1 or 3 in the last place (N, height, width, channels)");
            }
            long n = shape.get(0);
            if (n < 1 || n > Integer.MAX_VALUE || !isSide(shape.get(1)) || !isSide(shape.get(2))) {
                throw new UserError(images.source + ": shape " + images.header.shapeText()
                        + "; expected at least one image, with sides of 1 to 16384 pixels");
            }
            List<Long> labelShape = labels.header.shape();
            boolean oneEach = labelShape.size() == 1 || (labelShape.size() == 2 && labelShape.get(1) == 1);
            if (!oneEach || labelShape.get(0) != n) {
                throw new UserError(labels.source + ": shape " + labels.header.shapeText() + "; expected (" + n
                        + ",), one label for each of the " + n + " images");
            }
            if (!labels.header.isInteger()) {
                throw new UserError(labels.source + ": elements are " + labels.header.typeName()
                        + "; expected integers, one class number per image");
            }
            int[] classes = labels.readLabels((int) n);
            MemorySegment pixels = images.readBytes();
            return new Part(
                    imagesName,
                    labelsName,
                    shape.get(1).intValue(),
                    shape.get(2).intValue(),
                    (int) channels,
                    pixels,
                    classes);
        }
    }

    private static boolean isSide(long size) {
        return size >= 1 && size <= 16_384;
    }

    private static String arrayName(ZipEntry entry) {
        return entry.getName().substring(0, entry.getName().length() - ".npy".length());
    }

    /** One entry of the archive while it is read. */
    private static final class Array implements AutoCloseable {
        private final String source;
        private final CRC32 crc = new CRC32();
        private final long expectedCrc;
        private final InputStream in;
        private final NpyHeader header;

        Array(ZipFile zip, ZipEntry entry, String source) throws IOException {
            this.source = source;
            this.expectedCrc = entry.getCrc();
            this.in = new BufferedInputStream(new CheckedInputStream(zip.getInputStream(entry), crc), 1 << 16);
            this.header = NpyHeader.read(in, source);
            if (header.fortranOrder()) {
                throw new UserError(source + ": is in Fortran order; save it with numpy.ascontiguousarray(array)");
            }
            long expected = header.length() + header.dataBytes();
            // Refused before memory is taken: a size that the entry does not have or cannot have.
            if (entry.getSize() != expected || entry.getSize() > entry.getCompressedSize() * LARGEST_RATIO) {
                throw new UserError(source + ": shape " + header.shapeText() + " of " + header.typeName() + " takes "
                        + expected + " bytes, but the entry has " + entry.getSize() + " (" + entry.getCompressedSize()
                        + " in the archive)");
            }
        }

        MemorySegment readBytes() throws IOException {
            long size = header.dataBytes();
            MemorySegment bytes = size <= LARGEST_HEAP_ARRAY
                    ? MemorySegment.ofArray(new byte[(int) size])
                    : Arena.ofAuto().allocate(size);
            byte[] chunk = new byte[1 << 16];
            for (long at = 0; at < size; ) {
                int count = in.read(chunk, 0, (int) Math.min(chunk.length, size - at));
                if (count < 0) {
                    throw truncated(size, at);
                }
                MemorySegment.copy(chunk, 0, bytes, JAVA_BYTE, at, count);
                at += count;
            }
            checkEnd();
            return bytes;
        }

        int[] readLabels(int count) throws IOException {
            int itemSize = header.itemSize();
            int[] labels = new int[count];
            byte[] item = new byte[itemSize];
            for (int i = 0; i < count; i++) {
                int got = in.readNBytes(item, 0, itemSize);
                if (got < itemSize) {
                    throw truncated(header.dataBytes(), (long) i * itemSize + got);
                }
                labels[i] = label(item, i);
            }
            checkEnd();
            return labels;
        }

        private int label(byte[] item, int position) {
            long value = 0;
            for (int k = 0; k < item.length; k++) {
                value = value << 8 | (item[header.bigEndian() ? k : item.length - 1 - k] & 0xff);
            }
            if (header.kind() == 'i') {
                int unused = Long.SIZE - 8 * item.length;
                value = value << unused >> unused;
            }
            if (value < 0 || value >= MOST_CLASSES) {
                throw new UserError(source + ": label "
                        + (header.kind() == 'u' ? Long.toUnsignedString(value) : Long.toString(value)) + " of image "
                        + position + " is out of range; expected class numbers 0, 1, 2, … below " + MOST_CLASSES);
            }
            return (int) value;
        }

        private void checkEnd() throws IOException {
            if (in.read() >= 0) {
                throw new UserError(source + ": more bytes than its shape " + header.shapeText() + " takes");
            }
            if (crc.getValue() != expectedCrc) {
                throw new UserError(source + ": damaged: its CRC-32 does not fit its content. Copy the file again.");
            }
        }

        private UserError truncated(long expected, long found) {
            return new UserError(source + ": truncated: expected " + expected + " bytes of data, found " + found);
        }

        @Override
        public void close() throws IOException {
            in.close();
        }
    }
}
