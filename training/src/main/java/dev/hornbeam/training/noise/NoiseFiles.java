package dev.hornbeam.training.noise;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.data.ImageSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.TreeMap;

/**
 * Noise as files, in the layout that the code of self-adaptive training reads and writes, and as one vector of labels.
 *
 * <p>{@code noisy_idx_labels.npy}, i64 [m, 2]: original index and given label of every wrong label. {@code noisy_labels.npy},
 * i64 [n]: the given label of every image by original index, -1 where the set has no image. {@code noisy_idx.npy}, i64 [m], and
 * {@code noisy_images.npy}, u8 [m, H, W, C]: the replaced images. {@code noise.json}: the {@link NoiseSummary}.
 */
public final class NoiseFiles {
    /** Original index and label of every wrong label. */
    public static final String WRONG = "noisy_idx_labels.npy";

    /** The label of every image. */
    public static final String LABELS = "noisy_labels.npy";

    /** Original indices of the replaced images. */
    public static final String INDICES = "noisy_idx.npy";

    /** The replaced images. */
    public static final String IMAGES = "noisy_images.npy";

    /** What the noise did. */
    public static final String SUMMARY = "noise.json";

    private static final String FILE_KIND = "file";

    private NoiseFiles() {}

    /**
     * Writes the files of {@code set} to {@code folder}, which is made where it is missing.
     *
     * @throws UserError if they cannot be written
     */
    public static void write(Path folder, NoisySet set) {
        try {
            Files.createDirectories(folder);
            ImageSet noisy = set.noisy();
            if (set.labels().isPresent()) {
                writeLabels(folder, set);
            }
            if (set.images().isPresent()) {
                NoisyImages images = set.images().get();
                int[] positions = images.positions();
                long[] indices =
                        Arrays.stream(positions).mapToLong(noisy::originalIndex).toArray();
                Npy.write(folder.resolve(INDICES), HostArray.of(indices));
                Npy.write(
                        folder.resolve(IMAGES),
                        HostArray.wrap(
                                images.pixels(), positions.length, noisy.height(), noisy.width(), noisy.channels()));
            }
        } catch (IOException e) {
            throw UserError.cannotWrite(folder, e);
        }
        // The last: a folder with it is complete.
        UserFile.writeText(folder.resolve(SUMMARY), set.summary().toJson() + "\n");
    }

    private static void writeLabels(Path folder, NoisySet set) throws IOException {
        ImageSet noisy = set.noisy();
        TreeMap<Integer, Integer> wrong = new TreeMap<>();
        int largest = -1;
        for (int i = 0; i < noisy.size(); i++) {
            largest = Math.max(largest, noisy.originalIndex(i));
            if (noisy.label(i) != set.clean().label(i)) {
                wrong.put(noisy.originalIndex(i), noisy.label(i));
            }
        }
        long[] pairs = new long[2 * wrong.size()];
        int at = 0;
        for (var entry : wrong.entrySet()) {
            pairs[at++] = entry.getKey();
            pairs[at++] = entry.getValue();
        }
        Npy.write(folder.resolve(WRONG), HostArray.of(pairs, wrong.size(), 2));
        long[] all = new long[largest + 1];
        Arrays.fill(all, -1);
        for (int i = 0; i < noisy.size(); i++) {
            all[noisy.originalIndex(i)] = noisy.label(i);
        }
        Npy.write(folder.resolve(LABELS), HostArray.of(all));
    }

    /** Tells whether {@code folder} holds noise that {@link #write} wrote to the end. */
    public static boolean isComplete(Path folder) {
        return Files.isRegularFile(folder.resolve(SUMMARY));
    }

    /**
     * Reads noise and puts it on a set.
     *
     * @param path a folder with files of the published layout, or a .npy file of labels: i64 [n], or [m, 2] of index and
     *     label. Of a folder's two files of labels {@code noisy_idx_labels.npy} is taken
     * @param clean the images; those that the files say nothing of stay as they are
     * @throws UserError if there are no such files, or they do not fit the set
     */
    public static NoisySet read(Path path, ImageSet clean) {
        NoisyLabels labels = null;
        NoisyImages images = null;
        NoiseSummary written = null;
        if (Files.isDirectory(path)) {
            if (Files.isRegularFile(path.resolve(WRONG))) {
                labels = labels(path.resolve(WRONG), clean);
            } else if (Files.isRegularFile(path.resolve(LABELS))) {
                labels = labels(path.resolve(LABELS), clean);
            }
            if (Files.isRegularFile(path.resolve(INDICES)) || Files.isRegularFile(path.resolve(IMAGES))) {
                images = images(path, clean);
            }
            if (labels == null && images == null) {
                throw new UserError(path + ": has no noise in it; expected " + WRONG + ", " + LABELS + ", or " + INDICES
                        + " with " + IMAGES);
            }
            if (isComplete(path)) {
                Path file = path.resolve(SUMMARY);
                written = NoiseSummary.parse(TransitionMatrix.text(file), file.toString());
            }
        } else if (Files.isRegularFile(path)) {
            labels = labels(path, clean);
        } else {
            throw new UserError(path + ": no such file or folder; expected a folder with " + WRONG
                    + " or other files of noise, or a .npy file of labels");
        }
        NoiseSummary summary = NoiseSummary.of(
                written == null ? FILE_KIND : written.kind(),
                written == null ? Double.NaN : written.rate(),
                written == null ? Double.NaN : written.expectedErrorRate(),
                written == null ? 0 : written.seed(),
                clean,
                labels,
                images);
        // Which labels were chosen and got the same one again is not in the files of labels.
        if (written != null && written.images() == clean.size()) {
            summary = written;
        }
        return new NoisySet(clean, labels, images, summary);
    }

