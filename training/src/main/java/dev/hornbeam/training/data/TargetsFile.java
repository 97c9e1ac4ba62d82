package dev.hornbeam.training.data;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Regression targets in a file: a NumPy array [N] or [N, columns] in an .npy file, or a CSV file with a line for each image, whose
 * first line may name the columns.
 */
final class TargetsFile {
    private TargetsFile() {}

    /**
     * Reads the file.
     *
     * @throws UserError naming the file if it cannot be read or holds something else than finite numbers
     */
    static Targets read(Path path) {
        return path.toString().toLowerCase(Locale.ROOT).endsWith(".npy") ? npy(path) : csv(path);
    }

    private static Targets npy(Path path) {
        try {
            HostArray array = Npy.read(path);
            long[] shape = array.shape();
            if (shape.length < 1 || shape.length > 2 || (shape.length == 2 && shape[1] < 1)) {
                throw new UserError(
                        path + ": has shape " + Arrays.toString(shape) + "; expected [images] or [images, columns]");
            }
            return named(path, shape.length == 1 ? 1 : (int) shape[1], array.toFloats());
        } catch (TensorFileException e) {
            throw new UserError(e.getMessage(), e);
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
    }

    private static Targets named(Path path, int columns, float[] values) {
        try {
            return Targets.of(columns, values);
        } catch (UserError e) {
            throw new UserError(path + ": " + e.getMessage(), e);
        }
    }

    private static Targets csv(Path path) {
        List<String[]> rows = CsvImages.rows(path);
        if (rows.isEmpty()) {
            throw new UserError(path + ": is empty; expected a line with numbers for each image");
        }
        String[] first = rows.getFirst();
        boolean header = !isNumber(first[0]);
        List<String[]> lines = header ? rows.subList(1, rows.size()) : rows;
        float[] values = new float[Math.multiplyExact(lines.size(), first.length)];
        for (int i = 0; i < lines.size(); i++) {
            String[] row = lines.get(i);
            int line = i + (header ? 2 : 1);
            if (row.length != first.length) {
                throw new UserError(
                        path + ": line " + line + ": has " + row.length + " cells; expected " + first.length);
            }
            for (int k = 0; k < row.length; k++) {
                if (!isNumber(row[k])) {
                    throw new UserError(path + ": line " + line + ": \"" + row[k].replaceAll("\\p{Cc}", "?")
                            + "\" is not a number");
                }
                values[i * first.length + k] = Float.parseFloat(row[k].strip());
            }
        }
        try {
            return header ? Targets.of(Arrays.asList(first), values) : Targets.of(first.length, values);
        } catch (UserError e) {
            throw new UserError(path + ": " + e.getMessage(), e);
        }
    }

    private static boolean isNumber(String text) {
        try {
            return Float.isFinite(Float.parseFloat(text.strip()));
        } catch (NumberFormatException e) {
            return false;
        }
    }
}
