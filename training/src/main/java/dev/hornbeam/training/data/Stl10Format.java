package dev.hornbeam.training.data;

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

/**
 * STL-10 (Coates, Ng, Lee 2011): binary files of images of 96 x 96 pixels, channel after channel and column after column, and of
 * labels 1 to 10. The lines of {@code fold_indices.txt}, where it is there, are the parts {@code fold-0} to {@code fold-9}
 * of the training images. The unlabelled images are not read.
 */
final class Stl10Format implements DataSetFormat {
    private static final int SIDE = 96;
    private static final int PIXELS = 3 * SIDE * SIDE;
    private static final String FOLDS = "fold_indices.txt";
    private static final String NAMES = "class_names.txt";
    private static final int CLASSES = 10;

    @Override
    public List<String> files() {
        return List.of("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin");
    }

    @Override
    public boolean isIn(Path folder) {
        return files().stream().allMatch(file -> Files.isRegularFile(folder.resolve(file)));
    }

    @Override
    public DataSet open(Request request) {
        Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
        parts.put(DataSet.TRAIN, () -> read(request, DataSet.TRAIN, Split.TRAIN));
        Path folds = request.folder().resolve(FOLDS);
        if (Files.isRegularFile(folds)) {
            List<ListFile.Line> lines = ListFile.read(folds).lines();
            for (int fold = 0; fold < Math.min(lines.size(), 10); fold++) {
                ListFile.Line line = lines.get(fold);
                parts.put("fold-" + fold, () -> fold(read(request, DataSet.TRAIN, Split.TRAIN), folds, line));
            }
        }
        parts.put(DataSet.TEST, () -> read(request, DataSet.TEST, Split.TEST));
        return new DataSet(request.name(), parts);
    }

    private static ImageSet fold(ImageSet train, Path folds, ListFile.Line line) {
        ListFile file = ListFile.read(folds);
        String[] texts = line.text().split("\\s+", -1);
        int[] positions = new int[texts.length];
        for (int i = 0; i < texts.length; i++) {
            positions[i] = file.number(line, texts[i], 0, train.size() - 1, "indices of training images");
        }
        return train.subset(positions);
    }

    private static ImageSet read(Request request, String part, Split split) {
        Path images = request.folder().resolve(part + "_X.bin");
        Path classes = request.folder().resolve(part + "_y.bin");
        byte[] planes = content(images, PIXELS);
        byte[] numbers = content(classes, 1);
        int count = planes.length / PIXELS;
        if (numbers.length != count) {
            throw new UserError(
                    classes + ": " + numbers.length + " labels, but " + images + " has " + count + " images");
        }
        byte[] pixels = new byte[planes.length];
        int[] labels = new int[count];
        for (int i = 0; i < count; i++) {
            labels[i] = (numbers[i] & 0xff) - 1;
            if (labels[i] < 0 || labels[i] >= CLASSES) {
                throw new UserError(
                        classes + ": label " + (numbers[i] & 0xff) + " of image " + i + " is outside 1..10");
            }
            PixelOrder.PLANES_OF_COLUMNS.interleave(planes, i * PIXELS, pixels, i * PIXELS, SIDE, SIDE, 3);
        }
        return ImageSet.of(
                request.name(),
                split,
                SIDE,
                SIDE,
                3,
                pixels,
                labels,
                classNames(request),
                List.of(ListedImages.source(images), ListedImages.source(classes)));
    }

    private static List<String> classNames(Request request) {
        Path path = request.folder().resolve(NAMES);
        if (!Files.isRegularFile(path)) {
            return request.classNames().isEmpty() ? DataSetCatalog.numbered(CLASSES) : request.classNames();
        }
        List<String> names = new ArrayList<>(ListFile.read(path).texts());
        if (names.size() != CLASSES) {
            throw new UserError(path + ": names " + names.size() + " classes; expected " + CLASSES);
        }
        return names;
    }

    private static byte[] content(Path path, int record) {
        try {
            long size = Files.size(path);
            if (size == 0 || size % record != 0 || size > Integer.MAX_VALUE - 16) {
                throw new UserError(path + ": has " + size + " bytes; expected a multiple of " + record
                        + " bytes below 2 GiB. Fetch the file again.");
            }
            return Files.readAllBytes(path);
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
    }
}
