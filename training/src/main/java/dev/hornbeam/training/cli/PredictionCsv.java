package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.SequenceWriter;
import com.fasterxml.jackson.dataformat.csv.CsvGenerator;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import dev.hornbeam.training.prediction.Prediction;
import java.io.FilterWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Predictions as CSV: {@code path,top1,prob1,top2,prob2,…}, quoted as RFC 4180 says, with lines that end in a line feed.
 *
 * <p>There are as many pairs of columns as the first row has classes.
 */
final class PredictionCsv {
    private final SequenceWriter rows;
    private final int top;
    private boolean begun;

    /**
     * Begins a table.
     *
     * @param out gets the text, and stays open
     * @param top pairs of columns, if there never is a row
     */
    PredictionCsv(Writer out, int top) throws IOException {
        this.top = top;
        CsvMapper mapper = CsvMapper.csvBuilder()
                .enable(CsvGenerator.Feature.STRICT_CHECK_FOR_QUOTING)
                .build();
        CsvSchema schema = CsvSchema.emptySchema().withLineSeparator("\n");
        rows = mapper.writer(schema).writeValues(new StaysOpen(out));
    }

    void write(String path, List<Prediction> best) {
        begin(best.size());
        List<String> row = new ArrayList<>(2 * best.size() + 1);
        row.add(path);
        for (Prediction one : best) {
            row.add(one.className());
            row.add(String.format(Locale.ROOT, "%.6f", one.probability()));
        }
        write(row);
    }

    /** Writes everything out. */
    void finish() throws IOException {
        begin(top);
        rows.close();
    }

    private void begin(int pairs) {
        if (begun) {
            return;
        }
        begun = true;
        List<String> head = new ArrayList<>();
        head.add("path");
        for (int rank = 1; rank <= pairs; rank++) {
            head.add("top" + rank);
            head.add("prob" + rank);
        }
        write(head);
    }

    private void write(List<String> row) {
        try {
            rows.write(row);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static final class StaysOpen extends FilterWriter {
        StaysOpen(Writer out) {
            super(out);
        }

        @Override
        public void close() throws IOException {
            out.flush();
        }
    }
}
