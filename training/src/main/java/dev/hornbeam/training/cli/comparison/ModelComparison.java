package dev.hornbeam.training.cli.comparison;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.run.Spread;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * One network, ours beside the peer's and beside our other methods.
 *
 * @param pair the networks
 * @param parameters that ours has
 * @param peerParameters that the peer's has; 0 without a peer
 * @param measured the rounds; the first of ours is the one that all others are compared with
 */
public record ModelComparison(NetworkPair pair, long parameters, long peerParameters, Rounds.Result measured) {
    /** Ours, plainly trained. */
    public Series ours() {
        return measured.ours().getFirst();
    }

    /** Our other methods. */
    public List<Series> methods() {
        return measured.ours().subList(1, measured.ours().size());
    }

    /** Images in a batch. */
    public int batch() {
        return ours().rounds().getFirst().batch();
    }

    /** The variant of the peer with the shortest median, if any gave a result. */
    public Optional<Series> fastestPeer() {
        return measured.peers().stream()
                .filter(series -> !series.rounds().isEmpty())
                .min(Comparator.comparingDouble(
                        series -> series.millis().orElseThrow().median()));
    }

    /**
     * In each round the time of the variant that was the fastest in that round, over ours: above 1, ours is faster. Empty where
     * no variant gave a result.
     */
    public Optional<Spread> ratio() {
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < ours().rounds().size(); i++) {
            int round = i;
            OptionalDouble fastest = measured.peers().stream()
                    .map(series -> series.millis(round))
                    .filter(OptionalDouble::isPresent)
                    .mapToDouble(OptionalDouble::getAsDouble)
                    .min();
            if (fastest.isPresent()) {
                ratios.add(fastest.getAsDouble() / ours().millis(round).orElseThrow());
            }
        }
        return spread(ratios);
    }

    /** The time of that method's step over that of the plain one, in each round. */
    public Spread cost(Series method) {
        List<Double> ratios = new ArrayList<>();
        for (int round = 0; round < ours().rounds().size(); round++) {
            ratios.add(method.millis(round).orElseThrow() / ours().millis(round).orElseThrow());
        }
        return spread(ratios).orElseThrow();
    }

    private static Optional<Spread> spread(List<Double> values) {
        return values.isEmpty()
                ? Optional.empty()
                : Optional.of(Spread.of(
                        values.stream().mapToDouble(Double::doubleValue).toArray()));
    }

    /** What is not the same about the two networks: as {@link NetworkPair#difference}, and their parameters. */
    public String difference() {
        String counts = peerParameters != 0 && peerParameters != parameters
                ? "the peer's has " + peerParameters + " parameters, ours " + parameters
                : "";
        String both = pair.difference().isEmpty() || counts.isEmpty() ? "" : "; ";
        return pair.difference() + both + counts;
    }

    /** The geometric mean of the medians of the ratios of these comparisons, if any has one. */
    public static OptionalDouble geometricMean(List<ModelComparison> comparisons) {
        return comparisons.stream()
                .flatMap(comparison -> comparison.ratio().stream())
                .mapToDouble(ratio -> Math.log(ratio.median()))
                .average()
                .stream()
                .map(Math::exp)
                .findFirst();
    }

    /** All of it as data. */
    public ObjectNode toJson() {
        ObjectNode root = new JsonMapper().createObjectNode();
        root.put("model", pair.peer()).put("ours", pair.ours()).put("batch", batch());
        root.put("difference", difference());
        ObjectNode counts = root.putObject("parameters").put("ours", parameters);
        if (peerParameters != 0) {
            counts.put("peer", peerParameters);
        }
        ratio().ifPresent(ratio -> put(root.putObject("ratio"), ratio));
        fastestPeer()
                .ifPresent(series -> root.put("fastest", series.contestant().name()));
        root.set("hornbeam", json(ours()));
        ArrayNode variants = root.putArray("peer");
        measured.peers().forEach(series -> variants.add(json(series)));
        ArrayNode methods = root.putArray("methods");
        for (Series method : methods()) {
            ObjectNode node = json(method);
            put(node.putObject("cost"), cost(method));
            methods.add(node);
        }
        return root;
    }

    private static ObjectNode json(Series series) {
        ObjectNode node = new JsonMapper().createObjectNode();
        node.put("name", series.contestant().name());
        node.put("command", series.contestant().shown());
        Map<String, String> environment =
                new LinkedHashMap<>(series.contestant().environment());
        if (!environment.isEmpty()) {
            ObjectNode variables = node.putObject("environment");
            environment.forEach(variables::put);
        }
        series.failure().ifPresent(why -> node.put("failure", why));
        series.millis().ifPresent(millis -> put(node.putObject("step_ms"), millis));
        node.put("resident_peak_bytes", series.residentPeakBytes());
        ArrayNode rounds = node.putArray("rounds");
        for (Measurement measurement : series.rounds()) {
            ObjectNode round = rounds.addObject();
            round.put("resident_peak_bytes", measurement.residentPeakBytes());
            round.set("result", measurement.result());
        }
        return node;
    }

    private static void put(ObjectNode node, Spread spread) {
        node.put("median", spread.median()).put("min", spread.min()).put("max", spread.max());
    }
}
