package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.Preprocessing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Supplier;

/** Photographs whose classes and parts are in lists, each publisher's in his own way. */
enum ListedFormat implements DataSetFormat {
    /**
     * FGVC-Aircraft (Maji et al. 2013): {@code images_variant_PART.txt} with lines of an image's number and its variant;
     * classes in the order of {@code variants.txt}.
     */
    AIRCRAFT(List.of("images", "variants.txt", "images_variant_train.txt", "images_variant_test.txt")) {
        @Override
        public DataSet open(Request request) {
            Path folder = request.folder();
            List<String> classes = ListFile.read(folder.resolve("variants.txt")).texts();
            Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
            parts.put(DataSet.TRAIN, () -> aircraft(request, "train", Split.TRAIN, classes));
            if (Files.isRegularFile(folder.resolve("images_variant_val.txt"))) {
                parts.put(DataSet.VALIDATION, () -> aircraft(request, "val", Split.VALIDATION, classes));
            }
            parts.put(DataSet.TEST, () -> aircraft(request, "test", Split.TEST, classes));
            return new DataSet(request.name(), parts);
        }
    },

    /**
     * CUB-200-2011 (Wah et al. 2011): {@code images.txt}, {@code image_class_labels.txt}, {@code train_test_split.txt} and
     * {@code classes.txt}, whose lines begin with a number counted from 1.
     */
    CUB(List.of("images", "images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt")) {
        @Override
        public DataSet open(Request request) {
            Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
            parts.put(DataSet.TRAIN, () -> birds(request, 1, Split.TRAIN));
            parts.put(DataSet.TEST, () -> birds(request, 0, Split.TEST));
            return new DataSet(request.name(), parts);
        }
    },

    /**
     * Stanford Cars (Krause et al. 2013): MATLAB annotations of {@code fname} and {@code class} (from 1), names of the classes
     * in {@code devkit/cars_meta.mat}. The test annotations with labels may lie in the folder itself or in {@code devkit}.
     */
    CARS(List.of("cars_train", "devkit/cars_train_annos.mat", "devkit/cars_meta.mat")) {
        @Override
        public DataSet open(Request request) {
            Path folder = request.folder();
            Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
            parts.put(
                    DataSet.TRAIN,
                    () -> cars(request, "cars_train", folder.resolve("devkit/cars_train_annos.mat"), Split.TRAIN));
            String test = "cars_test_annos_withlabels.mat";
            Path annotations =
                    Files.isRegularFile(folder.resolve(test)) ? folder.resolve(test) : folder.resolve("devkit", test);
            parts.put(DataSet.TEST, () -> cars(request, "cars_test", annotations, Split.TEST));
            return new DataSet(request.name(), parts);
        }
    },

    /**
     * Stanford Dogs (Khosla et al. 2011): {@code train_list.mat} and {@code test_list.mat}, each with the cell array
     * {@code file_list} and {@code labels} (from 1), in the folder itself or in {@code lists}.
     */
    DOGS(List.of("Images")) {
        @Override
        public boolean isIn(Path folder) {
            return super.isIn(folder)
                    && Files.isRegularFile(list(folder, DataSet.TRAIN))
                    && Files.isRegularFile(list(folder, DataSet.TEST));
        }

        @Override
        public List<String> files() {
            return List.of("Images", "train_list.mat", "test_list.mat");
        }

        private Path list(Path folder, String part) {
            String name = part + "_list.mat";
            return Files.isRegularFile(folder.resolve(name)) ? folder.resolve(name) : folder.resolve("lists", name);
        }

        @Override
        public DataSet open(Request request) {
            Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
            parts.put(DataSet.TRAIN, () -> dogs(request, list(request.folder(), DataSet.TRAIN), Split.TRAIN));
            parts.put(DataSet.TEST, () -> dogs(request, list(request.folder(), DataSet.TEST), Split.TEST));
            return new DataSet(request.name(), parts);
        }
    },

