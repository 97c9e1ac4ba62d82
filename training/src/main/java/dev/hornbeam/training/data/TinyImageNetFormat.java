package dev.hornbeam.training.data;

import dev.hornbeam.training.image.Preprocessing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * TinyImageNet (Stanford's CS231n): {@code wnids.txt}, {@code train/SYNSET/images} and {@code val/images} with
 * {@code val/val_annotations.txt}. Tested with is the validation part, as the labels of the test part were not published.
 * Classes are in the order of their synsets, not of {@code wnids.txt}, as if read from class folders.
 */
final class TinyImageNetFormat implements DataSetFormat {
    private static final int SIDE = 64;
    private static final String SYNSETS = "wnids.txt";
    private static final String ANNOTATIONS = "val/val_annotations.txt";

    @Override
    public List<String> files() {
        return List.of(SYNSETS, "train/SYNSET/images/*.JPEG", "val/images/*.JPEG", ANNOTATIONS);
    }

    @Override
    public boolean isIn(Path folder) {
        return Files.isRegularFile(folder.resolve(SYNSETS)) && Files.isDirectory(folder.resolve("train"));
    }

    @Override
    public DataSet open(Request request) {
        Path folder = request.folder();
        List<String> classes =
                ListFile.read(folder.resolve(SYNSETS)).texts().stream().sorted().toList();
        List<Path> lists = new ArrayList<>(List.of(folder.resolve(SYNSETS)));
        List<String> classNames = ClassFolders.classNames(folder, classes, lists);
        Preprocessing fit = Preprocessing.of(SIDE, SIDE, 3);
        Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
        parts.put(
                DataSet.TRAIN,
                () -> ClassFolders.read(
                        request, folder.resolve("train"), Split.TRAIN, classes, classNames, lists, fit));
        parts.put(
                DataSet.TEST,
                () -> Files.isRegularFile(folder.resolve(ANNOTATIONS))
                        ? annotated(request, classes, classNames, lists, fit)
                        : ClassFolders.read(
                                request, folder.resolve("val"), Split.TEST, classes, classNames, lists, fit));
        return new DataSet(request.name(), parts);
    }

    // Lines of: file, synset, and the corners of a box.
    private static ImageSet annotated(
            Request request, List<String> classes, List<String> classNames, List<Path> lists, Preprocessing fit) {
        ListFile file = ListFile.read(request.folder().resolve(ANNOTATIONS));
        ListedImages images = new ListedImages(request.folder().resolve("val/images"));
        for (ListFile.Line line : file.lines()) {
            String[] fields = file.twoFields(line, "an image and its synset");
            int label = classes.indexOf(fields[1].split("\\s+", 2)[0]);
            if (label < 0) {
                throw file.wrong(line, "an image and one of the " + classes.size() + " synsets in " + SYNSETS);
            }
            images.addNamed(fields[0], label, file.path());
        }
        List<Path> all = new ArrayList<>(lists);
        all.add(file.path());
        return images.toSet(request.name(), Split.TEST, fit, classNames, all);
    }
}
