package dev.hornbeam.training.run;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What was measured over one epoch.
 *
 * @param epoch epoch that was finished, from 1
 * @param step steps finished since the start of the run
 * @param lr learning rate of the last step
 * @param trainLoss mean loss over the epoch's images, as they were trained on
 * @param trainAccuracy share of the epoch's images predicted right, in [0, 1]
 * @param testLoss mean loss over the test images, NaN if they were not tested in this epoch
 * @param testAccuracy share of the test images predicted right in [0, 1], NaN if they were not tested in this epoch
 * @param seconds wall time of the epoch, test included
 * @param imagesPerSecond training images per second, test not counted
 * @param extra what a method measures besides, by column name
 */
public record EpochRow(
        int epoch,
        long step,
        double lr,
        double trainLoss,
        double trainAccuracy,
        double testLoss,
        double testAccuracy,
        double seconds,
        double imagesPerSecond,
        Map<String, Double> extra) {

    /** Keeps the order of {@code extra}. */
    public EpochRow {
        extra = Collections.unmodifiableMap(new LinkedHashMap<>(extra));
    }

    /** Whether the test images were tested in this epoch. */
    public boolean tested() {
        return !Double.isNaN(testAccuracy);
    }
}
