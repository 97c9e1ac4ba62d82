package dev.hornbeam.training.corruption;

/**
 * A bright point with rays of different length.
 *
 * <p>There are 50 to 199 rays; each is as long as the radius times 1 + N(0, 0.25²). Between two rays the length changes
 * linearly, and the brightness falls off half-way to either.
 */
final class Star {
    private static final int FEWEST = 50;
    private static final int RANGE = 150;

    private final double centreY;
    private final double centreX;
    private final double power;
    private final double[] lengths;

    /**
     * Draws a star.
     *
     * @param least the shortest ray, or negative infinity
     * @param power to which the square of length over distance is raised
     * @param element the number of rays; the rays themselves are {@code firstRay} and those behind
     */
    Star(
            double centreY,
            double centreX,
            double radius,
            double least,
            double power,
            Draws draws,
            long element,
            long firstRay) {
        this.centreY = centreY;
        this.centreX = centreX;
        this.power = power;
        lengths = new double[FEWEST + draws.below(element, RANGE)];
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = Math.max(least, radius + 0.25 * radius * draws.stream().normal(firstRay + i));
        }
    }

    /** Returns how much of the star is at a place, 0 to 1. */
    double at(int y, int x) {
        double down = y - centreY;
        double right = x - centreX;
        double place = (StrictMath.atan2(right, down) + Math.PI) / (2 * Math.PI) * lengths.length;
        int ray = (int) place;
        double part = place - ray;
        double length = lengths[ray % lengths.length];
        length += part * (lengths[(ray + 1) % lengths.length] - length);
        double light = length * length / (down * down + right * right + 1e-4);
        light = power == 1 ? light : StrictMath.pow(light, power);
        return Math.min(1, Math.max(0, (1 - (part - 0.5) * (part - 0.5)) * light));
    }
}