    /**
     * Oxford Flowers 102 (Nilsback, Zisserman 2008): {@code imagelabels.mat} with {@code labels} (from 1) of all images and
     * {@code setid.mat} with the numbers (from 1) of the images of each part: {@code trnid}, {@code valid}, {@code tstid}.
     * The names of the classes were not published with it: they are numbers from 1.
     */
    FLOWERS(List.of("jpg", "imagelabels.mat", "setid.mat")) {
        @Override
        public DataSet open(Request request) {
            Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
            parts.put(DataSet.TRAIN, () -> flowers(request, "trnid", Split.TRAIN));
            parts.put(DataSet.VALIDATION, () -> flowers(request, "valid", Split.VALIDATION));
            parts.put(DataSet.TEST, () -> flowers(request, "tstid", Split.TEST));
            return new DataSet(request.name(), parts);
        }
    },

    /**
     * MIT Indoor 67 (Quattoni, Torralba 2009): {@code TrainImages.txt} and {@code TestImages.txt} with paths below
     * {@code Images}; classes are the folders named in the first, in order.
     */
    INDOOR(List.of("Images", "TrainImages.txt", "TestImages.txt")) {
        @Override
        public DataSet open(Request request) {
            Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
            parts.put(DataSet.TRAIN, () -> rooms(request, "TrainImages.txt", Split.TRAIN));
            parts.put(DataSet.TEST, () -> rooms(request, "TestImages.txt", Split.TEST));
            return new DataSet(request.name(), parts);
        }
    };

    @SuppressWarnings("ImmutableEnumChecker") // Made by List.of.
    private final List<String> files;

    ListedFormat(List<String> files) {
        this.files = files;
    }

    @Override
    public List<String> files() {
        return files;
    }

    @Override
    public boolean isIn(Path folder) {
        return files.stream().allMatch(file -> Files.exists(folder.resolve(file)));
    }

    private static ImageSet aircraft(Request request, String part, Split split, List<String> classes) {
        ListFile list = ListFile.read(request.folder().resolve("images_variant_" + part + ".txt"));
        ListedImages images = new ListedImages(request.folder().resolve("images"));
        for (ListFile.Line line : list.lines()) {
            String[] fields = list.twoFields(line, "an image's number and its variant");
            int label = classes.indexOf(fields[1]);
            if (label < 0) {
                throw list.wrong(line, "an image's number and one of the " + classes.size() + " variants");
            }
            images.addNamed(fields[0] + ".jpg", label, list.path());
        }
        return images.toSet(request.name(), split, Preprocessing.imageNet(), classes, List.of(list.path()));
    }

    private static ImageSet birds(Request request, int part, Split split) {
        Path folder = request.folder();
        ListFile names = ListFile.read(folder.resolve("classes.txt"));
        List<String> classes = names.lines().stream()
                .map(line -> names.twoFields(line, "a number and a class")[1].replaceFirst("^\\d{3}\\.", ""))
                .toList();
        ListFile list = ListFile.read(folder.resolve("images.txt"));
        ListFile labels = ListFile.read(folder.resolve("image_class_labels.txt"));
        ListFile splits = ListFile.read(folder.resolve("train_test_split.txt"));
        int count = list.lines().size();
        int[] labelOf = numbersById(labels, count, 1, classes.size(), "an image's number and its class");
        int[] partOf = numbersById(splits, count, 0, 1, "an image's number and 1 for training or 0 for testing");
        ListedImages images = new ListedImages(folder.resolve("images"));
        for (ListFile.Line line : list.lines()) {
            String[] fields = list.twoFields(line, "an image's number and its path");
            int id = list.number(line, fields[0], 1, count, "an image's number and its path") - 1;
            if (partOf[id] == part) {
                images.addNamed(fields[1], labelOf[id] - 1, list.path());
            }
        }
        return images.toSet(
                request.name(),
                split,
                Preprocessing.imageNet(),
                classes,
                List.of(list.path(), labels.path(), splits.path()));
    }

    private static int[] numbersById(ListFile file, int count, int least, int largest, String expected) {
        int[] numbers = new int[count];
        Arrays.fill(numbers, -1);
        for (ListFile.Line line : file.lines()) {
            String[] fields = file.twoFields(line, expected);
            int id = file.number(line, fields[0], 1, count, expected) - 1;
            numbers[id] = file.number(line, fields[1], least, largest, expected);
        }
        for (int i = 0; i < count; i++) {
            if (numbers[i] < 0) {
                throw new UserError(file.path() + ": has no line for image " + (i + 1) + " of " + count);
            }
        }
        return numbers;
    }

