package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The shift and scale of each channel that turn pixels into what a network reads: {@code (pixel/255 - mean) / std}.
 *
 * @param mean one number per channel, for pixels in 0..1
 * @param std one positive number per channel, for pixels in 0..1
 */
public record Normalization(List<Double> mean, List<Double> std) {
    private static final int MOST_DECODED = 10_000;

    /**
     * Checks and keeps the numbers.
     *
     * @throws UserError if the lists differ in length or a number is not finite or a deviation not positive
     */
    public Normalization {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        if (mean.isEmpty() || mean.size() != std.size()) {
            throw new UserError("normalisation with " + mean.size() + " means and " + std.size()
                    + " standard deviations; expected one of each per channel");
        }
        for (int c = 0; c < mean.size(); c++) {
            if (!Double.isFinite(mean.get(c)) || !Double.isFinite(std.get(c)) || std.get(c) <= 0) {
                throw new UserError(
                        "normalisation of channel " + c + " with mean " + mean.get(c) + " and standard deviation "
                                + std.get(c) + "; expected finite numbers and a positive deviation");
            }
        }
    }

    /** Returns the one that leaves pixels in 0..1. */
    public static Normalization none(int channels) {
        return new Normalization(Collections.nCopies(channels, 0.0), Collections.nCopies(channels, 1.0));
    }

    /** Returns the usual figures for ImageNet, with which networks for it are trained. */
    public static Normalization imageNet() {
        return new Normalization(List.of(0.485, 0.456, 0.406), List.of(0.229, 0.224, 0.225));
    }

    /**
     * Returns the mean and the (population) standard deviation of all pixels of {@code set}, computed exactly from
     * whole numbers. A channel that is the same everywhere gets the deviation 1. Of a set on demand, at most 10,000 images are
     * decoded, evenly spread: image ⌊i·n/10000⌋ for each i.
     *
     * @throws UserError if the set is empty, or an image cannot be read
     */
    public static Normalization of(ImageSet set) {
        if (set.size() == 0) {
            throw new UserError(set.name() + ": no images to compute mean and standard deviation from");
        }
        int channels = set.channels();
        long[] sums = new long[channels];
        long[] squares = new long[channels];
        byte[] image = new byte[set.imageLength()];
        int taken = set.isOnDemand() ? Math.min(set.size(), MOST_DECODED) : set.size();
        for (int i = 0; i < taken; i++) {
            set.copyImage((int) ((long) i * set.size() / taken), image, 0);
            for (int k = 0; k < image.length; k += channels) {
                for (int c = 0; c < channels; c++) {
                    int pixel = image[k + c] & 0xff;
                    sums[c] += pixel;
                    squares[c] += (long) pixel * pixel;
                }
            }
        }
        double count = (double) taken * set.height() * set.width();
        List<Double> mean = new ArrayList<>();
        List<Double> std = new ArrayList<>();
        for (int c = 0; c < channels; c++) {
            double average = sums[c] / count;
            double variance = Math.max(0, squares[c] / count - average * average);
            mean.add(average / 255);
            std.add(variance > 0 ? Math.sqrt(variance) / 255 : 1);
        }
        return new Normalization(mean, std);
    }

    /** Returns the number of channels. */
    public int channels() {
        return mean.size();
    }

    /** Returns what the 256 pixel values of each channel become: entry {@code 256 * channel + pixel}. */
    public float[] table() {
        float[] table = new float[256 * channels()];
        for (int c = 0; c < channels(); c++) {
            for (int pixel = 0; pixel < 256; pixel++) {
                table[256 * c + pixel] = (float) ((pixel / 255.0 - mean.get(c)) / std.get(c));
            }
        }
        return table;
    }
}
