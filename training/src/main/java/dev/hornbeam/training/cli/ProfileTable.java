package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.profile.StepProfile;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.TrainingProfile;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Where the time of training steps goes, as text or JSON. Every number is of the mean step. */
final class ProfileTable {
    /** Ops that the text has; the slowest. */
    static final int OPS = 25;

    private final TrainingProfile profile;
    private final StepProfile sums;
    private final Map<TrainingProfile.Phase, TrainingProfile.Share> phases;
    private final Optional<Engine.Peaks> peaks;
    private final String title;

    ProfileTable(TrainingProfile profile, Optional<Engine.Peaks> peaks, String title) {
        this.profile = profile;
        this.peaks = peaks;
        this.title = title;
        sums = profile.sums();
        phases = profile.phases();
    }

    void print(PrintWriter out) {
        long least = profile.steps().stream()
                .mapToLong(TrainingProfile.Step::nanos)
                .min()
                .orElseThrow();
        long most = profile.steps().stream()
                .mapToLong(TrainingProfile.Step::nanos)
                .max()
                .orElseThrow();
        out.printf(
                Locale.ROOT,
                "profile of %d %s: %s, tier %s, %d threads%n",
                sums.steps(),
                sums.steps() == 1 ? "step" : "steps",
                title,
                Engine.tier(),
                Engine.threads());
        out.printf(
                Locale.ROOT,
                "step %s ms, the mean (%.2f to %.2f)%n",
                millis(sums.wallNanos()),
                least / 1e6,
                most / 1e6);
        peaks.ifPresent(p -> out.printf(
                Locale.ROOT,
                "peaks of this machine: %.1f GFLOP/s of f32 multiply-adds, %.1f GB/s of memory%n",
                p.gflops(),
                p.gigabytes()));
        out.println();
        families(out);
        out.println();
        phases(out);
        out.println();
        ops(out);
        if (profile.lost() > 0) {
            out.println(profile.lost() + " calls found no room in the recording and are not in the table");
        }
        out.println();
    }

    private void families(PrintWriter out) {
        TextTable table = new TextTable(1);
        table.row(header("family", List.of()));
        for (StepProfile.Row row : sums.families()) {
            table.row(cells(row, List.of(row.name())));
        }
        table.row("outside the engine", "", millis(sums.outsideNanos()), share(sums.outsideNanos()));
        table.row("step", "", millis(sums.wallNanos()), share(sums.wallNanos()));
        out.print(table);
    }

    private void phases(PrintWriter out) {
        TextTable table = new TextTable(1);
        table.row("phase", "ms", "share", "outside the engine", "share");
        long inPhases = 0;
        long outside = 0;
        for (Map.Entry<TrainingProfile.Phase, TrainingProfile.Share> phase : phases.entrySet()) {
            TrainingProfile.Share time = phase.getValue();
            phase(table, phase.getKey().toString(), time.nanos(), time.outsideNanos());
            inPhases += time.nanos();
            outside += time.outsideNanos();
        }
        phase(table, "the rest", Math.max(0, sums.wallNanos() - inPhases), Math.max(0, sums.outsideNanos() - outside));
        out.print(table);
    }

    private void phase(TextTable table, String name, long nanos, long outside) {
        table.row(name, millis(nanos), share(nanos), millis(outside), share(outside));
    }

    private void ops(PrintWriter out) {
        TextTable table = new TextTable(3);
        table.row(header("op", List.of("shape", "algorithm")));
        sums.ops().stream()
                .limit(OPS)
                .forEach(row -> table.row(cells(row, List.of(row.name(), row.shape(), row.algorithm()))));
        long rest =
                sums.ops().stream().skip(OPS).mapToLong(StepProfile.Row::nanos).sum();
        if (sums.ops().size() > OPS) {
            long calls = sums.ops().stream()
                    .skip(OPS)
                    .mapToLong(StepProfile.Row::calls)
                    .sum();
            int kinds = sums.ops().size() - OPS;
            table.row(kinds + " more", "", "", perStep(calls), millis(rest), share(rest));
        }
        out.print(table);
    }

