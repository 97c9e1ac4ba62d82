package dev.hornbeam.training.augmentation;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.random.DrawSequence;

/**
 * Random erasing: a rectangle of the normalised image becomes 0, which is the mean colour of the data, or noise.
 *
 * <p>Source: Zhong et al., "Random erasing data augmentation" (AAAI 2020), with the ranges and ten tries of torchvision. Draws:
 * a uniform number, erased below {@code probability}; for each try a share of the area, uniform, and the ratio of height to
 * width, uniform in its logarithm; for the first rectangle smaller than the image {@code below(height - h + 1)} for its row
 * and {@code below(width - w + 1)} for its column; then for noise a normal number for each value, in the order HWC.
 *
 * @param probability that an image is erased at all, 0 to 1
 * @param minArea least share of the area, above 0
 * @param maxArea largest share of the area, at most 1
 * @param fill what the rectangle is filled with
 */
public record RandomErasing(double probability, double minArea, double maxArea, Fill fill) {
    private static final int TRIES = 10;
    private static final double LOWEST = StrictMath.log(0.3);
    private static final double HIGHEST = StrictMath.log(3.3);

    /** What stands in a rectangle afterwards. */
    public enum Fill {
        /** The mean colour of the data: 0. */
        MEAN,
        /** Noise from the standard normal distribution. */
        NOISE
    }

    /**
     * Checks the ranges.
     *
     * @throws UserError if one is empty or out of bounds
     */
    public RandomErasing {
        if (!(probability >= 0 && probability <= 1 && minArea > 0 && minArea <= maxArea && maxArea <= 1)) {
            throw new UserError("random erasing with probability " + probability + " of " + minArea + " to " + maxArea
                    + " of the area; expected a probability and a range within 0 to 1, above 0");
        }
    }

    /**
     * Erases, or not.
     *
     * @param values normalised image in the order HWC, from {@code offset} on
     * @param draws at the beginning of a stream of this image
     */
    void apply(float[] values, int offset, int width, int height, int channels, DrawSequence draws) {
        if (!draws.chance(probability)) {
            return;
        }
        double area = (double) width * height;
        for (int i = 0; i < TRIES; i++) {
            double target = area * draws.between(minArea, maxArea);
            double ratio = StrictMath.exp(draws.between(LOWEST, HIGHEST));
            int h = (int) Math.rint(Math.sqrt(target * ratio));
            int w = (int) Math.rint(Math.sqrt(target / ratio));
            if (h >= height || w >= width) {
                continue;
            }
            int top = draws.below(height - h + 1);
            int left = draws.below(width - w + 1);
            for (int y = top; y < top + h; y++) {
                int from = offset + (y * width + left) * channels;
                for (int k = from; k < from + w * channels; k++) {
                    values[k] = fill == Fill.NOISE ? draws.normal() : 0;
                }
            }
            return;
        }
    }
}
