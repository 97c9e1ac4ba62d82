package dev.hornbeam.training.augmentation;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.random.DrawSequence;

/**
 * A window of random area and proportions, as networks for ImageNet are trained on: torchvision's {@code RandomResizedCrop}.
 *
 * <p>Source: Szegedy et al., "Going deeper with convolutions" (CVPR 2015). Ten times a share of the area is drawn, uniform, and
 * the ratio of width to height, uniform in its logarithm; the first window that fits is taken at a uniform place. If none
 * fits, the largest centred window whose ratio is in the range. Draws for each try: area, ratio; then for the window that
 * fits {@code below(height - h + 1)} for its row and {@code below(width - w + 1)} for its column.
 *
 * @param minArea least share of the area, above 0
 * @param maxArea largest share of the area, at most 1
 * @param minRatio least width by height, above 0
 * @param maxRatio largest width by height
 */
public record InceptionCrop(double minArea, double maxArea, double minRatio, double maxRatio) {
    /** The published one: 8 % to all of the area, 3:4 to 4:3. */
    public static final InceptionCrop PUBLISHED = new InceptionCrop(0.08, 1, 3.0 / 4, 4.0 / 3);

    private static final int TRIES = 10;

    /**
     * A window of an image.
     *
     * @param left first column
     * @param top first row
     */
    public record Box(int left, int top, int width, int height) {}

    /**
     * Checks the ranges.
     *
     * @throws UserError if one is empty or out of bounds
     */
    public InceptionCrop {
        if (!(minArea > 0 && minArea <= maxArea && maxArea <= 1)) {
            throw new UserError("random crop of " + minArea + " to " + maxArea
                    + " of the area; expected a range within 0 to 1, above 0");
        }
        if (!(minRatio > 0 && minRatio <= maxRatio && maxRatio < Double.POSITIVE_INFINITY)) {
            throw new UserError("random crop of " + minRatio + " to " + maxRatio
                    + " times as wide as high; expected a range above 0");
        }
    }

    /** Returns the window for an image of that size. */
    public Box draw(int width, int height, DrawSequence draws) {
        double area = (double) width * height;
        double lowest = StrictMath.log(minRatio);
        double highest = StrictMath.log(maxRatio);
        for (int i = 0; i < TRIES; i++) {
            double target = area * draws.between(minArea, maxArea);
            double ratio = StrictMath.exp(draws.between(lowest, highest));
            long w = Math.round(Math.rint(Math.sqrt(target * ratio)));
            long h = Math.round(Math.rint(Math.sqrt(target / ratio)));
            if (w > 0 && w <= width && h > 0 && h <= height) {
                int top = draws.below((int) (height - h + 1));
                int left = draws.below((int) (width - w + 1));
                return new Box(left, top, (int) w, (int) h);
            }
        }
        return largest(width, height);
    }

    private Box largest(int width, int height) {
        double ratio = (double) width / height;
        int w = width;
        int h = height;
        if (ratio < minRatio) {
            h = Math.clamp(Math.round(width / minRatio), 1, height);
        } else if (ratio > maxRatio) {
            w = Math.clamp(Math.round(height * maxRatio), 1, width);
        }
        return new Box((width - w) / 2, (height - h) / 2, w, h);
    }
}
