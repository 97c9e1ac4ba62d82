package dev.hornbeam.training.corruption.build;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.ImageSource;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.ImageFiles;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Preprocessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A folder that holds a published set of corrupted images, or one of the same layout: one labelled set of images for
 * each corruption and severity.
 *
 * <p>The layout is found by looking:
 *
 * <ul>
 *   <li>{@link Layout#CIFAR_C}: {@code CORRUPTION.npy}, uint8 [S·N, H, W, C] or [S·N, H, W], severity by severity, and
 *       {@code labels.npy}, integers [S·N] or [N]. The severities are 1 to 5 unless a manifest beside them names others.
 *   <li>{@link Layout#MNIST_C}: {@code CORRUPTION/test_images.npy}, uint8 [N, H, W, C] or [N, H, W], and {@code
 *       CORRUPTION/test_labels.npy}, integers [N]. This layout has one severity, which counts as 1; several are told
 *       apart by a folder above, as {@code SEVERITY/CORRUPTION/test_images.npy}.
 *   <li>{@link Layout#IMAGENET_C}: {@code CORRUPTION/SEVERITY/CLASS/} with image files in it, which are decoded when
 *       they are asked for.
 * </ul>
 *
 * <p>Files and folders whose names begin with a dot are not looked at.
 */
public final class CorruptedSetFolder {
    /** How corruptions, severities and classes are laid out. */
    public enum Layout {
        /** That of CIFAR-10-C and CIFAR-100-C: an .npy for each corruption, with all severities. */
        CIFAR_C,
        /** That of MNIST-C: a folder for each corruption, with an .npy of images and one of labels. */
        MNIST_C,
        /** That of ImageNet-C and Tiny-ImageNet-C: image files in folders. */
        IMAGENET_C;

        /**
         * Returns the layout called {@code name}.
         *
         * @throws UserError if there is none
         */
        public static Layout named(String name) {
            for (Layout layout : values()) {
                if (layout.label().equals(name.toLowerCase(Locale.ROOT))) {
                    return layout;
                }
            }
            List<String> known = Arrays.stream(values()).map(Layout::label).toList();
            throw new UserError("unknown layout '" + name + "'; known: " + String.join(", ", known)
                    + NearestNames.didYouMean(name, known));
        }

        /** Returns the name as users write it: cifar-c, mnist-c or imagenet-c. */
        public String label() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    static final String LABELS = "labels.npy";
    static final String TEST_IMAGES = "test_images.npy";
    static final String TEST_LABELS = "test_labels.npy";
    private static final String ARRAY = ".npy";
    private static final int MOST_CLASSES = 100_000;

    private final Path folder;
    private final Layout layout;
    private final List<String> corruptions;
    private final List<Integer> severities;
    // Whether the layout of MNIST-C lies below folders named after severities.
    private final boolean severityAbove;

    private CorruptedSetFolder(
            Path folder, Layout layout, List<String> corruptions, List<Integer> severities, boolean severityAbove) {
        this.folder = folder;
        this.layout = layout;
        this.corruptions = corruptions;
        this.severities = severities;
        this.severityAbove = severityAbove;
    }

    /**
     * Looks at what is in {@code folder}; no image is read.
     *
     * @throws UserError if it has none of the layouts, or a severity is there for one corruption and not for another
     */
    public static CorruptedSetFolder open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new UserError(folder + " is not a folder; expected one with a set of corrupted images");
        }
        if (Files.isRegularFile(folder.resolve(LABELS))) {
            return cifar(folder);
        }
        List<String> folders = names(folder, Files::isDirectory);
        List<String> withArrays =
                folders.stream().filter(name -> hasArrays(folder.resolve(name))).toList();
        if (!withArrays.isEmpty()) {
            return new CorruptedSetFolder(folder, Layout.MNIST_C, ordered(withArrays), List.of(1), false);
        }
        List<Integer> above = severitiesAmong(folders);
        if (!above.isEmpty()) {
            Map<Integer, List<String>> corruptions = new LinkedHashMap<>();
            for (int severity : above) {
                Path one = folder.resolve(Integer.toString(severity));
                corruptions.put(
                        severity,
                        ordered(names(one, Files::isDirectory).stream()
                                .filter(name -> hasArrays(one.resolve(name)))
                                .toList()));
            }
            List<String> all = corruptions.get(above.getFirst());
            if (corruptions.values().stream().anyMatch(some -> !some.isEmpty())) {
                corruptions.forEach((severity, some) -> checkSame(folder, "severity " + severity, some, all));
                return new CorruptedSetFolder(folder, Layout.MNIST_C, all, above, true);
            }
        }
        return imageNet(folder, folders);
    }

    private static CorruptedSetFolder cifar(Path folder) {
        List<String> corruptions = names(folder, Files::isRegularFile).stream()
                .filter(name -> name.endsWith(ARRAY) && !name.equals(LABELS))
                .map(name -> name.substring(0, name.length() - ARRAY.length()))
                .toList();
        if (corruptions.isEmpty()) {
            throw new UserError(folder + " has a file " + LABELS + " but no CORRUPTION.npy beside it");
        }
        List<Integer> severities = BuildManifest.severities(folder)
                .orElseGet(() -> IntStream.rangeClosed(Corruptions.MILDEST, Corruptions.STRONGEST)
                        .boxed()
                        .toList());
        return new CorruptedSetFolder(folder, Layout.CIFAR_C, ordered(corruptions), severities, false);
    }

    private static CorruptedSetFolder imageNet(Path folder, List<String> folders) {
        Map<String, List<Integer>> severities = new LinkedHashMap<>();
        for (String name : ordered(folders)) {
            List<Integer> some = severitiesAmong(names(folder.resolve(name), Files::isDirectory));
            if (!some.isEmpty()) {
                severities.put(name, some);
            }
        }
        if (severities.isEmpty()) {
            throw new UserError(folder + " holds no set of corrupted images; expected CORRUPTION.npy and " + LABELS
                    + " (as CIFAR-10-C), CORRUPTION/" + TEST_IMAGES + " and CORRUPTION/" + TEST_LABELS
                    + " (as MNIST-C), or CORRUPTION/SEVERITY/CLASS/ with images (as ImageNet-C)");
        }
        List<Integer> all = severities.values().iterator().next();
        severities.forEach((name, some) -> checkSame(folder, name, some, all));
        return new CorruptedSetFolder(folder, Layout.IMAGENET_C, List.copyOf(severities.keySet()), all, false);
    }

    private static void checkSame(Path folder, String where, List<?> some, List<?> all) {
        if (!some.equals(all)) {
            throw new UserError(folder + ": " + where + " has " + some + ", but others have " + all
                    + "; complete the set, or take what is incomplete away");
        }
    }

    private static boolean hasArrays(Path folder) {
        return Files.isRegularFile(folder.resolve(TEST_IMAGES)) && Files.isRegularFile(folder.resolve(TEST_LABELS));
    }

    private static List<Integer> severitiesAmong(List<String> names) {
        return names.stream()
                .filter(name -> name.matches("[" + Corruptions.MILDEST + "-" + Corruptions.STRONGEST + "]"))
                .map(Integer::valueOf)
                .toList();
    }

    private static List<String> names(Path folder, Predicate<Path> wanted) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(wanted)
                    .map(path -> path.getFileName().toString())
                    .filter(name -> !name.startsWith("."))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw UserError.cannotRead(folder, e);
        }
    }

    // In the published order; those that nobody here knows follow by name.
    private static List<String> ordered(List<String> names) {
        List<String> known = Corruptions.all().stream().map(Corruption::name).toList();
        return names.stream()
                .sorted(Comparator.<String>comparingInt(
                                name -> known.contains(name) ? known.indexOf(name) : known.size())
                        .thenComparing(Comparator.naturalOrder()))
                .toList();
    }

    /** Returns the folder. */
    public Path folder() {
        return folder;
    }

    /** Returns how it is laid out. */
    public Layout layout() {
        return layout;
    }

    /** Returns the names of the corruptions in it, the benchmark's in their published order before others. */
    public List<String> corruptions() {
        return corruptions;
    }

    /** Returns the severities that every corruption has, in ascending order. */
    public List<Integer> severities() {
        return severities;
    }

    /**
     * Returns the images of one corruption and severity. The classes are called by the names of their folders, in
     * alphabetical order, or 0, 1, 2, … where there are only numbers.
     *
     * @throws UserError if there is no such corruption or severity here, or something in its files is wrong
     */
    public ImageSet read(String corruption, int severity) {
        return read(corruption, severity, List.of());
    }

    /**
     * Returns the images of one corruption and severity, with the classes of a network.
     *
     * @param classNames the classes in the network's order. A class folder gets the number of its name among them; in
     *     layouts with numbers these must be below their count. Empty for the set's own classes.
     * @throws UserError if there is no such corruption or severity here, a class is not among {@code classNames}, or
     *     something in the files is wrong
     */
    public ImageSet read(String corruption, int severity, List<String> classNames) {
        return read(corruption, severity, classNames, Optional.empty());
    }

    /**
     * Returns the images of one corruption and severity, with the classes and the preprocessing of a network.
     *
     * @param fit what brings image files to one size; empty to take them as colour images of the first one's size. Arrays
     *     have one size already.
     * @throws UserError as {@link #read(String, int, List)} does
     */
    public ImageSet read(String corruption, int severity, List<String> classNames, Optional<Preprocessing> fit) {
        if (!corruptions.contains(corruption)) {
            throw new UserError(folder + " has no corruption '" + corruption + "'; it has "
                    + String.join(", ", corruptions) + NearestNames.didYouMean(corruption, corruptions));
        }
        if (!severities.contains(severity)) {
            throw new UserError(folder + " has no severity " + severity + "; it has " + severities);
        }
        String name = folder.getFileName() + "/" + corruption + "/" + severity;
        return switch (layout) {
            case CIFAR_C ->
                arrays(
                        name,
                        folder.resolve(corruption + ARRAY),
                        folder.resolve(LABELS),
                        severities.indexOf(severity),
                        severities.size(),
                        classNames);
            case MNIST_C -> {
                Path one = (severityAbove ? folder.resolve(Integer.toString(severity)) : folder).resolve(corruption);
                yield arrays(name, one.resolve(TEST_IMAGES), one.resolve(TEST_LABELS), 0, 1, classNames);
            }
            case IMAGENET_C ->
                files(name, folder.resolve(corruption).resolve(Integer.toString(severity)), classNames, fit);
        };
    }

    // -------------------------------------------------------------------------------------------------------- arrays

    // Part `part` of `parts` equal ones of an array of images.
    private static ImageSet arrays(
            String name, Path imagesFile, Path labelsFile, int part, int parts, List<String> classNames) {
        HostArray images = array(imagesFile);
        boolean grey = images.rank() == 3;
        if (images.dtype() != DType.U8 || (!grey && images.rank() != 4)) {
            throw new UserError(imagesFile + " has shape " + Arrays.toString(images.shape()) + " and type "
                    + images.dtype() + "; expected uint8 [n, height, width, channels] or [n, height, width]");
        }
        long total = images.size(0);
        long channels = grey ? 1 : images.size(3);
        if (total == 0 || total % parts != 0) {
            throw new UserError(imagesFile + " has " + total + " images; expected the same number for each of " + parts
                    + " severities");
        }
        long bytes = total / parts * images.size(1) * images.size(2) * channels;
        if (bytes == 0 || bytes > Integer.MAX_VALUE - 16) {
            throw new UserError(imagesFile + ": shape " + Arrays.toString(images.shape())
                    + "; expected images of 1 byte" + " to 2 GiB for each severity");
        }
        int count = (int) (total / parts);
        byte[] pixels = new byte[(int) bytes];
        images.read(part * bytes, pixels, 0, pixels.length);
        int[] labels = labels(labelsFile, imagesFile, count, part, parts);
        List<String> classes =
                classNames.isEmpty() ? numbered(Arrays.stream(labels).max().orElse(0) + 1) : classNames;
        return ImageSet.of(
                name,
                Split.TEST,
                (int) images.size(1),
                (int) images.size(2),
                (int) channels,
                pixels,
                labels,
                classes,
                List.of());
    }

    private static int[] labels(Path file, Path imagesFile, int count, int part, int parts) {
        HostArray array = array(file);
        boolean whole = array.elements() == (long) count * parts;
        if (!whole && array.elements() != count) {
            throw new UserError(file + " has " + array.elements() + " labels, but " + imagesFile + " has "
                    + (long) count * parts + " images; expected "
                    + (parts == 1 ? "one label each" : "one label each, or one for each of " + count));
        }
        if (array.dtype() == DType.F32 || array.dtype() == DType.F64) {
            throw new UserError(file + ": labels are " + array.dtype() + "; expected integers");
        }
        long[] all = array.toLongs();
        int[] labels = new int[count];
        for (int i = 0; i < count; i++) {
            long label = all[whole ? part * count + i : i];
            if (label < 0 || label >= MOST_CLASSES) {
                throw new UserError(file + ": label " + label + " of image " + i
                        + " is out of range; expected class numbers 0, 1, 2, … below " + MOST_CLASSES);
            }
            labels[i] = (int) label;
        }
        return labels;
    }

    private static HostArray array(Path file) {
        try {
            return Npy.read(file);
        } catch (TensorFileException e) {
            throw new UserError(e.getMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }

    private static List<String> numbered(int classes) {
        return IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    }

    // --------------------------------------------------------------------------------------------------- image files

    private ImageSet files(String name, Path where, List<String> classNames, Optional<Preprocessing> fit) {
        List<String> here = names(where, Files::isDirectory);
        List<String> classes = classNames.isEmpty() ? classFolders() : classNames;
        List<Path> files = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        for (String className : here) {
            int label = classes.indexOf(className);
            if (label < 0) {
                throw new UserError(where.resolve(className) + ": there is no class '" + className + "' among the "
                        + classes.size() + " expected; the folders must have the names of the classes"
                        + NearestNames.didYouMean(className, classes));
            }
            for (Path file : ImageFiles.list(where.resolve(className), false)) {
                files.add(file);
                labels.add(label);
            }
        }
        if (files.isEmpty()) {
            throw new UserError(where + " has no folders with images, one for each class");
        }
        ImageDecoder decoder = new ImageDecoder(Background.WHITE);
        PixelImage first = decoder.decode(files.getFirst());
        return ImageSet.onDemand(
                name,
                Split.TEST,
                new Decoded(List.copyOf(files), decoder),
                fit.orElse(Preprocessing.of(first.height(), first.width(), 3)),
                labels.stream().mapToInt(Integer::intValue).toArray(),
                classes,
                List.of());
    }

    /** Image files that are decoded when they are asked for. */
    private record Decoded(List<Path> files, ImageDecoder decoder) implements ImageSource {
        @Override
        public PixelImage image(int place) {
            return decoder.decode(files.get(place));
        }

        @Override
        public String describe(int place) {
            return files.get(place).toString();
        }

        @Override
        public String identity(int place) {
            try {
                return files.get(place) + " " + Files.size(files.get(place));
            } catch (IOException e) {
                throw UserError.cannotRead(files.get(place), e);
            }
        }
    }

    // Those of all corruptions and severities: a class may lack images in one of them.
    private List<String> classFolders() {
        TreeSet<String> classes = new TreeSet<>();
        for (String corruption : corruptions) {
            for (int severity : severities) {
                classes.addAll(
                        names(folder.resolve(corruption).resolve(Integer.toString(severity)), Files::isDirectory));
            }
        }
        return List.copyOf(classes);
    }
}
