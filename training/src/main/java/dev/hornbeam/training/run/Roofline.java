package dev.hornbeam.training.run;

import dev.hornbeam.profile.OpRecord;
import dev.hornbeam.profile.StepProfile;
import dev.hornbeam.tensor.Engine;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where the time of a training step goes, and what the machine would allow: for every different call of an op the
 * arithmetic that its algorithm needs and the bytes that it must move, and the longer of the two times that these take at
 * the machine's peaks (Williams, Waterman and Patterson 2009).
 *
 * @param rows the calls, in the order in which a step first makes them
 * @param stepMillis how long a step took
 * @param outsideMillis of it outside the engine's ops
 * @param peaks of the machine
 */
public record Roofline(List<Row> rows, double stepMillis, double outsideMillis, Engine.Peaks peaks) {
    /** What keeps an op from being faster. */
    public enum Bound {
        /** Its arithmetic takes longer than its bytes. */
        COMPUTE,
        /** Its bytes take longer. */
        MEMORY
    }

    /**
     * Calls that are alike.
     *
     * @param name of the op
     * @param shape what was computed
     * @param algorithm empty where there is but one
     * @param calls in a step
     * @param gigaflops in a step, as the definition of the op has them
     * @param megabytes in a step: every input read once, every result written once
     * @param millis measured, in a step
     * @param bound which of the two limits
     * @param limitMillis how long these calls would take at the machine's peaks
     */
    public record Row(
            String name,
            String shape,
            String algorithm,
            double calls,
            double gigaflops,
            double megabytes,
            double millis,
            Bound bound,
            double limitMillis) {}

    /**
     * All calls of an op by one algorithm.
     *
     * @param name of the op
     * @param algorithm empty where there is but one
     * @param millis measured, in a step
     * @param limitMillis the sum of the limits
     */
    public record Sum(String name, String algorithm, double millis, double limitMillis) {
        private Sum plus(Sum other) {
            return new Sum(name, algorithm, millis + other.millis, limitMillis + other.limitMillis);
        }
    }

    /** Keeps its own copy. */
    public Roofline {
        rows = List.copyOf(rows);
    }

    /**
     * Works it out.
     *
     * @param records of some steps
     * @param profile what they add up to
     */
    public static Roofline of(List<OpRecord> records, StepProfile profile, Engine.Peaks peaks) {
        Map<List<String>, Integer> order = new HashMap<>();
        for (OpRecord record : records) {
            order.putIfAbsent(List.of(record.op().name(), record.shapeText(), record.algorithm()), order.size());
        }
        List<StepProfile.Row> sorted = new ArrayList<>(profile.ops());
        sorted.sort(Comparator.comparing(row -> order.get(List.of(row.name(), row.shape(), row.algorithm()))));
        List<Row> rows = new ArrayList<>();
        for (StepProfile.Row row : sorted) {
            rows.add(row(row, profile.steps(), peaks));
        }
        return new Roofline(rows, millis(profile.wallNanos(), profile), millis(profile.outsideNanos(), profile), peaks);
    }

    private static double millis(long nanos, StepProfile profile) {
        return nanos * 1e-6 / profile.steps();
    }

    private static Row row(StepProfile.Row row, int steps, Engine.Peaks peaks) {
        double flops = row.operations() / steps;
        double bytes = (double) row.bytes() / steps;
        double compute = peaks.gflops() > 0 ? flops * work(row.algorithm()) / peaks.gflops() * 1e-6 : 0;
        double memory = bytes / peaks.gigabytes() * 1e-6;
        return new Row(
                row.name(),
                row.shape(),
                row.algorithm(),
                (double) row.calls() / steps,
                flops * 1e-9,
                bytes * 1e-6,
                row.nanos() * 1e-6 / steps,
                compute > memory ? Bound.COMPUTE : Bound.MEMORY,
                Math.max(compute, memory));
    }

    /**
     * The time of an algorithm's arithmetic at best, over that of the direct sum in f32 multiply-adds. Winograd's F(4×4,
     * 3×3) multiplies 36 times where the direct sum does 144 times, F(2×2, 3×3) 16 times for 36; transforms, which add, are
     * not counted. An instruction on pairs of bf16 does twice what one on f32 does, and a tile of AMX sixteen times as much
     * a cycle.
     */
    static double work(String algorithm) {
        if (algorithm.startsWith("winograd f(4")) {
            return 36.0 / 144;
        }
        if (algorithm.startsWith("winograd f(2")) {
            return 16.0 / 36;
        }
        if (algorithm.startsWith("amx")) {
            return 1.0 / 16;
        }
        if (algorithm.contains("bf16")) {
            return 1.0 / 2;
        }
        return 1;
    }

    /** The rows by op and algorithm, the one that takes longest first. */
    public List<Sum> sums() {
        Map<List<String>, Sum> sums = new LinkedHashMap<>();
        for (Row row : rows) {
            sums.merge(
                    List.of(row.name(), row.algorithm()),
                    new Sum(row.name(), row.algorithm(), row.millis(), row.limitMillis()),
                    Sum::plus);
        }
        return sums.values().stream()
                .sorted(Comparator.comparingDouble(Sum::millis).reversed())
                .toList();
    }

    /** Milliseconds within the engine's ops. */
    public double engineMillis() {
        return rows.stream().mapToDouble(Row::millis).sum();
    }

    /** Milliseconds that the step would take if every op were at its limit and there were nothing else. */
    public double limitMillis() {
        return rows.stream().mapToDouble(Row::limitMillis).sum();
    }
}
