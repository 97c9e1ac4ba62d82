package dev.hornbeam.models.weights;

import java.util.List;
import java.util.Map;

/**
 * What became of the tensors of a file of weights.
 *
 * @param format of the file
 * @param prefix of the names that were used, as in {@code state_dict.}; may be empty
 * @param matched names of the network's tensors that were loaded
 * @param missing names that the network has and the file has not
 * @param leftOver names that the file has and the network has not
 * @param mismatched names whose shapes differ, with both shapes
 * @param newHead names of the head's tensors that stay as initialised, with the reason
 * @param resized position embeddings that were brought to another size, with both
 * @param aside tensors that are of no use to the network, and why, with their number
 */
public record WeightsReport(
        String format,
        String prefix,
        List<String> matched,
        List<String> missing,
        List<String> leftOver,
        List<String> mismatched,
        List<String> newHead,
        List<String> resized,
        Map<String, Integer> aside) {
    private static final int SHOWN = 6;

    /** Copies the lists. */
    public WeightsReport {
        matched = List.copyOf(matched);
        missing = List.copyOf(missing);
        leftOver = List.copyOf(leftOver);
        mismatched = List.copyOf(mismatched);
        newHead = List.copyOf(newHead);
        resized = List.copyOf(resized);
        aside = Map.copyOf(aside);
    }

    /** Whether this is what was asked for. */
    public boolean is(Fit fit) {
        boolean whole = missing.isEmpty() && leftOver.isEmpty() && mismatched.isEmpty();
        return switch (fit) {
            case EXACT -> whole && newHead.isEmpty();
            case NEW_HEAD -> whole && !matched.isEmpty();
            case PARTIAL -> !matched.isEmpty();
        };
    }

    /** One line: what was loaded, and everything that was not. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        text.append(matched.size()).append(matched.size() == 1 ? " tensor matches" : " tensors match");
        if (!prefix.isEmpty()) {
            text.append(" under ").append(prefix);
        }
        text.append(" (").append(format).append(')');
        add(text, "missing", missing);
        add(text, "left over", leftOver);
        add(text, "of another shape", mismatched);
        add(text, "of the head as initialised", newHead);
        add(text, "resized", resized);
        aside.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(why -> text.append("; ")
                        .append(why.getValue())
                        .append(" put aside: ")
                        .append(why.getKey()));
        return text.toString();
    }

    private static void add(StringBuilder text, String what, List<String> names) {
        if (names.isEmpty()) {
            return;
        }
        text.append("; ").append(names.size()).append(' ').append(what).append(": ");
        text.append(String.join(", ", names.subList(0, Math.min(SHOWN, names.size()))));
        if (names.size() > SHOWN) {
            text.append(", ...");
        }
    }
}
