package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.profile.OpRecord;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** How each convolution and linear layer of a network is computed, as the engine did it in one training step. */
final class AlgorithmTable {
    /** A pass of a layer. */
    private enum Pass {
        FORWARD,
        DATA,
        WEIGHT;

        static Pass of(OpRecord op) {
            String name = op.op().name();
            return name.endsWith("_backward_data") ? DATA : name.endsWith("_backward_weight") ? WEIGHT : FORWARD;
        }
    }

    /** What was chosen for a pass, and the cost model's opinion. */
    private record Choice(String algorithm, double estimate) {}

    /** The layers of one shape. */
    private static final class Layers {
        private final Map<Pass, Choice> choices = new EnumMap<>(Pass.class);
        private final Map<Pass, Integer> counts = new EnumMap<>(Pass.class);
        private OpRecord example;

        int count() {
            return counts.values().stream().mapToInt(Integer::intValue).max().orElse(0);
        }
    }

    private final Map<String, Layers> shapes = new LinkedHashMap<>();

    /** Of the calls of one step, in their order. */
    AlgorithmTable(Collection<OpRecord> ops) {
        for (OpRecord op : ops) {
            if (op.algorithm().isEmpty() || !(op.isConvolution() || op.isLinear())) {
                continue;
            }
            Layers layers = shapes.computeIfAbsent(op.shapeText(), _ -> new Layers());
            layers.example = op;
            layers.choices.put(Pass.of(op), new Choice(op.algorithm(), op.estimate()));
            layers.counts.merge(Pass.of(op), 1, Integer::sum);
        }
    }

    String text() {
        TextTable rows = new TextTable(5);
        rows.row("layer", "times", "forward", "data gradient", "weight gradient");
        shapes.forEach((shape, layers) -> rows.row(
                shape,
                layers.count(),
                cell(layers.choices.get(Pass.FORWARD)),
                cell(layers.choices.get(Pass.DATA)),
                cell(layers.choices.get(Pass.WEIGHT))));
        return rows.toString();
    }

    private static String cell(Choice choice) {
        if (choice == null) {
            return "-";
        }
        return choice.algorithm()
                + (choice.estimate() > 0 ? String.format(Locale.ROOT, " (%.2f)", choice.estimate()) : "");
    }

    void addTo(ArrayNode array) {
        shapes.forEach((shape, layers) -> {
            ObjectNode node = array.addObject().put("layer", shape).put("times", layers.count());
            node.put("operations", layers.example.operations());
            layers.choices.forEach((pass, choice) -> {
                ObjectNode part =
                        node.putObject(pass.name().toLowerCase(Locale.ROOT)).put("algorithm", choice.algorithm());
                if (choice.estimate() > 0) {
                    part.put("estimate", choice.estimate());
                }
            });
        });
    }
}
