package dev.hornbeam.training.data;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.NpyHeader;
import dev.hornbeam.io.Npz;
import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Images and labels in a NumPy .npz archive.
 *
 * <p>Images are uint8 of shape [N, H, W] (grey) or [N, H, W, C]; labels any integer type, or bool, of shape [N] or
 * [N, 1]. The arrays are found by name:
 *
 * <table>
 * <caption>names</caption>
 * <tr><th>part</th><th>images</th><th>labels</th></tr>
 * <tr><td>train</td><td>train_images, x_train</td><td>train_labels, y_train</td></tr>
 * <tr><td>test</td><td>test_images, x_test</td><td>test_labels, y_test</td></tr>
 * <tr><td>the only one</td><td>images</td><td>labels</td></tr>
 * </table>
 *
 * <p>{@link Npz} reads the arrays and checks them: size, CRC-32, order.
 */
final class NpzFile {
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
            String imagesName, String labelsName, int height, int width, int channels, HostArray pixels, int[] labels) {
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
        return with(archive -> {
            for (Names names : Names.values()) {
                boolean wanted = names == Names.ONLY ? orOnly : names.test == (split == Split.TEST);
                boolean images = wanted && archive.names().contains(names.images);
                boolean labels = wanted && archive.names().contains(names.labels);
                if (images && labels) {
                    return Optional.of(read(archive, names));
                }
                if (images || labels) {
                    throw new UserError(path + ": has the array " + (images ? names.images : names.labels)
                            + " but not " + (images ? names.labels : names.images) + " that belongs to it. "
                            + contents(archive));
                }
            }
            return Optional.empty();
        });
    }

    /** Returns what the archive holds, for messages. */
    String contents() {
        return with(NpzFile::contents);
    }

    private static String contents(Npz archive) {
        if (archive.names().isEmpty()) {
            return "It holds no arrays.";
        }
        return archive.names().stream()
                .limit(20)
                .map(name -> name.length() <= 40 ? name : name.substring(0, 40) + "...")
                .map(name -> name.replaceAll("\\p{Cc}", "?"))
                .sorted()
                .collect(Collectors.joining(", ", "It holds: ", "."));
    }

    /** Reads something of an open archive. */
    @FunctionalInterface
    private interface Reading<T> {
        T from(Npz archive) throws IOException;
    }

    private <T> T with(Reading<T> reading) {
        try (Npz archive = Npz.open(path)) {
            return reading.from(archive);
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (TensorFileException e) {
            throw new UserError(e.getMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
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

    private Part read(Npz archive, Names names) throws IOException {
        // Both headers are looked at before either array is read: images take memory and time.
        NpyHeader images = archive.header(names.images);
        NpyHeader labels = archive.header(names.labels);
        String imagesAt = path + ": array \"" + names.images + "\": ";
        String labelsAt = path + ": array \"" + names.labels + "\": ";
        checkImages(images, imagesAt);
        List<Long> shape = images.shape();
        long n = shape.get(0);
        List<Long> labelShape = labels.shape();
        boolean oneEach = labelShape.size() == 1 || (labelShape.size() == 2 && labelShape.get(1) == 1);
        if (!oneEach || labelShape.get(0) != n) {
            throw new UserError(labelsAt + "shape " + labels.shapeText() + "; expected (" + n
                    + ",), one label for each of the " + n + " images");
        }
        if (!labels.isInteger()) {
            throw new UserError(
                    labelsAt + "elements are " + labels.typeName() + "; expected integers, one class number per image");
        }
        int[] classes = classes(archive.read(names.labels).toLongs(), labelsAt);
        return new Part(
                names.images,
                names.labels,
                shape.get(1).intValue(),
                shape.get(2).intValue(),
                shape.size() == 4 ? shape.get(3).intValue() : 1,
                archive.read(names.images),
                classes);
    }

    private static void checkImages(NpyHeader images, String where) {
        List<Long> shape = images.shape();
        if (images.kind() != 'u' || images.dtype() != DType.U8) {
            throw new UserError(where + "elements are " + images.typeName()
                    + "; expected uint8 (0..255). Multiply by 255 and convert with .astype('uint8')"
                    + " if they are in 0..1.");
        }
        if (shape.size() != 3 && shape.size() != 4) {
            throw new UserError(where + "shape " + images.shapeText()
                    + "; expected (N, height, width) or (N, height, width, channels)");
        }
        if (shape.size() == 4 && shape.get(3) != 1 && shape.get(3) != 3) {
            throw new UserError(where + "shape " + images.shapeText() + " has " + shape.get(3)
                    + " channels; expected 1 or 3 in the last place (N, height, width, channels)");
        }
        if (shape.get(0) < 1
                || shape.get(0) > Integer.MAX_VALUE - 8
                || !isSide(shape.get(1))
                || !isSide(shape.get(2))) {
            throw new UserError(where + "shape " + images.shapeText()
                    + "; expected at least one image, with sides of 1 to 16384 pixels");
        }
    }

    private static boolean isSide(long size) {
        return size >= 1 && size <= 16_384;
    }

    private static int[] classes(long[] labels, String where) {
        int[] classes = new int[labels.length];
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] < 0 || labels[i] >= MOST_CLASSES) {
                throw new UserError(where + "label " + labels[i] + " of image " + i
                        + " is out of range; expected class numbers 0, 1, 2, … below " + MOST_CLASSES);
            }
            classes[i] = (int) labels[i];
        }
        return classes;
    }
}
