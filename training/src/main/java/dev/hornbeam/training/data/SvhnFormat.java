package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Street View House Numbers, cropped digits (Netzer et al. 2011): MATLAB files with {@code X}, uint8 [32, 32, 3, N], and
 * {@code y}, N labels of which 10 stands for the digit 0. Label 10 becomes class 0, so that a class is its digit.
 */
final class SvhnFormat implements DataSetFormat {
    private static final int SIDE = 32;
    private static final int PIXELS = 3 * SIDE * SIDE;
    private static final String EXTRA = "extra";

    @Override
    public List<String> files() {
        return List.of(file(DataSet.TRAIN), file(DataSet.TEST));
    }

    private static String file(String part) {
        return part + "_32x32.mat";
    }

    @Override
    public boolean isIn(Path folder) {
        return files().stream().allMatch(file -> Files.isRegularFile(folder.resolve(file)));
    }

    @Override
    public DataSet open(Request request) {
        Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
        parts.put(DataSet.TRAIN, () -> read(request, DataSet.TRAIN, Split.TRAIN));
        if (Files.isRegularFile(request.folder().resolve(file(EXTRA)))) {
            parts.put(EXTRA, () -> read(request, EXTRA, Split.TRAIN));
        }
        parts.put(DataSet.TEST, () -> read(request, DataSet.TEST, Split.TEST));
        return new DataSet(request.name(), parts);
    }

    private static ImageSet read(Request request, String part, Split split) {
        Path path = request.folder().resolve(file(part));
        MatFile file = MatFile.read(path);
        int[] shape = file.shape("X");
        if (shape.length != 4 || shape[0] != SIDE || shape[1] != SIDE || shape[2] != 3) {
            throw new UserError(path + ": X has shape " + Arrays.toString(shape) + "; expected [32, 32, 3, images]");
        }
        int[] labels = file.integers("y");
        byte[] pixels = file.bytes("X");
        if (labels.length == 0 || labels.length != shape[3]) {
            throw new UserError(path + ": " + labels.length + " labels for " + shape[3] + " images");
        }
        byte[] image = new byte[PIXELS];
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] < 1 || labels[i] > 10) {
                throw new UserError(
                        path + ": label " + labels[i] + " of image " + i + " is outside 1..10 (10 stands for digit 0)");
            }
            labels[i] %= 10;
            // Of one image's size, so it can be turned in place.
            System.arraycopy(pixels, i * PIXELS, image, 0, PIXELS);
            PixelOrder.PLANES_OF_COLUMNS.interleave(image, 0, pixels, i * PIXELS, SIDE, SIDE, 3);
        }
        List<String> classNames = request.classNames().isEmpty() ? DataSetCatalog.numbered(10) : request.classNames();
        return ImageSet.of(
                request.name(), split, SIDE, SIDE, 3, pixels, labels, classNames, List.of(ListedImages.source(path)));
    }
}
