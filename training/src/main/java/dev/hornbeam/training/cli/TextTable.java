package dev.hornbeam.training.cli;

import java.util.ArrayList;
import java.util.List;

/** Rows of text in columns, for a terminal: words to the left, numbers to the right. */
final class TextTable {
    private final int words;
    private final List<List<String>> rows = new ArrayList<>();

    /** With so many columns of words before those of numbers. */
    TextTable(int words) {
        this.words = words;
    }

    /** Adds a row. */
    TextTable row(Object... cells) {
        List<String> row = new ArrayList<>();
        for (Object cell : cells) {
            row.add(String.valueOf(cell));
        }
        rows.add(row);
        return this;
    }

    @Override
    public String toString() {
        int columns = rows.stream().mapToInt(List::size).max().orElse(0);
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int c = 0; c < row.size(); c++) {
                widths[c] = Math.max(widths[c], row.get(c).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int c = 0; c < row.size(); c++) {
                String pad = " ".repeat(widths[c] - row.get(c).length());
                line.append(c == 0 ? "" : "  ").append(c < words ? row.get(c) + pad : pad + row.get(c));
            }
            text.append(line.toString().stripTrailing()).append(System.lineSeparator());
        }
        return text.toString();
    }
}
