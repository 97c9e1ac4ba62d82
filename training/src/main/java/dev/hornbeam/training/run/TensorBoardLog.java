package dev.hornbeam.training.run;

import dev.hornbeam.nn.Parameter;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Preparation;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.PredictionMetrics;
import dev.hornbeam.training.tensorboard.EventFile;
import dev.hornbeam.training.tensorboard.Histogram;
import java.awt.image.BufferedImage;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Shows a run in TensorBoard: losses, accuracies and the learning rate by epoch, histograms of the weights and of the gradients
 * of the epoch's last step with their norms, some training images as the network sees them, and at the end what was measured.
 */
final class TensorBoardLog implements TrainingListener, AutoCloseable {
    private static final int IMAGES_ACROSS = 8;
    private static final int IMAGES_DOWN = 4;
    private static final int GAP = 2;
    private static final int CELL = 24;

    private final EventFile events;
    private final boolean everyStep;
    private final int stepsBetween;

    private TensorBoardLog(EventFile events, int stepsBetween) {
        this.events = events;
        this.everyStep = stepsBetween > 0;
        this.stepsBetween = stepsBetween;
    }

    /**
     * Begins the event file of a session.
     *
     * @param step steps done before it
     * @param stepsBetween steps between two whose loss is shown; 0 for none
     */
    static TensorBoardLog open(RunFolder folder, long step, int stepsBetween) {
        TensorBoardLog log =
                new TensorBoardLog(EventFile.create(folder.tensorBoard(), Clock.systemUTC()), stepsBetween);
        if (step > 0) {
            log.events.restart(step + 1);
        }
        return log;
    }

    @Override
    public void stepDone(StepRow row, int images) {
        if (everyStep && row.step() % stepsBetween == 0) {
            scalar("train/step_loss", row.step(), row.loss());
        }
    }

    @Override
    public void epochDone(EpochRow row) {
        scalar("train/loss", row.step(), row.trainLoss());
        scalar("train/accuracy", row.step(), row.trainAccuracy());
        scalar("train/learning_rate", row.step(), row.lr());
        scalar("train/images_per_second", row.step(), row.imagesPerSecond());
        scalar("test/loss", row.step(), row.testLoss());
        scalar("test/accuracy", row.step(), row.testAccuracy());
        row.extra().forEach((name, value) -> scalar("extra/" + name, row.step(), value));
    }

    // What was not measured is left out.
    private void scalar(String tag, long step, double value) {
        if (!Double.isNaN(value)) {
            events.scalar(tag, step, value);
        }
    }

    @Override
    public void savePoint(TrainingLoop loop, boolean endOfEpoch) {
        if (!endOfEpoch) {
            return;
        }
        long step = loop.position().step();
        double weightSquares = 0;
        double gradientSquares = 0;
        boolean gradients = false;
        for (Map.Entry<String, Parameter> entry : loop.model().namedParameters().entrySet()) {
            Histogram weights = Histogram.of(entry.getValue().value().toFloats());
            events.histogram("weights/" + entry.getKey(), step, weights);
            weightSquares += weights.sumOfSquares();
            Tensor gradient = entry.getValue().grad();
            if (gradient != null) {
                Histogram histogram = Histogram.of(gradient.toFloats());
                events.histogram("gradients/" + entry.getKey(), step, histogram);
                gradientSquares += histogram.sumOfSquares();
                gradients = true;
            }
        }
        events.scalar("norm/weights", step, Math.sqrt(weightSquares));
        if (gradients) {
            events.scalar("norm/gradient", step, Math.sqrt(gradientSquares));
        }
    }

    /** Shows the first images of a set as {@code preparation} makes them in the first epoch. */
    void images(ImageSet set, Preparation preparation, Normalization normalization) {
        int channels = set.channels();
        if (channels != 1 && channels != 3) {
            return;
        }
        int height = set.height() + GAP;
        int width = set.width() + GAP;
        BufferedImage sheet =
                new BufferedImage(IMAGES_ACROSS * width + GAP, IMAGES_DOWN * height + GAP, BufferedImage.TYPE_INT_RGB);
        float[] pixels = new float[set.imageLength()];
        byte[] scratch = new byte[set.imageLength()];
        for (int i = 0; i < Math.min(set.size(), IMAGES_ACROSS * IMAGES_DOWN); i++) {
            preparation.prepare(set, i, 0, pixels, 0, scratch);
            int left = GAP + i % IMAGES_ACROSS * width;
            int top = GAP + i / IMAGES_ACROSS * height;
            for (int p = 0; p < set.height() * set.width(); p++) {
                int rgb = 0;
                for (int c = 0; c < 3; c++) {
                    int channel = channels == 1 ? 0 : c;
                    double value =
                            pixels[p * channels + channel] * normalization.std().get(channel)
                                    + normalization.mean().get(channel);
                    rgb = rgb << 8 | (int) Math.round(255 * Math.clamp(value, 0.0, 1.0));
                }
                sheet.setRGB(left + p % set.width(), top + p / set.width(), rgb);
            }
        }
        events.image("train/images", 0, sheet);
    }

    /** Shows what was measured at the end. */
    void results(long step, PredictionMetrics metrics, Optional<CorruptionErrors> errors) {
        scalar("test/calibration_error", step, metrics.calibrationError());
        if (metrics.topK().size() > 1) {
            scalar(
                    "test/top" + metrics.topK().size() + "_accuracy",
                    step,
                    metrics.topK().getLast());
        }
        List<List<Double>> shares = new ArrayList<>();
        for (int[] row : metrics.confusion().classNames().size() <= 100
                ? metrics.confusion().counts()
                : new int[0][]) {
            double images = Math.max(1, java.util.Arrays.stream(row).sum());
            shares.add(java.util.Arrays.stream(row)
                    .mapToObj(count -> count / images)
                    .toList());
        }
        if (!shares.isEmpty()) {
            events.image("test/confusion (rows: true class, columns: predicted)", step, map(shares));
        }
        errors.ifPresent(table -> {
            scalar("corruptions/mean_error", step, table.mean());
            table.errors().keySet().forEach(name -> scalar("corruptions/" + name, step, table.mean(name)));
            events.image(
                    "corruptions/error (rows: "
                            + String.join(", ", table.errors().keySet()) + "; columns: severities " + table.severities()
                            + ")",
                    step,
                    map(List.copyOf(table.errors().values())));
        });
    }

    private static BufferedImage map(List<List<Double>> rows) {
        int columns = rows.getFirst().size();
        BufferedImage image = new BufferedImage(columns * CELL, rows.size() * CELL, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                image.setRGB(x, y, ColourScale.ERROR_LIGHT.at(rows.get(y / CELL).get(x / CELL)));
            }
        }
        return image;
    }

    @Override
    public void close() {
        events.close();
    }
}
