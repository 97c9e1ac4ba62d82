package dev.hornbeam.training.evaluation;

import java.util.List;

/**
 * How good a network's predictions are on a set of labelled images.
 *
 * @param images how many images there are, at least 1
 * @param topK share of the images, in [0, 1], whose true class is among the k most probable; entry k - 1, for k from 1 to 5 or to
 *     the number of classes
 * @param loss mean negative log-likelihood of the true class, in nats
 * @param brier mean over the images of the summed squares of probability minus truth over all classes, in [0, 2] (Brier 1950)
 * @param reliability confidence beside accuracy
 * @param confusion which classes are taken for which
 */
public record PredictionMetrics(
        int images, List<Double> topK, double loss, double brier, Reliability reliability, ConfusionMatrix confusion) {

    /**
     * Keeps its own copies.
     *
     * @throws IllegalArgumentException if there are no images or no top-1 share
     */
    public PredictionMetrics {
        topK = List.copyOf(topK);
        if (images < 1 || topK.isEmpty()) {
            throw new IllegalArgumentException(images + " images, " + topK.size() + " top-k shares");
        }
    }

    /** Share of the images predicted right, in [0, 1]. */
    public double accuracy() {
        return topK.getFirst();
    }

    /** Share of the images predicted wrong, in [0, 1]. */
    public double error() {
        return 1 - accuracy();
    }

    /** The expected calibration error of {@link Reliability}, in [0, 1]. */
    public double calibrationError() {
        return reliability.expectedCalibrationError();
    }
}
