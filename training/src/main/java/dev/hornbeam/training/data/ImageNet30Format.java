package dev.hornbeam.training.data;

import dev.hornbeam.training.image.Preprocessing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * ImageNet-30 (Hendrycks et al. 2019): class folders below {@code one_class_train} and {@code one_class_test}, or {@code train}
 * and {@code test}.
 *
 * <p>File lists in the folder or in {@code imagenet30_filelist}, of lines with a path and a class, are parts of their own:
 * {@code imagenet30_distribution_0.txt} to {@code _5.txt} become {@code distribution-0} to {@code distribution-5} and
 * {@code imagenet30_val.txt} becomes {@code validation}. Their paths may begin with folders of the machine that they were
 * written on: what is not there is left out from the left.
 */
final class ImageNet30Format implements DataSetFormat {
    private static final List<String> TRAIN = List.of("one_class_train", "train");
    private static final List<String> TEST = List.of("one_class_test", "test");
    private static final String LIST_FOLDER = "imagenet30_filelist";
    private static final int LISTS = 6;

    @Override
    public List<String> files() {
        return List.of("one_class_train/CLASS/*.JPEG", "one_class_test/CLASS/*.JPEG");
    }

    @Override
    public boolean isIn(Path folder) {
        // Folders named train and test alone may be those of any data set.
        boolean own = Files.isDirectory(folder.resolve(TRAIN.getFirst()))
                || Files.isDirectory(folder.resolve(LIST_FOLDER))
                || Files.isRegularFile(folder.resolve("imagenet30_distribution_0.txt"));
        return own && first(folder, TRAIN).isPresent() && first(folder, TEST).isPresent();
    }

    private static Optional<Path> first(Path folder, List<String> names) {
        return names.stream().map(folder::resolve).filter(Files::isDirectory).findFirst();
    }

    @Override
    public DataSet open(Request request) {
        Path folder = request.folder();
        Path train = first(folder, TRAIN).orElse(folder.resolve("one_class_train"));
        Path test = first(folder, TEST).orElse(folder.resolve("one_class_test"));
        List<String> classes = ClassFolders.classesIn(train);
        Preprocessing fit = Preprocessing.imageNet();
        Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
        parts.put(
                DataSet.TRAIN, () -> ClassFolders.read(request, train, Split.TRAIN, classes, classes, List.of(), fit));
        IntStream.range(0, LISTS)
                .forEach(i -> list(folder, "imagenet30_distribution_" + i + ".txt")
                        .ifPresent(path -> parts.put(
                                "distribution-" + i, () -> listed(request, path, Split.TRAIN, classes, fit))));
        list(folder, "imagenet30_val.txt")
                .ifPresent(path ->
                        parts.put(DataSet.VALIDATION, () -> listed(request, path, Split.VALIDATION, classes, fit)));
        parts.put(DataSet.TEST, () -> ClassFolders.read(request, test, Split.TEST, classes, classes, List.of(), fit));
        return new DataSet(request.name(), parts);
    }

    private static Optional<Path> list(Path folder, String name) {
        return List.of(folder, folder.resolve(LIST_FOLDER)).stream()
                .map(place -> place.resolve(name))
                .filter(Files::isRegularFile)
                .findFirst();
    }

    private static ImageSet listed(Request request, Path path, Split split, List<String> classes, Preprocessing fit) {
        String expected = "a path and the number of a class";
        ListFile list = ListFile.read(path);
        ListedImages images = new ListedImages(request.folder());
        for (ListFile.Line line : list.lines()) {
            int end = line.text().lastIndexOf(' ');
            if (end < 0) {
                throw list.wrong(line, expected);
            }
            int label = list.number(line, line.text().substring(end + 1), 0, classes.size() - 1, expected);
            images.addNamed(
                    present(request.folder(), line.text().substring(0, end).strip()), label, path);
        }
        return images.toSet(request.name(), split, fit, classes, List.of(path));
    }

    // What is too long or no path is left as it is: it will be refused.
    private static String present(Path folder, String file) {
        if (file.length() > ListedImages.LONGEST_PATH) {
            return file;
        }
        for (String rest = file; !rest.isEmpty(); ) {
            if (!rest.startsWith("/") && rest.indexOf('\0') < 0 && Files.isRegularFile(folder.resolve(rest))) {
                return rest;
            }
            int slash = rest.indexOf('/');
            rest = slash < 0 ? "" : rest.substring(slash + 1);
        }
        return file;
    }
}
