package dev.hornbeam.training.cli.comparison;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Programs measured in turn.
 *
 * <p>Machines drift: other work, temperature, clock. So no program is measured first and another later: in every round
 * each runs once, ours between the others, and the order rotates from round to round.
 */
public final class Rounds {
    private Rounds() {}

    /**
     * What they gave.
     *
     * @param ours in the order given
     * @param peers in the order given
     */
    public record Result(List<Series> ours, List<Series> peers) {}

    /**
     * Runs them.
     *
     * @param ours at least one; one that fails ends everything
     * @param peers may be none; one that fails is left out from then on
     * @param rounds at least 1
     * @param limit of one run
     * @param log gets a line a run
     * @throws ContestantFailedException if one of ours fails, or the batches differ
     */
    public static Result run(
            List<Contestant> ours, List<Contestant> peers, int rounds, Duration limit, Consumer<String> log) {
        List<Series> our = ours.stream().map(Series::new).toList();
        List<Series> their = peers.stream().map(Series::new).toList();
        for (int round = 0; round < rounds; round++) {
            for (Series series : order(our, their, round)) {
                if (series.goesOn()) {
                    measure(series, our.contains(series), limit);
                    log.accept("round " + (round + 1) + ": " + outcome(series));
                }
            }
        }
        requireSameBatch(our, their);
        return new Result(our, their);
    }

    /** The order within a round: the peers rotated, ours together in their middle. */
    static <T> List<T> order(List<T> ours, List<T> peers, int round) {
        List<T> order = new ArrayList<>(peers);
        List<T> middle = new ArrayList<>(ours);
        Collections.rotate(order, -round);
        Collections.rotate(middle, -round);
        order.addAll((peers.size() + round % 2) / 2, middle);
        return order;
    }

    private static void measure(Series series, boolean needed, Duration limit) {
        try {
            series.add(series.contestant().run(limit));
        } catch (ContestantFailedException e) {
            if (needed) {
                throw e;
            }
            series.fail(e.getMessage());
        }
    }

    private static String outcome(Series series) {
        return series.failure()
                .map(why -> why + "; it is left out from here on")
                .orElseGet(() -> String.format(
                        Locale.ROOT,
                        "%s %.2f ms",
                        series.contestant().name(),
                        series.rounds().getLast().millis()));
    }

    private static void requireSameBatch(List<Series> ours, List<Series> peers) {
        int batch = ours.getFirst().rounds().getFirst().batch();
        for (List<Series> side : List.of(ours, peers)) {
            for (Series series : side) {
                for (Measurement measurement : series.rounds()) {
                    if (measurement.batch() != batch) {
                        throw new ContestantFailedException(
                                ours.getFirst().contestant().name() + " has batches of " + batch + ", "
                                        + series.contestant().name() + " of " + measurement.batch()
                                        + ": that is not the same work",
                                null);
                    }
                }
            }
        }
    }
}
