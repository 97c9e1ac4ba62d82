package dev.hornbeam.training.run;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.MeanInterval;
import dev.hornbeam.training.evaluation.PredictionMetrics;
import dev.hornbeam.training.evaluation.RelativeErrors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Finished runs side by side, grouped by what they did: runs whose settings differ in the seed alone are one group.
 *
 * @param groups in the order of the runs; the first one is the baseline
 */
public record RunComparison(List<Group> groups) {
    // Settings that make no other experiment.
    private static final Set<String> IRRELEVANT = Set.of(
            "name",
            "description",
            "seed",
            "threads",
            "device",
            "data.folder",
            "data.workers",
            "data.prefetch",
            "checkpoint.every",
            "checkpoint.keep",
            "evaluation.every",
            "evaluation.batch",
            "log.every",
            "log.tensorboard");

    /** Begins the names of means over the corruptions at one severity. */
    static final String AT_SEVERITY = "mean at severity ";

    private static final String CLEAN = "clean error, %";
    private static final String MEAN = "mean corruption error, %";

    /**
     * Runs of one method that differ in the seed.
     *
     * @param label what they did, different from the other groups'
     * @param runs by seed
     */
    public record Group(String label, TreeMap<Long, RunRecord> runs) {
        /** The seeds, rising. */
        public List<Long> seeds() {
            return List.copyOf(runs.keySet());
        }

        private Optional<RunResults> results(long seed) {
            return Optional.ofNullable(runs.get(seed))
                    .flatMap(RunRecord::summary)
                    .map(RunSummary::results);
        }

        /** The errors on corrupted images, mean over the seeds; empty where a run was not tested so. */
        Optional<CorruptionErrors> meanCorruptions() {
            List<CorruptionErrors> tables = seeds().stream()
                    .flatMap(seed -> results(seed).flatMap(RunResults::corruptions).stream())
                    .toList();
            if (tables.size() < runs.size()) {
                return Optional.empty();
            }
            CorruptionErrors first = tables.getFirst();
            Map<String, List<Double>> means = new LinkedHashMap<>();
            for (String corruption : first.errors().keySet()) {
                List<Double> row = new ArrayList<>();
                for (int s = 0; s < first.severities().size(); s++) {
                    int column = s;
                    row.add(tables.stream()
                            .mapToDouble(table -> table.errors().get(corruption).get(column))
                            .average()
                            .orElseThrow());
                }
                means.put(corruption, row);
            }
            return Optional.of(new CorruptionErrors(first.severities(), means));
        }
    }

    /**
     * A line of the comparison; of all lines, less is better.
     *
     * @param name what was measured
     * @param percent whether numbers are shares, to be shown in per cent
     * @param main whether it stands out
     * @param values for each group the numbers by seed, of the runs that have it
     */
    public record Measure(String name, boolean percent, boolean main, List<TreeMap<Long, Double>> values) {

        /** Mean and interval of a group; empty where no run of it has the number. */
        public Optional<MeanInterval> of(int group) {
            TreeMap<Long, Double> numbers = values.get(group);
            return numbers.isEmpty()
                    ? Optional.empty()
                    : Optional.of(MeanInterval.of(numbers.values().stream()
                            .mapToDouble(value -> scaled(value))
                            .toArray()));
        }

        /** Mean and interval of the difference of a group to the first, seed by seed; empty without common seeds. */
        public Optional<MeanInterval> difference(int group) {
            TreeMap<Long, Double> first = values.getFirst();
            double[] differences = values.get(group).entrySet().stream()
                    .filter(entry -> first.containsKey(entry.getKey()))
                    .mapToDouble(entry -> scaled(entry.getValue()) - scaled(first.get(entry.getKey())))
                    .toArray();
            return differences.length == 0 ? Optional.empty() : Optional.of(MeanInterval.of(differences));
        }

        private double scaled(double value) {
            return percent ? 100 * value : value;
        }
    }

    /** Keeps its own copy. */
    public RunComparison {
        groups = List.copyOf(groups);
    }

