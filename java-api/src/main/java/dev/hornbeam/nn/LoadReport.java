package dev.hornbeam.nn;

import java.util.List;

/**
 * What did not fit when a state was loaded into a module.
 *
 * @param missing names that the module has and the state has not
 * @param unexpected names that the state has and the module has not
 * @param mismatched names whose shapes differ, with both shapes
 */
public record LoadReport(List<String> missing, List<String> unexpected, List<String> mismatched) {
    private static final int SHOWN = 8;

    /** Copies the lists. */
    public LoadReport {
        missing = List.copyOf(missing);
        unexpected = List.copyOf(unexpected);
        mismatched = List.copyOf(mismatched);
    }

    /** Whether everything fitted. */
    public boolean isClean() {
        return missing.isEmpty() && unexpected.isEmpty() && mismatched.isEmpty();
    }

    /** One line with the first names of each kind. */
    @Override
    public String toString() {
        if (isClean()) {
            return "everything fits";
        }
        StringBuilder text = new StringBuilder();
        add(text, "missing", missing);
        add(text, "unexpected", unexpected);
        add(text, "of another shape", mismatched);
        return text.toString();
    }

    private static void add(StringBuilder text, String what, List<String> names) {
        if (names.isEmpty()) {
            return;
        }
        if (!text.isEmpty()) {
            text.append("; ");
        }
        text.append(names.size()).append(' ').append(what).append(": ");
        text.append(String.join(", ", names.subList(0, Math.min(SHOWN, names.size()))));
        if (names.size() > SHOWN) {
            text.append(", ...");
        }
    }
}
