package dev.hornbeam.training.data;

import dev.hornbeam.io.PickledDictionary;
import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * CIFAR-10 and CIFAR-100 (Krizhevsky 2009), as binary files or as pickles of Python.
 *
 * <p>Binary: records of one label byte (CIFAR-100: two, superclass and class) and 3072 pixels, channel after channel. Pickles: a
 * dictionary with {@code data}, uint8 [N, 3072], and {@code labels} (CIFAR-100: {@code fine_labels} and
 * {@code coarse_labels}).
 */
enum CifarFormat implements DataSetFormat {
    BINARY_10(
            List.of("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"),
            "test_batch.bin",
            "batches.meta.txt",
            10,
            false),
    PYTHON_10(
            List.of("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"),
            "test_batch",
            "batches.meta",
            10,
            false),
    BINARY_100(List.of("train.bin"), "test.bin", "fine_label_names.txt", 100, false),
    PYTHON_100(List.of("train"), "test", "meta", 100, false),
    BINARY_100_COARSE(List.of("train.bin"), "test.bin", "coarse_label_names.txt", 20, true),
    PYTHON_100_COARSE(List.of("train"), "test", "meta", 20, true);

    private static final int SIDE = 32;
    private static final int PIXELS = 3 * SIDE * SIDE;
    // The published files have 50,000 images at most.
    private static final long MOST_IMAGES = 100_000;

    @SuppressWarnings("ImmutableEnumChecker") // Made by List.of.
    private final List<String> train;

    private final String test;
    private final String names;
    private final int classes;
    private final boolean coarse;

    CifarFormat(List<String> train, String test, String names, int classes, boolean coarse) {
        this.train = train;
        this.test = test;
        this.names = names;
        this.classes = classes;
        this.coarse = coarse;
    }

    private boolean isPickled() {
        return !test.endsWith(".bin");
    }

    @Override
    public List<String> files() {
        List<String> files = new ArrayList<>(train);
        files.add(test);
        return files;
    }

    @Override
    public boolean isIn(Path folder) {
        return files().stream().allMatch(file -> Files.isRegularFile(folder.resolve(file)));
    }

    @Override
    public DataSet open(Request request) {
        Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
        parts.put(DataSet.TRAIN, () -> part(request, Split.TRAIN, train));
        parts.put(DataSet.TEST, () -> part(request, Split.TEST, List.of(test)));
        return new DataSet(request.name(), parts);
    }

    /** Images of one file: pixels, channel after channel, and labels. */
    @SuppressWarnings("ArrayRecordComponent") // Handed on once and never compared.
    private record Images(byte[] planes, int first, int stride, int[] labels) {}

    private ImageSet part(Request request, Split split, List<String> files) {
        List<Images> read = new ArrayList<>();
        List<SourceFile> sources = new ArrayList<>();
        int count = 0;
        for (String file : files) {
            Path path = request.folder().resolve(file);
            Images images = isPickled() ? pickled(path) : binary(path);
            sources.add(ListedImages.source(path));
            read.add(images);
            count += images.labels.length;
        }
        byte[] pixels = new byte[count * PIXELS];
        int[] labels = new int[count];
        int image = 0;
        for (Images images : read) {
            for (int i = 0; i < images.labels.length; i++, image++) {
                labels[image] = images.labels[i];
                PixelOrder.PLANES_OF_ROWS.interleave(
                        images.planes, images.first + i * images.stride, pixels, image * PIXELS, SIDE, SIDE, 3);
            }
        }
        return ImageSet.of(request.name(), split, SIDE, SIDE, 3, pixels, labels, classNames(request), sources);
    }

    private Images binary(Path path) {
        int header = classes == 10 ? 1 : 2;
        int record = header + PIXELS;
        byte[] content = content(path, record);
        int[] labels = new int[content.length / record];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = checked(content[i * record + (header == 2 && !coarse ? 1 : 0)] & 0xff, i, path);
        }
        return new Images(content, header, record, labels);
    }

    private static byte[] content(Path path, int record) {
        try {
            long size = Files.size(path);
            if (size == 0 || size % record != 0 || size / record > MOST_IMAGES) {
                throw new UserError(path + ": has " + size + " bytes; expected records of " + record
                        + " bytes, at most " + MOST_IMAGES + " of them. Fetch the file again.");
            }
            return Files.readAllBytes(path);
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
    }

    private int checked(long label, int image, Path path) {
        if (label < 0 || label >= classes) {
            throw new UserError(path + ": label " + label + " of image " + image + " is outside 0.." + (classes - 1));
        }
        return (int) label;
    }

    private Images pickled(Path path) {
        try {
            PickledDictionary batch = PickledDictionary.read(path);
            byte[] planes = batch.bytes("data", -1, PIXELS).toBytes();
            long[] numbers = batch.integers(classes == 10 ? "labels" : coarse ? "coarse_labels" : "fine_labels");
            if (numbers.length != planes.length / PIXELS || numbers.length == 0 || numbers.length > MOST_IMAGES) {
                throw new UserError(path + ": " + numbers.length + " labels for " + planes.length / PIXELS
                        + " images; expected one for each, and at most " + MOST_IMAGES);
            }
            int[] labels = new int[numbers.length];
            for (int i = 0; i < labels.length; i++) {
                labels[i] = checked(numbers[i], i, path);
            }
            return new Images(planes, 0, PIXELS, labels);
        } catch (TensorFileException e) {
            throw new UserError(e.getMessage(), e);
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
    }

    private List<String> classNames(Request request) {
        Path path = request.folder().resolve(names);
        List<String> found;
        if (!Files.isRegularFile(path)) {
            found = request.classNames().isEmpty()
                    ? IntStream.range(0, classes).mapToObj(Integer::toString).toList()
                    : request.classNames();
        } else if (isPickled()) {
            try {
                found = PickledDictionary.read(path)
                        .texts(classes == 10 ? "label_names" : coarse ? "coarse_label_names" : "fine_label_names");
            } catch (TensorFileException e) {
                throw new UserError(e.getMessage(), e);
            } catch (IOException e) {
                throw UserError.cannotRead(path, e);
            }
        } else {
            found = ListFile.read(path).texts();
        }
        if (found.size() != classes) {
            throw new UserError(path + ": names " + found.size() + " classes; expected " + classes);
        }
        return found;
    }
}
