package dev.hornbeam.training.evaluation;

import java.util.List;

/**
 * The error of a network on images that were changed against it.
 *
 * @param attack how they were changed, as in {@code fgsm}
 * @param epsilons how far pixels moved at most, for pixels in [0, 1]
 * @param errors for each epsilon the share of images predicted wrong, in [0, 1]
 * @param losses for each epsilon the mean cross-entropy
 */
public record AdversarialErrors(String attack, List<Double> epsilons, List<Double> errors, List<Double> losses) {
    /**
     * Keeps its own copies.
     *
     * @throws IllegalArgumentException if the lists differ in length or are empty
     */
    public AdversarialErrors {
        epsilons = List.copyOf(epsilons);
        errors = List.copyOf(errors);
        losses = List.copyOf(losses);
        if (epsilons.isEmpty() || errors.size() != epsilons.size() || losses.size() != epsilons.size()) {
            throw new IllegalArgumentException(epsilons.size() + " epsilons, " + errors.size() + " errors, "
                    + losses.size() + " losses; expected as many of each, at least one");
        }
    }
}