    private static ImageSet cars(Request request, String folder, Path annotations, Split split) {
        Path meta = request.folder().resolve("devkit/cars_meta.mat");
        List<String> classes = MatFile.read(meta).texts("class_names");
        MatFile file = MatFile.read(annotations);
        List<String> names = file.texts("annotations", "fname");
        int[] labels = file.integers("annotations", "class");
        ListedImages images = new ListedImages(request.folder().resolve(folder));
        for (int i = 0; i < labels.length; i++) {
            images.addNamed(names.get(i), fromOne(labels[i], classes.size(), i, annotations), annotations);
        }
        return images.toSet(request.name(), split, Preprocessing.imageNet(), classes, List.of(annotations, meta));
    }

    private static int fromOne(int label, int classes, int image, Path file) {
        if (label < 1 || label > classes) {
            throw new UserError(file + ": class " + label + " of image " + image + " is outside 1.." + classes);
        }
        return label - 1;
    }

    private static ImageSet dogs(Request request, Path path, Split split) {
        MatFile file = MatFile.read(path);
        List<String> names = file.texts("file_list");
        int[] labels = file.integers("labels");
        if (names.isEmpty() || names.size() != labels.length) {
            throw new UserError(path + ": " + labels.length + " labels for " + names.size() + " images");
        }
        // 120 breeds; the folder of each names it: n02085620-Chihuahua.
        List<String> folders = ClassFolders.classesIn(request.folder().resolve("Images"));
        ListedImages images = new ListedImages(request.folder().resolve("Images"));
        for (int i = 0; i < labels.length; i++) {
            int label = fromOne(labels[i], folders.size(), i, path);
            String folder = names.get(i).split("/", 2)[0];
            if (!folder.equals(folders.get(label))) {
                throw new UserError(path + ": image " + i + " is of class " + labels[i] + ", which is the folder "
                        + folders.get(label) + " in alphabetical order, but lies in another. Are folders missing?");
            }
            images.addNamed(names.get(i), label, path);
        }
        List<String> classes = folders.stream()
                .map(folder -> folder.replaceFirst("^n\\d+-", "").replace('_', ' '))
                .toList();
        return images.toSet(request.name(), split, Preprocessing.imageNet(), classes, List.of(path));
    }

    private static ImageSet flowers(Request request, String part, Split split) {
        Path labelFile = request.folder().resolve("imagelabels.mat");
        Path partFile = request.folder().resolve("setid.mat");
        int[] labels = MatFile.read(labelFile).integers("labels");
        int classes = Arrays.stream(labels).max().orElse(0);
        if (classes < 1 || classes > NpzFile.MOST_CLASSES) {
            throw new UserError(labelFile + ": the largest of " + labels.length + " labels is " + classes
                    + "; expected labels from 1");
        }
        ListedImages images = new ListedImages(request.folder().resolve("jpg"));
        for (int id : MatFile.read(partFile).integers(part)) {
            if (id < 1 || id > labels.length) {
                throw new UserError(partFile + ": " + part + " names image " + id + ", but " + labelFile
                        + " has labels of images 1 to " + labels.length);
            }
            images.addNamed(
                    String.format(java.util.Locale.ROOT, "image_%05d.jpg", id),
                    fromOne(labels[id - 1], classes, id, labelFile),
                    partFile);
        }
        return images.toSet(
                request.name(),
                split,
                Preprocessing.imageNet(),
                java.util.stream.IntStream.rangeClosed(1, classes)
                        .mapToObj(Integer::toString)
                        .toList(),
                List.of(labelFile, partFile));
    }

    private static ImageSet rooms(Request request, String name, Split split) {
        ListFile training = ListFile.read(request.folder().resolve("TrainImages.txt"));
        List<String> classes = List.copyOf(
                new TreeSet<>(training.texts().stream().map(ListedFormat::room).toList()));
        ListFile list = ListFile.read(request.folder().resolve(name));
        ListedImages images = new ListedImages(request.folder().resolve("Images"));
        for (ListFile.Line line : list.lines()) {
            int label = classes.indexOf(room(line.text()));
            if (label < 0) {
                throw list.wrong(line, "an image of one of the " + classes.size() + " classes in TrainImages.txt");
            }
            images.addNamed(line.text(), label, list.path());
        }
        return images.toSet(request.name(), split, Preprocessing.imageNet(), classes, List.of(list.path()));
    }

    private static String room(String path) {
        return path.split("/", 2)[0];
    }
}