    /**
     * Groups runs.
     *
     * @param runs finished ones
     * @param baseline label of the group, or the name or folder of one of its runs, that the others are compared with; null for
     *     the first run's
     * @throws UserError if there is no run, one is not finished, two of a group have the same seed, or there is no such baseline
     */
    public static RunComparison of(List<RunRecord> runs, String baseline) {
        if (runs.isEmpty()) {
            throw new UserError("no runs to compare");
        }
        Map<Map<String, String>, TreeMap<Long, RunRecord>> bySettings = new LinkedHashMap<>();
        for (RunRecord run : runs) {
            if (run.summary().isEmpty()) {
                throw RunRecord.notFinished(run.folder().path());
            }
            Map<String, String> key = new LinkedHashMap<>(run.settings());
            key.keySet().removeAll(IRRELEVANT);
            long seed = run.summary().get().provenance().seed();
            RunRecord other =
                    bySettings.computeIfAbsent(key, _ -> new TreeMap<>()).putIfAbsent(seed, run);
            if (other != null) {
                throw new UserError(
                        other.folder().path() + " and " + run.folder().path() + " have the same settings and the seed "
                                + seed + "; leave one of them out");
            }
        }
        List<Map<String, String>> settings = List.copyOf(bySettings.keySet());
        List<TreeMap<Long, RunRecord>> members = List.copyOf(bySettings.values());
        List<String> labels = labels(settings, members);
        List<Group> groups = new ArrayList<>();
        for (int i = 0; i < members.size(); i++) {
            groups.add(new Group(labels.get(i), members.get(i)));
        }
        if (baseline != null) {
            Group first = groups.stream()
                    .filter(group -> isCalled(group, baseline))
                    .findFirst()
                    .orElseThrow(() -> new UserError(
                            "no baseline " + baseline + " among the runs; there are " + String.join(", ", labels)));
            groups.remove(first);
            groups.addFirst(first);
        }
        return new RunComparison(groups);
    }

    private static boolean isCalled(Group group, String name) {
        return group.label().equalsIgnoreCase(name)
                || group.runs().values().stream()
                        .anyMatch(run -> run.name().equals(name)
                                || run.folder()
                                        .path()
                                        .normalize()
                                        .equals(Path.of(name).normalize()));
    }

    private static List<String> labels(List<Map<String, String>> settings, List<TreeMap<Long, RunRecord>> members) {
        List<String> labels = new ArrayList<>();
        for (TreeMap<Long, RunRecord> runs : members) {
            Set<String> names = new LinkedHashSet<>();
            runs.values().forEach(run -> names.add(run.name()));
            labels.add(
                    names.size() == 1
                            ? names.iterator().next()
                            : runs.firstEntry().getValue().method().toUpperCase(Locale.ROOT));
        }
        List<String> distinct = new ArrayList<>();
        for (int i = 0; i < labels.size(); i++) {
            String label = labels.get(i);
            List<Map<String, String>> alike = new ArrayList<>();
            for (int j = 0; j < labels.size(); j++) {
                if (labels.get(j).equals(label)) {
                    alike.add(settings.get(j));
                }
            }
            distinct.add(label + (alike.size() == 1 ? "" : what(settings.get(i), alike)));
        }
        return distinct;
    }

    // The settings in which groups of one name differ.
    private static String what(Map<String, String> own, List<Map<String, String>> alike) {
        StringBuilder text = new StringBuilder();
        Set<String> keys = new LinkedHashSet<>();
        alike.forEach(settings -> keys.addAll(settings.keySet()));
        for (String key : keys) {
            if (alike.stream().map(s -> s.getOrDefault(key, "–")).distinct().count() > 1) {
                text.append(text.isEmpty() ? " (" : ", ")
                        .append(key.substring(key.lastIndexOf('.') + 1))
                        .append(' ')
                        .append(own.getOrDefault(key, "–"));
            }
        }
        return text.append(')').toString();
    }

