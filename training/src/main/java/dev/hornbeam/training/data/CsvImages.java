package dev.hornbeam.training.data;

import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * A CSV file with a line for each image.
 *
 * <p>The first line names the columns, in any order and case: {@code path} (or {@code file}, {@code image}, {@code filename}),
 * relative to the CSV file; {@code label} (or {@code class}), a number from 0 in all lines or a name; {@code split}
 * ({@code train}, {@code validation} or {@code val}, {@code test}), without which all is training; and any number of columns
 * that begin with {@code target}, numbers to predict. There must be labels or targets; without labels there is one class.
 */
final class CsvImages {
    private static final Set<String> PATHS = Set.of("path", "file", "image", "filename");
    private static final Set<String> LABELS = Set.of("label", "class");
    private static final String SPLIT = "split";
    private static final String TARGET = "target";
    private static final long LARGEST = 1L << 30;

    private final String name;
    private final Path path;
    private final Map<Split, ListedImages> images = new LinkedHashMap<>();
    private final Map<Split, List<Float>> targets = new LinkedHashMap<>();
    private int pathColumn = -1;
    private int labelColumn = -1;
    private int splitColumn = -1;
    private boolean numbered;
    private final List<Integer> targetColumns = new ArrayList<>();
    private final List<String> targetNames = new ArrayList<>();

    private CsvImages(String name, Path path) {
        this.name = name;
        this.path = path;
    }

    /** Tells whether a data set of that name is a CSV file. */
    static boolean isNamed(String name) {
        return name.toLowerCase(Locale.ROOT).endsWith(".csv");
    }

    /**
     * Reads the list; images are decoded on demand.
     *
     * @throws UserError naming the line if something is not as described above
     */
    static DataSet read(String name, Path path) {
        return new CsvImages(name, path).read();
    }

    private DataSet read() {
        List<String[]> rows = rows(path);
        if (rows.size() < 2) {
            throw new UserError(path + ": expected a line with the names of the columns and a line for each image");
        }
        columns(rows.getFirst());
        List<String[]> lines = rows.subList(1, rows.size());
        List<String> classes = labelColumn < 0 ? List.of("all") : classes(lines);
        for (int i = 0; i < lines.size(); i++) {
            add(lines.get(i), i + 2, classes);
        }
        ImageFolderSource first = images.values().iterator().next().source();
        Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
        SourceFile source = ListedImages.source(path);
        for (Map.Entry<Split, ListedImages> part : images.entrySet()) {
            Split split = part.getKey();
            parts.put(
                    split.name().toLowerCase(Locale.ROOT),
                    () -> withTargets(
                            part.getValue()
                                    .toSet(name, split, first.commonSize(64), classes, List.of())
                                    .withSources(List.of(source)),
                            split));
        }
        return new DataSet(name, parts);
    }

    private ImageSet withTargets(ImageSet set, Split split) {
        if (targetColumns.isEmpty()) {
            return set;
        }
        List<Float> list = targets.get(split);
        float[] values = new float[list.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = list.get(i);
        }
        try {
            return set.withTargets(Targets.of(targetNames, values));
        } catch (UserError e) {
            throw new UserError(path + ": " + e.getMessage(), e);
        }
    }

    private Path folder() {
        Path parent = path.getParent();
        return parent == null ? Path.of("") : parent;
    }

