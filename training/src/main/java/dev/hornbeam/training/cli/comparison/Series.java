package dev.hornbeam.training.cli.comparison;

import dev.hornbeam.training.run.Spread;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** The measurements of one program, a round each, until it fails. */
public final class Series {
    private final Contestant contestant;
    private final List<Measurement> rounds = new ArrayList<>();
    private String failure;

    Series(Contestant contestant) {
        this.contestant = contestant;
    }

    void add(Measurement measurement) {
        rounds.add(measurement);
    }

    void fail(String why) {
        failure = why;
    }

    boolean goesOn() {
        return failure == null;
    }

    /** Who was measured. */
    public Contestant contestant() {
        return contestant;
    }

    /** The rounds that it finished, from the first on. */
    public List<Measurement> rounds() {
        return List.copyOf(rounds);
    }

    /** Why it has no more rounds, if it failed. */
    public Optional<String> failure() {
        return Optional.ofNullable(failure);
    }

    /** Milliseconds in a round, counted from 0; empty where it had failed. */
    public OptionalDouble millis(int round) {
        return round < rounds.size() ? OptionalDouble.of(rounds.get(round).millis()) : OptionalDouble.empty();
    }

    /** Milliseconds over the rounds, if there is one. */
    public Optional<Spread> millis() {
        return rounds.isEmpty()
                ? Optional.empty()
                : Optional.of(Spread.of(
                        rounds.stream().mapToDouble(Measurement::millis).toArray()));
    }

    /** Largest resident memory over the rounds; 0 if unknown. */
    public long residentPeakBytes() {
        return rounds.stream().mapToLong(Measurement::residentPeakBytes).max().orElse(0);
    }
}
