package dev.hornbeam.training.data;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.ImageFiles;
import dev.hornbeam.training.image.Preprocessing;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Images in a folder for each class, in folders for the parts or not.
 *
 * <p>Classes are the folders of the training part in the order of their names, images of a class the files in its folder, and
 * in folders below it, in the order of their paths. Names for people are taken from a list beside the parts, where there is
 * one: {@code imagenet_class_index.json}, {@code LOC_synset_mapping.txt}, {@code synset_words.txt} or {@code words.txt}.
 */
final class ClassFolders implements DataSetFormat {
    private static final List<String> NAME_LISTS = List.of("LOC_synset_mapping.txt", "synset_words.txt", "words.txt");
    private static final String NAME_INDEX = "imagenet_class_index.json";
    private static final int LARGEST_INDEX = 16 << 20;

    private final List<String> trainFolders;
    private final List<String> validationFolders;
    private final List<String> testFolders;
    private final Preprocessing own;
    private final String marker;

    /**
     * Folders that a part may lie in; the first that is there is taken. Where no test part is there, the validation part is it.
     *
     * @param own size of the images; null to look at some of them
     * @param marker a class that is there if it is this data set; null for any
     */
    private ClassFolders(
            List<String> trainFolders,
            List<String> validationFolders,
            List<String> testFolders,
            Preprocessing own,
            String marker) {
        this.trainFolders = trainFolders;
        this.validationFolders = validationFolders;
        this.testFolders = testFolders;
        this.own = own;
        this.marker = marker;
    }

    /** Any images: {@code train}, {@code val} and {@code test}, or the classes alone. */
    static ClassFolders any() {
        return new ClassFolders(
                List.of("train", "training", "."),
                List.of("val", "valid", "validation"),
                List.of("test", "testing"),
                null,
                null);
    }

    /** ImageNet (Deng et al. 2009), ILSVRC 2012: {@code train} and {@code val} with a folder for each synset. */
    static ClassFolders imageNet() {
        return new ClassFolders(
                List.of("train"), List.of("val", "validation"), List.of(), Preprocessing.imageNet(), "n01440764");
    }

    /** Caltech-256 (Griffin, Holub, Perona 2007), which has no published parts: 256 classes and one of clutter. */
    static ClassFolders caltech256() {
        return new ClassFolders(
                List.of("256_ObjectCategories", "."), List.of(), List.of(), Preprocessing.imageNet(), "001.ak47");
    }

    private static Optional<Path> first(Path folder, List<String> names) {
        return names.stream()
                .map(name -> name.equals(".") ? folder : folder.resolve(name))
                .filter(Files::isDirectory)
                .findFirst();
    }

    @Override
    public List<String> files() {
        List<String> files = new ArrayList<>(List.of(trainFolders.getFirst() + "/CLASS/*.jpg"));
        if (!validationFolders.isEmpty()) {
            files.add(validationFolders.getFirst() + "/CLASS/*.jpg");
        }
        return files;
    }

    @Override
    public boolean isIn(Path folder) {
        Optional<Path> train = first(folder, trainFolders);
        if (marker != null
                && train.filter(found -> Files.isDirectory(found.resolve(marker)))
                        .isEmpty()) {
            return false;
        }
        boolean tested = trainFolders.contains(".")
                || validationFolders.isEmpty()
                || first(folder, validationFolders).isPresent();
        return train.isPresent() && tested && !classesIn(train.get()).isEmpty();
    }

    @Override
    public DataSet open(Request request) {
        Path folder = request.folder();
        Path train = first(folder, trainFolders)
                .orElseThrow(() -> new UserError(folder + ": has no folder " + trainFolders.getFirst()
                        + " with a folder of images for each class"));
        List<String> classes = classesIn(train);
        if (classes.isEmpty()) {
            throw new UserError(train + ": has no folders; expected one for each class, with its images");
        }
        List<Path> lists = new ArrayList<>();
        List<String> classNames = classNames(folder, classes, lists);
        Supplier<Preprocessing> fit = () -> own != null ? own : sizeOf(train, classes);
        Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
        parts.put(DataSet.TRAIN, () -> read(request, train, Split.TRAIN, classes, classNames, lists, fit.get()));
        Optional<Path> validation = first(folder, validationFolders);
        Optional<Path> test =
                first(folder, testFolders).filter(found -> !classesIn(found).isEmpty());
        if (validation.isPresent() && test.isPresent()) {
            parts.put(
                    DataSet.VALIDATION,
                    () -> read(request, validation.get(), Split.VALIDATION, classes, classNames, lists, fit.get()));
        }
        test.or(() -> validation)
                .ifPresent(found -> parts.put(
                        DataSet.TEST, () -> read(request, found, Split.TEST, classes, classNames, lists, fit.get())));
        return new DataSet(request.name(), parts);
    }