    /** Returns the cells of all lines; blank lines are left out. */
    static List<String[]> rows(Path path) {
        ObjectReader reader = new CsvMapper()
                .readerFor(String[].class)
                .with(CsvParser.Feature.WRAP_AS_ARRAY)
                .with(CsvParser.Feature.SKIP_EMPTY_LINES);
        try {
            if (Files.size(path) > LARGEST) {
                throw new UserError(path + ": is larger than " + LARGEST + " bytes");
            }
            try (Reader text = Files.newBufferedReader(path, StandardCharsets.UTF_8);
                    MappingIterator<String[]> rows = reader.readValues(text)) {
                return rows.readAll();
            }
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (IOException | UncheckedIOException e) {
            String message = e.getMessage() == null
                    ? ""
                    : ": " + e.getMessage().lines().findFirst().orElse("").replaceAll("\\p{Cc}", "?");
            throw new UserError(path + ": no CSV file in UTF-8" + message, e);
        }
    }

    private void columns(String[] header) {
        for (int i = 0; i < header.length; i++) {
            String column = header[i].strip().replace("\uFEFF", "");
            String lower = column.toLowerCase(Locale.ROOT);
            if (PATHS.contains(lower) && pathColumn < 0) {
                pathColumn = i;
            } else if (LABELS.contains(lower) && labelColumn < 0) {
                labelColumn = i;
            } else if (lower.equals(SPLIT) && splitColumn < 0) {
                splitColumn = i;
            } else if (lower.startsWith(TARGET)) {
                targetColumns.add(i);
                targetNames.add(column);
            }
        }
        if (pathColumn < 0 || (labelColumn < 0 && targetColumns.isEmpty())) {
            throw new UserError(path + ": its first line names no column path"
                    + (pathColumn < 0 ? "" : ", or none of label and target") + "; expected as in path,label,split");
        }
    }

    private String cell(String[] row, int column, int line) {
        if (column >= row.length) {
            throw new UserError(
                    path + ": line " + line + ": has " + row.length + " cells; expected at least " + (column + 1));
        }
        return row[column];
    }

    // Numbers stand for themselves; names are numbered in their order.
    private List<String> classes(List<String[]> lines) {
        TreeSet<String> names = new TreeSet<>();
        int largest = -1;
        boolean numbers = true;
        for (int i = 0; i < lines.size(); i++) {
            String label = cell(lines.get(i), labelColumn, i + 2).strip();
            if (label.isEmpty()) {
                throw new UserError(path + ": line " + (i + 2) + ": the label is empty");
            }
            names.add(label);
            if (label.matches("\\d{1,6}")) {
                largest = Math.max(largest, Integer.parseInt(label));
            } else {
                numbers = false;
            }
        }
        if (numbers && largest >= NpzFile.MOST_CLASSES) {
            throw new UserError(path + ": label " + largest
                    + " is out of range; expected class numbers 0, 1, 2, ... below " + NpzFile.MOST_CLASSES);
        }
        numbered = numbers;
        return numbers ? DataSetCatalog.numbered(largest + 1) : List.copyOf(names);
    }

    private void add(String[] row, int line, List<String> classes) {
        Split split = Split.TRAIN;
        if (splitColumn >= 0) {
            String text = cell(row, splitColumn, line).strip().toLowerCase(Locale.ROOT);
            split = switch (text) {
                case "train", "training" -> Split.TRAIN;
                case "val", "valid", "validation" -> Split.VALIDATION;
                case "test", "testing" -> Split.TEST;
                default ->
                    throw new UserError(path + ": line " + line + ": the split is \"" + text.replaceAll("\\p{Cc}", "?")
                            + "\"; expected train, validation or test");
            };
        }
        int label = 0;
        if (labelColumn >= 0) {
            String text = cell(row, labelColumn, line).strip();
            label = numbered ? Integer.parseInt(text) : Collections.binarySearch(classes, text);
        }
        images.computeIfAbsent(split, _ -> new ListedImages(folder()))
                .addNamed(cell(row, pathColumn, line).strip(), label, path);
        for (int i = 0; i < targetColumns.size(); i++) {
            String text = cell(row, targetColumns.get(i), line).strip();
            try {
                targets.computeIfAbsent(split, _ -> new ArrayList<>()).add(Float.valueOf(text));
            } catch (NumberFormatException e) {
                throw new UserError(
                        path + ": line " + line + ": " + targetNames.get(i) + " is \"" + text.replaceAll("\\p{Cc}", "?")
                                + "\"; expected a number",
                        e);
            }
        }
    }
}
