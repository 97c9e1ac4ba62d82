package dev.hornbeam.training.study;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** A method of the DAMP study: the settings that make a run one of it, and the one number that is chosen for it. */
public enum StudyMethod {
    /** The baseline. */
    SGD("", 1),
    /** Multiplicative weight noise. */
    DAMP("sigma", 1.15),
    /** Additive weight noise. */
    DAAP("sigma", 1.15),
    /** Sharpness-aware minimisation. */
    SAM("rho", 2),
    /** Adaptive sharpness-aware minimisation. */
    ASAM("rho", 2);

    private final String parameter;
    private final double cost;

    StudyMethod(String parameter, double cost) {
        this.parameter = parameter;
        this.cost = cost;
    }

    /** The name in folders and recipes. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** What its number is called, {@code sigma} or {@code rho}; empty for SGD, which has none. */
    public String parameter() {
        return parameter;
    }

    /** The time of a step beside SGD's, roughly: for the time left, nothing else. */
    public double cost() {
        return cost;
    }

    /** The values tried unless others are given. */
    public List<Double> grid() {
        return switch (this) {
            case SGD -> List.of();
            case DAMP -> List.of(0.1, 0.2, 0.3);
            case DAAP -> List.of(0.005, 0.01, 0.02);
            case SAM -> List.of(0.02, 0.05, 0.1);
            case ASAM -> List.of(0.5, 1.0, 2.0);
        };
    }

    /**
     * The settings of a run of this method.
     *
     * @param value its number; not used by SGD
     * @param subBatches of DAMP and DAAP; SAM and ASAM go uphill once for the whole batch, whose batch norms stay together
     */
    public Map<String, String> settings(double value, int subBatches) {
        Map<String, String> settings = new TreeMap<>();
        settings.put(
                "method.perturbation",
                this == SGD ? "none" : "{kind: " + key() + ", " + parameter + ": " + value + "}");
        settings.put("method.sub_batches", Integer.toString(this == DAMP || this == DAAP ? subBatches : 1));
        settings.put("method.sync_bn", "true");
        return settings;
    }
}