    private Object[] header(String first, List<String> words) {
        List<String> header = new ArrayList<>(List.of(first));
        header.addAll(words);
        header.addAll(List.of("calls", "ms", "share", "GB/s", "GFLOP/s"));
        if (peaks.isPresent()) {
            header.add("of peak");
        }
        return header.toArray();
    }

    private Object[] cells(StepProfile.Row row, List<String> words) {
        List<String> cells = new ArrayList<>(words);
        cells.add(perStep(row.calls()));
        cells.add(millis(row.nanos()));
        cells.add(share(row.nanos()));
        cells.add(row.bytes() == 0 ? "" : String.format(Locale.ROOT, "%.1f", row.gigabytesPerSecond()));
        cells.add(row.operations() == 0 ? "" : String.format(Locale.ROOT, "%.1f", row.gflops()));
        ofPeak(row).ifPresent(part -> cells.add(String.format(Locale.ROOT, "%.0f %%", 100 * part)));
        return cells.toArray();
    }

    /** Of the peak that the kind of op is held against: arithmetic for products, memory for all others. */
    private Optional<Double> ofPeak(StepProfile.Row row) {
        if (peaks.isEmpty() || row.bytes() == 0) {
            return Optional.empty();
        }
        double peak = row.operations() > 0 ? peaks.get().gflops() : peaks.get().gigabytes();
        double rate = row.operations() > 0 ? row.gflops() : row.gigabytesPerSecond();
        return peak == 0 ? Optional.empty() : Optional.of(rate / peak);
    }

    private String perStep(long calls) {
        return calls % sums.steps() == 0
                ? Long.toString(calls / sums.steps())
                : String.format(Locale.ROOT, "%.1f", (double) calls / sums.steps());
    }

    private String millis(long nanos) {
        return String.format(Locale.ROOT, "%.2f", nanos / 1e6 / sums.steps());
    }

    private String share(long nanos) {
        return String.format(Locale.ROOT, "%.1f %%", 100.0 * nanos / sums.wallNanos());
    }

    /** The same with all ops; times and counts are of the mean step. */
    ObjectNode json() {
        ObjectNode root = new JsonMapper().createObjectNode();
        root.put("steps", sums.steps());
        root.put("step_ms", perStepMillis(sums.wallNanos()));
        root.put("outside_engine_ms", perStepMillis(sums.outsideNanos()));
        root.put("lost", profile.lost());
        peaks.ifPresent(p -> root.putObject("peaks").put("gflops", p.gflops()).put("gigabytes", p.gigabytes()));
        ObjectNode parts = root.putObject("phases");
        phases.forEach((phase, time) -> parts.putObject(phase.toString())
                .put("ms", perStepMillis(time.nanos()))
                .put("outside_engine_ms", perStepMillis(time.outsideNanos())));
        ArrayNode families = root.putArray("families");
        sums.families().forEach(row -> add(families.addObject().put("family", row.name()), row));
        ArrayNode ops = root.putArray("ops");
        sums.ops()
                .forEach(row -> add(
                        ops.addObject()
                                .put("op", row.name())
                                .put("family", row.family())
                                .put("shape", row.shape())
                                .put("algorithm", row.algorithm()),
                        row));
        return root;
    }

    private double perStepMillis(long nanos) {
        return nanos / 1e6 / sums.steps();
    }

    private void add(ObjectNode node, StepProfile.Row row) {
        node.put("calls", (double) row.calls() / sums.steps())
                .put("ms", perStepMillis(row.nanos()))
                .put("bytes", (double) row.bytes() / sums.steps())
                .put("flops", row.operations() / sums.steps())
                .put("gigabytes_per_second", row.gigabytesPerSecond())
                .put("gflops", row.gflops());
        ofPeak(row).ifPresent(part -> node.put("of_peak", part));
    }
}
