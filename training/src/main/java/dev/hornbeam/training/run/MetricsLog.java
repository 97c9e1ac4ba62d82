package dev.hornbeam.training.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Writes {@code metrics.jsonl} and {@code metrics.csv} while a run goes on.
 *
 * <p>{@code metrics.jsonl} has one JSON object per line: {@code "type": "epoch"} after each epoch, {@code "type":
 * "step"} for logged steps. {@code metrics.csv} has the epochs only, under a header that never changes during a run.
 * Every row is handed to the operating system at once, so that a killed run loses none. What was not measured, or is
 * not finite, is null in JSON and empty in CSV.
 *
 * <p>A run must log an epoch before it writes that epoch's checkpoint: {@link #resume} keeps the rows up to the
 * checkpoint's step, and a row that was never written would be missing for good.
 */
public final class MetricsLog implements AutoCloseable {
    private static final JsonMapper JSON = new JsonMapper();
    private static final String TYPE = "type";
    private static final String EPOCH = "epoch";
    private static final String STEP = "step";
    private static final List<String> COLUMNS = List.of(
            EPOCH,
            STEP,
            "lr",
            "train_loss",
            "train_accuracy",
            "test_loss",
            "test_accuracy",
            "seconds",
            "images_per_second");

    private final RunFolder folder;
    private final List<String> extraColumns;
    private final OutputStream jsonl;
    private final OutputStream csv;

    private MetricsLog(RunFolder folder, List<String> extraColumns) {
        this.folder = folder;
        this.extraColumns = List.copyOf(extraColumns);
        this.jsonl = openForAppend(folder.metricsJsonl());
        this.csv = openForAppend(folder.metricsCsv());
    }

    /**
     * Starts the log of a new run.
     *
     * @param extraColumns the keys of {@link EpochRow#extra} in every row of this run, in the order of the columns
     * @throws UserError if the files cannot be written
     */
    public static MetricsLog create(RunFolder folder, List<String> extraColumns) {
        return resume(folder, 0, extraColumns);
    }

    /**
     * Continues the log of a run from a checkpoint: rows after {@code step} are dropped, for they will come again.
     *
     * @param step steps finished at the checkpoint
     * @param extraColumns as in {@link #create}
     * @throws UserError if the files cannot be read or written, or {@code metrics.jsonl} has a line that is not a row
     */
    public static MetricsLog resume(RunFolder folder, long step, List<String> extraColumns) {
        Path file = folder.metricsJsonl();
        List<ObjectNode> kept = readRows(file).stream()
                .filter(row -> row.path(STEP).asLong() <= step)
                .toList();
        UserFile.writeText(file, kept.stream().map(MetricsLog::line).collect(Collectors.joining()));
        StringBuilder csv = new StringBuilder(csvHeader(extraColumns));
        for (ObjectNode row : kept) {
            if (isEpoch(row)) {
                csv.append(csvLine(row, extraColumns));
            }
        }
        UserFile.writeText(folder.metricsCsv(), csv.toString());
        return new MetricsLog(folder, extraColumns);
    }

    /**
     * The epochs in a {@code metrics.jsonl}, in order.
     *
     * @throws UserError if the file cannot be read or has a line that is not a row
     */
    public static List<EpochRow> readEpochs(Path metricsJsonl) {
        return readRows(metricsJsonl).stream()
                .filter(MetricsLog::isEpoch)
                .map(MetricsLog::epochRow)
                .toList();
    }

    /**
     * Appends an epoch to both files.
     *
     * @throws IllegalArgumentException if the keys of {@code row.extra()} are not the extra columns of this log
     * @throws UserError if a file cannot be written
     */
    public void epoch(EpochRow row) {
        if (!List.copyOf(row.extra().keySet()).equals(extraColumns)) {
            throw new IllegalArgumentException(
                    "extra values " + row.extra().keySet() + " in a log with the extra columns " + extraColumns);
        }
        ObjectNode node = JSON.createObjectNode().put(TYPE, EPOCH);
        node.put(EPOCH, row.epoch()).put(STEP, row.step());
        put(node, "lr", row.lr());
        put(node, "train_loss", row.trainLoss());
        put(node, "train_accuracy", row.trainAccuracy());
        put(node, "test_loss", row.testLoss());
        put(node, "test_accuracy", row.testAccuracy());
        put(node, "seconds", toThousandths(row.seconds()));
        put(node, "images_per_second", toThousandths(row.imagesPerSecond()));
        row.extra().forEach((name, value) -> put(node, name, value));
        append(jsonl, folder.metricsJsonl(), line(node));
        append(csv, folder.metricsCsv(), csvLine(node, extraColumns));
    }

