package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** MNIST and what was published like it: four IDX files, plain or with {@code .gz}. */
final class IdxFormat implements DataSetFormat {
    @Override
    public List<String> files() {
        return KnownDataSet.FILES.stream().map(file -> file + "[.gz]").toList();
    }

    @Override
    public boolean isIn(Path folder) {
        return KnownDataSet.FILES.stream().allMatch(name -> file(folder, name).isPresent());
    }

    /** Returns the file of that name, packed or not. */
    static Optional<Path> file(Path folder, String name) {
        for (String ending : List.of("", ".gz")) {
            Path path = folder.resolve(name + ending);
            if (Files.isRegularFile(path)) {
                return Optional.of(path);
            }
        }
        return Optional.empty();
    }

    @Override
    public DataSet open(Request request) {
        Path folder = request.folder();
        IdxFile trainLabels = idxFile(folder, KnownDataSet.TRAIN_LABELS, 1);
        IdxFile testLabels = idxFile(folder, KnownDataSet.TEST_LABELS, 1);
        List<String> classNames = request.classNames().isEmpty()
                ? DataSetCatalog.numbered(largest(trainLabels) + 1)
                : request.classNames();
        IdxFile trainImages = idxFile(folder, KnownDataSet.TRAIN_IMAGES, 3);
        IdxFile testImages = idxFile(folder, KnownDataSet.TEST_IMAGES, 3);
        return new DataSet(
                request.name(),
                part(request.name(), Split.TRAIN, trainImages, trainLabels, classNames),
                part(request.name(), Split.TEST, testImages, testLabels, classNames));
    }

    private static IdxFile idxFile(Path folder, String name, int dimensions) {
        Path path = file(folder, name)
                .orElseThrow(() -> new UserError(folder + ": has no file " + name + " or " + name + ".gz"));
        return IdxFile.read(path, dimensions);
    }

    private static int largest(IdxFile labels) {
        int largest = -1;
        for (byte label : labels.data()) {
            largest = Math.max(largest, label & 0xff);
        }
        return largest;
    }

    private static ImageSet part(String name, Split split, IdxFile images, IdxFile labels, List<String> classNames) {
        int count = labels.dimension(0);
        if (images.dimension(0) != count) {
            throw new UserError(labels.path() + ": " + count + " labels, but " + images.path() + " has "
                    + images.dimension(0) + " images");
        }
        if (count == 0 || images.dimension(1) == 0 || images.dimension(2) == 0) {
            throw new UserError(images.path() + ": holds no images");
        }
        int[] classes = new int[count];
        for (int i = 0; i < count; i++) {
            classes[i] = labels.data()[i] & 0xff;
            if (classes[i] >= classNames.size()) {
                throw new UserError(labels.path() + ": label " + classes[i] + " of image " + i + " is outside 0.."
                        + (classNames.size() - 1) + "; " + name + " has " + classNames.size() + " classes");
            }
        }
        return ImageSet.of(
                name,
                split,
                images.dimension(1),
                images.dimension(2),
                1,
                images.data(),
                classes,
                classNames,
                List.of(
                        new SourceFile(images.path(), images.sha256(), false),
                        new SourceFile(labels.path(), labels.sha256(), false)));
    }
}
