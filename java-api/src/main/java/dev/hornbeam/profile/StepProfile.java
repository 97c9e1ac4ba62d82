package dev.hornbeam.profile;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the records of some training steps add up to: by family of ops, and by op, shape and algorithm.
 *
 * <p>An op that runs several kernels, as the fused convolution block does, counts as these kernels, and what it takes
 * besides them as itself. So the times of all rows add up to the time within the engine, and each convolution is with the
 * other convolutions whether it was fused or not.
 */
public final class StepProfile {
    private final int steps;
    private final long wallNanos;
    private final long engineNanos;
    private final List<Row> families;
    private final List<Row> ops;

    /**
     * What calls of a kind add up to, over all steps.
     *
     * @param name of the op, or of the family
     * @param family that the op belongs to
     * @param shape what was computed ({@link OpRecord#shapeText}); empty for a family
     * @param algorithm empty where there is but one, and for a family
     * @param calls how many
     * @param nanos how long they took
     * @param bytes read and written
     * @param operations multiplications and additions by definition
     */
    public record Row(
            String name,
            String family,
            String shape,
            String algorithm,
            long calls,
            long nanos,
            long bytes,
            double operations) {
        /** 10<sup>9</sup> bytes a second; 0 where nothing was moved. */
        public double gigabytesPerSecond() {
            return nanos == 0 ? 0 : (double) bytes / nanos;
        }

        /** 10<sup>9</sup> operations a second; 0 for ops that are not counted in operations. */
        public double gflops() {
            return nanos == 0 ? 0 : operations / nanos;
        }

        private Row plus(Row other) {
            return new Row(
                    name,
                    family,
                    shape,
                    algorithm,
                    calls + other.calls,
                    nanos + other.nanos,
                    bytes + other.bytes,
                    operations + other.operations);
        }
    }

    private StepProfile(int steps, long wallNanos, long engineNanos, List<Row> families, List<Row> ops) {
        this.steps = steps;
        this.wallNanos = wallNanos;
        this.engineNanos = engineNanos;
        this.families = families;
        this.ops = ops;
    }

    /**
     * Adds records up.
     *
     * @param records of one thread or several, each thread's in the order of their ends
     * @param steps how many steps they are of, at least 1
     * @param wallNanos how long these steps took together
     */
    public static StepProfile of(Collection<OpRecord> records, int steps, long wallNanos) {
        if (steps < 1) {
            throw new IllegalArgumentException("steps is " + steps + "; expected at least 1");
        }
        Map<String, Row> families = new LinkedHashMap<>();
        Map<List<String>, Row> ops = new LinkedHashMap<>();
        Map<Integer, ArrayDeque<OpRecord>> ended = new HashMap<>();
        long engine = 0;
        for (OpRecord record : records) {
            // What ended since this one began is inside it.
            ArrayDeque<OpRecord> before = ended.computeIfAbsent(record.thread(), _ -> new ArrayDeque<>());
            long parts = 0;
            boolean whole = true;
            while (record.partOf().isEmpty()
                    && !before.isEmpty()
                    && before.peekLast().startNanos() >= record.startNanos()) {
                parts += before.removeLast().nanos();
                whole = false;
            }
            before.addLast(record);
            Row row = new Row(
                    record.op().name(),
                    record.op().family(),
                    record.shapeText(),
                    record.algorithm(),
                    1,
                    record.nanos() - parts,
                    whole ? record.bytes() : 0,
                    whole ? record.operations() : 0);
            engine += row.nanos();
            ops.merge(List.of(row.name(), row.shape(), row.algorithm()), row, Row::plus);
            // Calls are counted once, as the kernels that they ran.
            Row family = new Row(
                    row.family(), row.family(), "", "", whole ? 1 : 0, row.nanos(), row.bytes(), row.operations());
            families.merge(family.name(), family, Row::plus);
        }
        return new StepProfile(steps, wallNanos, engine, slowestFirst(families), slowestFirst(ops));
    }

    private static List<Row> slowestFirst(Map<?, Row> rows) {
        List<Row> sorted = new ArrayList<>(rows.values());
        sorted.sort(Comparator.comparingLong(Row::nanos).reversed());
        return List.copyOf(sorted);
    }

    /** How many steps this is of. */
    public int steps() {
        return steps;
    }

    /** How long the steps took together. */
    public long wallNanos() {
        return wallNanos;
    }

    /** Time within the engine's ops. */
    public long engineNanos() {
        return engineNanos;
    }

    /** Time outside them: of Java, of waiting for data, and of the engine's calls that compute nothing. Never below 0. */
    public long outsideNanos() {
        return Math.max(0, wallNanos - engineNanos);
    }

    /** Sums by family, the one that took longest first. */
    public List<Row> families() {
        return families;
    }

    /** Sums by op, shape and algorithm, the one that took longest first. */
    public List<Row> ops() {
        return ops;
    }
}