    private static NoisyLabels labels(Path file, ImageSet clean) {
        HostArray array = open(file);
        if (array.dtype() == DType.F32 || array.dtype() == DType.F64) {
            throw new UserError(file + ": holds numbers of type " + array.dtype() + "; expected whole numbers");
        }
        boolean pairs = array.rank() == 2 && array.size(1) == 2;
        if (!pairs && array.rank() != 1) {
            throw new UserError(file + ": has shape " + Arrays.toString(array.shape())
                    + "; expected [n], a label for each image, or [m, 2], index and label");
        }
        long[] numbers = array.toLongs();
        int[] given = clean.labels();
        boolean[] chosen = new boolean[given.length];
        int[] positions = positions(clean);
        int used = 0;
        for (int k = 0; k < (pairs ? numbers.length / 2 : numbers.length); k++) {
            long index = pairs ? numbers[2 * k] : k;
            long label = pairs ? numbers[2 * k + 1] : numbers[k];
            int position = index >= 0 && index < positions.length ? positions[(int) index] : -1;
            if (position < 0 || (!pairs && label == -1)) {
                continue;
            }
            if (label < 0 || label >= clean.classes()) {
                throw new UserError(file + ": label " + label + " of image " + index + " is outside 0.."
                        + (clean.classes() - 1) + ", the classes of " + clean.name());
            }
            used++;
            chosen[position] = pairs || label != given[position];
            given[position] = (int) label;
        }
        if (!pairs && used < clean.size()) {
            throw new UserError(file + ": has labels of " + used + " of the " + clean.size() + " images of "
                    + clean.name() + "; expected one for each image of the published order");
        }
        if (pairs && used == 0 && numbers.length > 0) {
            throw new UserError(
                    file + ": none of its " + numbers.length / 2 + " indices is one of an image of " + clean.name());
        }
        return new NoisyLabels(clean.labels(), given, chosen);
    }

    private static NoisyImages images(Path folder, ImageSet clean) {
        HostArray indices = open(folder.resolve(INDICES));
        HostArray images = open(folder.resolve(IMAGES));
        Path file = folder.resolve(IMAGES);
        long[] expected = {indices.elements(), clean.height(), clean.width(), clean.channels()};
        long[] withoutChannel = {indices.elements(), clean.height(), clean.width()};
        boolean fits = Arrays.equals(images.shape(), expected)
                || (clean.channels() == 1 && Arrays.equals(images.shape(), withoutChannel));
        if (indices.rank() != 1 || !fits || images.dtype() != DType.U8) {
            throw new UserError(file + ": holds " + images.dtype() + " of shape " + Arrays.toString(images.shape())
                    + " for indices of shape " + Arrays.toString(indices.shape()) + "; expected u8 of shape "
                    + Arrays.toString(expected) + ", as the images of " + clean.name() + " are");
        }
        TreeMap<Integer, Integer> places = new TreeMap<>();
        int[] positions = positions(clean);
        long[] numbers = indices.toLongs();
        for (int k = 0; k < numbers.length; k++) {
            long index = numbers[k];
            if (index >= 0 && index < positions.length && positions[(int) index] >= 0) {
                places.put(positions[(int) index], k);
            }
        }
        if (places.isEmpty() && numbers.length > 0) {
            throw new UserError(folder.resolve(INDICES) + ": none of its " + numbers.length
                    + " indices is one of an image of " + clean.name());
        }
        int length = clean.imageLength();
        if ((long) places.size() * length > Integer.MAX_VALUE - 16) {
            throw new UserError(file + ": " + places.size() + " images of " + length + " bytes are more than 2 GiB");
        }
        byte[] pixels = new byte[places.size() * length];
        int[] chosen = new int[places.size()];
        int at = 0;
        for (var entry : places.entrySet()) {
            images.read((long) entry.getValue() * length, pixels, at * length, length);
            chosen[at++] = entry.getKey();
        }
        return new NoisyImages(clean, chosen, pixels);
    }

    static HostArray open(Path file) {
        try {
            return Npy.read(file);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }

    // The position of each original index, -1 where there is none.
    private static int[] positions(ImageSet set) {
        int largest = -1;
        for (int i = 0; i < set.size(); i++) {
            largest = Math.max(largest, set.originalIndex(i));
        }
        int[] positions = new int[largest + 1];
        Arrays.fill(positions, -1);
        for (int i = 0; i < set.size(); i++) {
            positions[set.originalIndex(i)] = i;
        }
        return positions;
    }
}