    /** What was measured, with the numbers of every group. */
    public List<Measure> measures() {
        List<Measure> measures = new ArrayList<>();
        measures.add(measure(CLEAN, true, true, r -> Optional.of(1 - r.testAccuracy())));
        Set<String> corruptions = new LinkedHashSet<>();
        Set<Integer> severities = new LinkedHashSet<>();
        groups.forEach(group -> group.seeds()
                .forEach(seed -> group.results(seed)
                        .flatMap(RunResults::corruptions)
                        .ifPresent(table -> {
                            corruptions.addAll(table.errors().keySet());
                            severities.addAll(table.severities());
                        })));
        for (String corruption : corruptions) {
            measures.add(measure(
                    corruption,
                    true,
                    false,
                    r -> r.corruptions()
                            .filter(table -> table.errors().containsKey(corruption))
                            .map(table -> table.mean(corruption))));
        }
        if (!corruptions.isEmpty()) {
            measures.add(measure(MEAN, true, true, r -> r.corruptions().map(CorruptionErrors::mean)));
            for (int severity : severities) {
                measures.add(measure(
                        AT_SEVERITY + severity,
                        true,
                        false,
                        r -> r.corruptions()
                                .filter(table -> table.severities().contains(severity))
                                .map(table -> table.meanAtSeverity(severity))));
            }
            relative("mCE, %", RelativeErrors::mean).ifPresent(measures::add);
            relative("relative mCE, %", RelativeErrors::relativeMean).ifPresent(measures::add);
        }
        measures.add(measure("test loss", false, false, r -> Optional.of(r.testLoss())));
        measures.add(measure(
                "calibration error, %", true, false, r -> r.metrics().map(PredictionMetrics::calibrationError)));
        measures.add(measure("training seconds", false, false, r -> Optional.of(r.trainSeconds())));
        Set<String> extra = new LinkedHashSet<>();
        groups.forEach(group -> group.seeds()
                .forEach(seed -> group.results(seed)
                        .ifPresent(r -> extra.addAll(r.extra().keySet()))));
        for (String name : extra) {
            measures.add(measure(
                    name, false, false, r -> Optional.ofNullable(r.extra().get(name))));
        }
        measures.removeIf(measure -> measure.values().stream().allMatch(Map::isEmpty));
        return measures;
    }

    /** Whether it is the error on clean images, on one corruption, or the mean over them. */
    static boolean isError(Measure measure) {
        return measure.percent()
                && (!measure.name().endsWith(", %")
                        || measure.name().equals(CLEAN)
                        || measure.name().equals(MEAN));
    }

    private Measure measure(String name, boolean percent, boolean main, Function<RunResults, Optional<Double>> value) {
        List<TreeMap<Long, Double>> values = new ArrayList<>();
        for (Group group : groups) {
            TreeMap<Long, Double> bySeed = new TreeMap<>();
            for (long seed : group.seeds()) {
                group.results(seed)
                        .flatMap(value)
                        .filter(Double::isFinite)
                        .ifPresent(number -> bySeed.put(seed, number));
            }
            values.add(bySeed);
        }
        return new Measure(name, percent, main, values);
    }

    // Each run beside the baseline's of its seed, or beside the baseline's mean where there is none of that seed.
    private Optional<Measure> relative(String name, Function<RelativeErrors, Double> value) {
        Group base = groups.getFirst();
        Optional<CorruptionErrors> meanTable = base.meanCorruptions();
        if (groups.size() < 2 || meanTable.isEmpty()) {
            return Optional.empty();
        }
        double meanClean = base.seeds().stream()
                .mapToDouble(seed -> 1 - base.results(seed).orElseThrow().testAccuracy())
                .average()
                .orElseThrow();
        List<TreeMap<Long, Double>> values = new ArrayList<>();
        for (Group group : groups) {
            TreeMap<Long, Double> bySeed = new TreeMap<>();
            for (long seed : group.seeds()) {
                RunResults own = group.results(seed).orElseThrow();
                Optional<RunResults> same = base.results(seed);
                CorruptionErrors table = same.flatMap(RunResults::corruptions).orElse(meanTable.get());
                double clean = same.map(r -> 1 - r.testAccuracy()).orElse(meanClean);
                if (own.corruptions().filter(t -> isCovered(t, table)).isPresent()) {
                    double number = value.apply(RelativeErrors.of(
                            own.corruptions().get(), 1 - own.testAccuracy(), base.label(), table, clean));
                    if (Double.isFinite(number)) {
                        bySeed.put(seed, number);
                    }
                }
            }
            values.add(bySeed);
        }
        return Optional.of(new Measure(name, true, true, values));
    }

    private static boolean isCovered(CorruptionErrors table, CorruptionErrors by) {
        return table.severities().equals(by.severities())
                && by.errors().keySet().containsAll(table.errors().keySet());
    }

    /** What means over corruptions are over; empty where no run was tested on any. */
    public Optional<String> averaged() {
        Set<String> all = new LinkedHashSet<>();
        groups.forEach(group -> group.seeds()
                .forEach(seed -> group.results(seed)
                        .flatMap(RunResults::corruptions)
                        .ifPresent(table -> all.add(table.averaged()))));
        return all.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", all));
    }
}
