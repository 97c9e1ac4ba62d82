package dev.hornbeam.training.evaluation;

import dev.hornbeam.training.UserError;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Errors on corrupted images relative to those of a baseline network (Hendrycks and Dietterich, Benchmarking Neural Network
 * Robustness to Common Corruptions and Perturbations, ICLR 2019, section 4).
 *
 * @param baseline name of the baseline
 * @param errors CE by corruption: the sum over the severities of the error, by that of the baseline; 1 is as good as the
 *     baseline, less is better
 * @param relative relative CE by corruption: the same of the errors less the one on clean images; what the corruption adds, by
 *     what it adds to the baseline. NaN or infinite where the baseline loses nothing
 */
public record RelativeErrors(String baseline, Map<String, Double> errors, Map<String, Double> relative) {

    /** Keeps its own copies. */
    public RelativeErrors {
        errors = Collections.unmodifiableMap(new LinkedHashMap<>(errors));
        relative = Collections.unmodifiableMap(new LinkedHashMap<>(relative));
    }

    /**
     * Compares two networks.
     *
     * @param table the network's errors on corrupted images
     * @param clean its error on clean images, in [0, 1]
     * @param baseline the baseline's name
     * @param baselineTable the baseline's errors on corrupted images; those of more corruptions do no harm
     * @param baselineClean its error on clean images, in [0, 1]
     * @throws UserError if the baseline lacks a corruption or was tested at other severities
     */
    public static RelativeErrors of(
            CorruptionErrors table,
            double clean,
            String baseline,
            CorruptionErrors baselineTable,
            double baselineClean) {
        if (!table.severities().equals(baselineTable.severities())) {
            throw new UserError("the baseline " + baseline + " was tested at the severities "
                    + baselineTable.severities() + ", not at " + table.severities() + "; test both alike");
        }
        Map<String, Double> errors = new LinkedHashMap<>();
        Map<String, Double> relative = new LinkedHashMap<>();
        for (String corruption : table.errors().keySet()) {
            if (!baselineTable.errors().containsKey(corruption)) {
                throw new UserError("the baseline " + baseline + " was not tested on " + corruption + ", only on "
                        + String.join(", ", baselineTable.errors().keySet()) + "; test both alike");
            }
            double own = table.mean(corruption);
            double other = baselineTable.mean(corruption);
            errors.put(corruption, own / other);
            relative.put(corruption, (own - clean) / (other - baselineClean));
        }
        return new RelativeErrors(baseline, errors, relative);
    }

    /** The mean corruption error: the mean of CE over the corruptions. */
    public double mean() {
        return mean(errors);
    }

    /** The relative mean corruption error: the mean of relative CE over the corruptions. */
    public double relativeMean() {
        return mean(relative);
    }

    private static double mean(Map<String, Double> values) {
        return values.values().stream()
                .mapToDouble(Double::doubleValue)
                .average()
                .orElse(Double.NaN);
    }
}
