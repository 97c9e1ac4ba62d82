package dev.hornbeam.training.run;

import dev.hornbeam.training.noise.NoiseSummary;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a {@link Report} shows: one run, or several that are compared with the first.
 *
 * @param title heading
 * @param lead one line under the heading, may be empty
 * @param runs at least one
 */
public record ReportData(String title, String lead, List<Run> runs) {

    /**
     * Checks that there is something to show.
     *
     * @throws IllegalArgumentException if there is no run
     */
    public ReportData {
        runs = List.copyOf(runs);
        if (runs.isEmpty()) {
            throw new IllegalArgumentException("a report without runs");
        }
    }

    /**
     * One run.
     *
     * @param name short name, as in {@code DAMP}
     * @param results what came out
     * @param epochs what was measured in each epoch, may be empty
     * @param configuration the complete configuration in YAML
     * @param provenance names and values that say where the results come from, in order
     * @param noise what was wrong on purpose with the training images, where something was
     */
    public record Run(
            String name,
            RunResults results,
            List<EpochRow> epochs,
            String configuration,
            Map<String, String> provenance,
            Optional<NoiseSummary> noise) {

        /** A run without noise. */
        public Run(
                String name,
                RunResults results,
                List<EpochRow> epochs,
                String configuration,
                Map<String, String> provenance) {
            this(name, results, epochs, configuration, provenance, Optional.empty());
        }

        /** Keeps its own copies. */
        public Run {
            epochs = List.copyOf(epochs);
            provenance = Collections.unmodifiableMap(new LinkedHashMap<>(provenance));
        }

        /** A run from its summary, its configuration and its epochs, under a short name. */
        public static Run of(String name, RunSummary summary, RunConfig config, List<EpochRow> epochs) {
            return new Run(
                    name,
                    summary.results(),
                    epochs,
                    config.toYaml(),
                    summary.provenance().facts(),
                    summary.noise());
        }
    }
}