    /**
     * Appends a step to {@code metrics.jsonl}.
     *
     * @throws UserError if the file cannot be written
     */
    public void step(StepRow row) {
        ObjectNode node = JSON.createObjectNode().put(TYPE, STEP);
        node.put(EPOCH, row.epoch()).put(STEP, row.step());
        put(node, "lr", row.lr());
        put(node, "loss", row.loss());
        put(node, "accuracy", row.accuracy());
        append(jsonl, folder.metricsJsonl(), line(node));
    }

    @Override
    public void close() {
        closeFile(jsonl, folder.metricsJsonl());
        closeFile(csv, folder.metricsCsv());
    }

    private static List<ObjectNode> readRows(Path file) {
        String text;
        try {
            text = Files.readString(file);
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
        // A run that was killed while writing leaves a line without its end; it is not a row.
        String complete = text.substring(0, text.lastIndexOf('\n') + 1);
        List<ObjectNode> rows = new ArrayList<>();
        Iterator<String> lines = complete.lines().iterator();
        for (int number = 1; lines.hasNext(); number++) {
            rows.add(row(lines.next(), file, number));
        }
        return rows;
    }

    private static ObjectNode row(String line, Path file, int number) {
        try {
            if (JSON.readTree(line) instanceof ObjectNode row && row.path(STEP).isIntegralNumber()) {
                return row;
            }
        } catch (JsonProcessingException e) {
            throw notARow(file, number, e);
        }
        throw notARow(file, number, null);
    }

    private static UserError notARow(Path file, int number, Exception cause) {
        return new UserError(file + ":" + number + ": not a row of metrics; repair or delete that line", cause);
    }

    private static boolean isEpoch(JsonNode row) {
        return EPOCH.equals(row.path(TYPE).asText());
    }

    private static EpochRow epochRow(ObjectNode row) {
        Map<String, Double> extra = new LinkedHashMap<>();
        row.properties().forEach(field -> {
            if (!field.getKey().equals(TYPE) && !COLUMNS.contains(field.getKey())) {
                extra.put(field.getKey(), field.getValue().asDouble(Double.NaN));
            }
        });
        return new EpochRow(
                row.path(EPOCH).asInt(),
                row.path(STEP).asLong(),
                number(row, "lr"),
                number(row, "train_loss"),
                number(row, "train_accuracy"),
                number(row, "test_loss"),
                number(row, "test_accuracy"),
                number(row, "seconds"),
                number(row, "images_per_second"),
                extra);
    }

    private static double number(ObjectNode row, String column) {
        return row.path(column).asDouble(Double.NaN);
    }

    private static void put(ObjectNode node, String column, double value) {
        if (Double.isFinite(value)) {
            node.put(column, value);
        } else {
            node.putNull(column);
        }
    }

    private static double toThousandths(double value) {
        return Math.rint(value * 1000) / 1000;
    }

    private static String line(ObjectNode row) {
        return row + "\n";
    }

    private static String csvHeader(List<String> extraColumns) {
        return String.join(",", allColumns(extraColumns)) + "\n";
    }

    private static String csvLine(ObjectNode row, List<String> extraColumns) {
        return allColumns(extraColumns).stream()
                        .map(column ->
                                row.path(column).isNumber() ? row.path(column).asText() : "")
                        .collect(Collectors.joining(","))
                + "\n";
    }

    private static List<String> allColumns(List<String> extraColumns) {
        List<String> all = new ArrayList<>(COLUMNS);
        all.addAll(extraColumns);
        return all;
    }

    private static OutputStream openForAppend(Path file) {
        try {
            return Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw UserError.cannotWrite(file, e);
        }
    }

    private static void append(OutputStream out, Path file, String line) {
        try {
            out.write(line.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw UserError.cannotWrite(file, e);
        }
    }

    private static void closeFile(OutputStream out, Path file) {
        try {
            out.close();
        } catch (IOException e) {
            throw UserError.cannotWrite(file, e);
        }
    }
}
