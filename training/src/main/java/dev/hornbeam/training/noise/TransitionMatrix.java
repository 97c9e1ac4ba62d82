package dev.hornbeam.training.noise;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The probability of every given label for every right one.
 *
 * <p>Entry [k][j] is the probability that an image of class k is labelled j; every row sums to 1.
 */
public final class TransitionMatrix {
    // What a row of f32 numbers, or of a few decimals, may miss 1 by.
    private static final double TOLERANCE = 1e-4;
    private static final int MOST_CLASSES = 10_000;
    private static final long MOST_BYTES = 1L << 31;

    private final double[][] rows;

    private TransitionMatrix(double[][] rows) {
        this.rows = rows;
    }

    /**
     * Makes a matrix of rows, scaled so that each sums to 1 exactly.
     *
     * @param origin where they are from, for messages
     * @throws UserError if it is not square, an entry is not in 0..1, or a row misses 1 by more than 1e-4
     */
    public static TransitionMatrix of(String origin, List<List<Double>> rows) {
        if (rows.isEmpty()) {
            throw new UserError(origin + ": has no rows; expected a row of probabilities for each class");
        }
        double[][] matrix = new double[rows.size()][];
        for (int k = 0; k < matrix.length; k++) {
            List<Double> row = rows.get(k);
            if (row.size() != matrix.length) {
                throw new UserError(origin + ": row " + k + " has " + row.size() + " numbers, but there are "
                        + matrix.length + " rows; expected a square matrix, a row and a column for each class");
            }
            checkRow(origin + ": row " + k, row);
            double sum = row.stream().mapToDouble(Double::doubleValue).sum();
            matrix[k] = row.stream().mapToDouble(p -> p / sum).toArray();
        }
        return new TransitionMatrix(matrix);
    }

    /** Checks that numbers are probabilities that sum to 1. */
    static void checkRow(String what, List<Double> row) {
        double sum = 0;
        for (int j = 0; j < row.size(); j++) {
            double p = row.get(j);
            if (!(p >= 0 && p <= 1)) {
                throw new UserError(what + ": entry " + j + " is " + p + "; expected a probability, 0..1");
            }
            sum += p;
        }
        if (Math.abs(sum - 1) > TOLERANCE) {
            throw new UserError(what + ": sums to " + String.format(Locale.ROOT, "%.6f", sum) + "; expected 1");
        }
    }

    /**
     * Reads a matrix from a .npy, .csv or .json file.
     *
     * <p>CSV is a line per row with commas, semicolons or blanks between the numbers; empty lines and those that begin
     * with # are skipped. JSON is an array of arrays.
     *
     * @throws UserError if the file cannot be read or does not hold a matrix of probabilities
     */
    public static TransitionMatrix read(Path file) {
        String name =
                file.getFileName() == null ? "" : file.getFileName().toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".npy")) {
            return of(file.toString(), npy(file));
        }
        String text = text(file);
        return of(file.toString(), name.endsWith(".json") ? json(file, text) : csv(file, text));
    }

    private static List<List<Double>> npy(Path file) {
        try {
            HostArray array = Npy.read(file);
            if (array.rank() != 2 || array.size(0) > MOST_CLASSES || array.size(1) > MOST_CLASSES) {
                throw new UserError(file + ": has shape " + Arrays.toString(array.shape())
                        + "; expected a square matrix, a row and a column for each class");
            }
            float[] numbers = array.toFloats();
            int columns = (int) array.size(1);
            List<List<Double>> rows = new ArrayList<>();
            for (int k = 0; k < array.size(0); k++) {
                List<Double> row = new ArrayList<>();
                for (int j = 0; j < columns; j++) {
                    row.add((double) numbers[k * columns + j]);
                }
                rows.add(row);
            }
            return rows;
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }

    static String text(Path file) {
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw new UserError(file + ": has " + Files.size(file) + " bytes, too many for a file of numbers");
            }
            return Files.readString(file);
        } catch (CharacterCodingException e) {
            throw new UserError(file + ": is not text; expected .csv, .json or .npy", e);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }

    private static List<List<Double>> csv(Path file, String text) {
        List<List<Double>> rows = new ArrayList<>();
        int number = 0;
        for (String line : text.lines().toList()) {
            number++;
            String content = line.strip();
            if (content.isEmpty() || content.startsWith("#")) {
                continue;
            }
            List<Double> row = new ArrayList<>();
            for (String cell : content.split("\\s*[,;]\\s*|\\s+", -1)) {
                row.add(number(cell, file, number));
            }
            rows.add(row);
        }
        return rows;
    }

    static double number(String cell, Path file, int line) {
        try {
            return Double.parseDouble(cell);
        } catch (NumberFormatException e) {
            throw new UserError(file + ":" + line + ": '" + cell + "' is not a number", e);
        }
    }

    private static List<List<Double>> json(Path file, String text) {
        JsonNode root;
        try {
            root = new JsonMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new UserError(file + ": not valid JSON: " + e.getOriginalMessage(), e);
        }
        List<List<Double>> rows = new ArrayList<>();
        for (JsonNode line : root) {
            List<Double> row = new ArrayList<>();
            for (JsonNode cell : line) {
                if (!cell.isNumber()) {
                    throw new UserError(file + ": row " + rows.size() + " has " + cell + " in it; expected numbers");
                }
                row.add(cell.asDouble());
            }
            rows.add(row);
        }
        return rows;
    }

    /**
     * The matrix that leaves every class with probability 1 - rate and takes it to its partner otherwise.
     *
     * @param partners the partner of each class; a class that is its own partner stays right
     * @param rate 0 to 1
     */
    public static TransitionMatrix flips(int[] partners, double rate) {
        LabelDraws.checkRate(rate);
        double[][] rows = new double[partners.length][partners.length];
        for (int k = 0; k < rows.length; k++) {
            rows[k][k] = 1 - rate;
            rows[k][partners[k]] += rate;
        }
        for (int k = 0; k < rows.length; k++) {
            if (partners[k] == k) {
                rows[k][k] = 1;
            }
        }
        return new TransitionMatrix(rows);
    }

    /** Returns the number of classes. */
    public int classes() {
        return rows.length;
    }

    /** Returns the probability that an image of class {@code right} is labelled {@code given}. */
    public double probability(int right, int given) {
        return rows[right][given];
    }

    /** The row of a class, not to be changed. */
    double[] row(int right) {
        return rows[right];
    }

    void checkClasses(ImageSet set) {
        if (rows.length != set.classes()) {
            throw new UserError("the transition matrix has " + rows.length + " rows, but " + set.name() + " has "
                    + set.classes() + " classes");
        }
    }

    @Override
    public String toString() {
        return Arrays.stream(rows)
                .map(row -> Arrays.stream(row)
                        .mapToObj(p -> String.format(Locale.ROOT, "%.4f", p))
                        .collect(Collectors.joining(",")))
                .collect(Collectors.joining("\n"));
    }
}