    /** Returns the names of the folders in a folder, in order, hidden ones left out. */
    static List<String> classesIn(Path folder) {
        List<String> classes = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, Files::isDirectory)) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                if (!name.startsWith(".")) {
                    classes.add(name);
                }
            }
        } catch (IOException e) {
            throw UserError.cannotRead(folder, e);
        }
        classes.sort(null);
        return classes;
    }

    static ImageSet read(
            Request request,
            Path folder,
            Split split,
            List<String> classes,
            List<String> classNames,
            List<Path> lists,
            Preprocessing fit) {
        ListedImages images = new ListedImages(folder);
        for (String found : classesIn(folder)) {
            int label = classes.indexOf(found);
            if (label < 0) {
                throw new UserError(folder.resolve(found) + ": is no class of the training part, which has "
                        + classes.size() + " folders, " + classes.getFirst() + " to " + classes.getLast());
            }
            for (Path file : ImageFiles.list(folder.resolve(found), true)) {
                images.add(ImageFiles.name(folder, file), label);
            }
        }
        return images.toSet(request.name(), split, fit, classNames, lists);
    }

    // Small images that are all alike are taken as they are; photographs as networks for ImageNet take them.
    private static Preprocessing sizeOf(Path train, List<String> classes) {
        List<Path> some = ImageFiles.list(train.resolve(classes.getFirst()), true);
        ImageFolderSource source = new ImageFolderSource(
                train, some.stream().map(file -> ImageFiles.name(train, file)).toList());
        return source.commonSize(64);
    }

    /** Returns names of classes for people, in the order of {@code classes}, from a list in {@code folder} if it has one. */
    static List<String> classNames(Path folder, List<String> classes, List<Path> lists) {
        Map<String, String> names = new HashMap<>();
        Path index = folder.resolve(NAME_INDEX);
        if (Files.isRegularFile(index)) {
            lists.add(index);
            readIndex(index, names);
        } else {
            NAME_LISTS.stream()
                    .map(folder::resolve)
                    .filter(Files::isRegularFile)
                    .findFirst()
                    .ifPresent(path -> {
                        lists.add(path);
                        ListFile file = ListFile.read(path);
                        for (ListFile.Line line : file.lines()) {
                            String[] fields = file.twoFields(line, "a folder's name and a class's");
                            names.put(fields[0], fields[1].split(",", -1)[0].strip());
                        }
                    });
        }
        List<String> found = new ArrayList<>();
        Set<String> taken = new LinkedHashSet<>();
        for (String name : classes) {
            String forPeople = names.getOrDefault(name, name);
            // ImageNet has two cranes and two maillots.
            found.add(taken.add(forPeople) ? forPeople : forPeople + " (" + name + ")");
        }
        return found;
    }

    // {"0": ["n01440764", "tench"], ...}
    private static void readIndex(Path path, Map<String, String> names) {
        JsonNode root;
        try {
            if (Files.size(path) > LARGEST_INDEX) {
                throw new UserError(path + ": is larger than a list of classes can be");
            }
            root = new JsonMapper().readTree(Files.readAllBytes(path));
        } catch (JacksonException e) {
            throw new UserError(path + ": no JSON: " + e.getOriginalMessage().replaceAll("\\p{Cc}", " "), e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
        if (!root.isObject()) {
            throw new UserError(path + ": expected an object such as {\"0\": [\"n01440764\", \"tench\"]}");
        }
        for (JsonNode pair : root) {
            if (!pair.isArray()
                    || pair.size() != 2
                    || !pair.get(0).isTextual()
                    || !pair.get(1).isTextual()) {
                throw new UserError(path + ": expected pairs such as [\"n01440764\", \"tench\"]");
            }
            names.put(pair.get(0).textValue(), pair.get(1).textValue());
        }
    }
}
