package dev.hornbeam.training.evaluation;

import java.util.List;

/**
 * Confidence beside accuracy, in bins of equal width: the reliability diagram, and from it the expected calibration error.
 *
 * <p>The confidence of a prediction is the largest probability of the softmax. Bin b of B holds the predictions with a
 * confidence in (b/B, (b+1)/B], and the first one those of 0 too (Guo et al., On Calibration of Modern Neural Networks, ICML
 * 2017, section 2).
 *
 * @param bins from low to high confidence
 */
public record Reliability(List<Bin> bins) {
    /** How many bins of equal width over [0, 1] there are. */
    public static final int BINS = 15;

    /**
     * Predictions of like confidence.
     *
     * @param images how many there are
     * @param confidence their mean confidence in [0, 1], 0 where there are none
     * @param accuracy share of them that is right in [0, 1], 0 where there are none
     */
    public record Bin(long images, double confidence, double accuracy) {}

    /**
     * Keeps its own copy.
     *
     * @throws IllegalArgumentException if there is no bin
     */
    public Reliability {
        bins = List.copyOf(bins);
        if (bins.isEmpty()) {
            throw new IllegalArgumentException("no bins");
        }
    }

    /** The bin, from 0, of a confidence in [0, 1]; the last one for what is not a number. */
    static int binOf(double confidence) {
        return Double.isNaN(confidence)
                ? BINS - 1
                : (int) Math.clamp((long) Math.ceil(confidence * BINS) - 1, 0L, BINS - 1L);
    }

    /** How many predictions there are. */
    public long images() {
        return bins.stream().mapToLong(Bin::images).sum();
    }

    /**
     * The expected calibration error in [0, 1]: over the bins, the distance of accuracy and confidence, weighted by the share of
     * the predictions that lie in the bin (equation 3 of Guo et al.). NaN without predictions.
     */
    public double expectedCalibrationError() {
        long images = images();
        double sum = 0;
        for (Bin bin : bins) {
            sum += bin.images() * Math.abs(bin.accuracy() - bin.confidence());
        }
        return images == 0 ? Double.NaN : sum / images;
    }

    /** The bins as CSV: bounds of the confidence, images, mean confidence and accuracy; empty where there are no images. */
    public String toCsv() {
        StringBuilder csv = new StringBuilder("confidence_above,confidence_to,images,mean_confidence,accuracy\n");
        for (int b = 0; b < bins.size(); b++) {
            Bin bin = bins.get(b);
            csv.append("%.6f,%.6f,%d".formatted((double) b / bins.size(), (b + 1.0) / bins.size(), bin.images()));
            csv.append(bin.images() == 0 ? ",," : ",%.6f,%.6f".formatted(bin.confidence(), bin.accuracy()))
                    .append('\n');
        }
        return csv.toString();
    }
}
