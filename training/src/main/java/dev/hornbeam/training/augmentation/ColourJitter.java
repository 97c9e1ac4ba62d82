package dev.hornbeam.training.augmentation;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.random.DrawSequence;

/**
 * Random brightness, contrast, colour and hue, in random order: torchvision's {@code ColorJitter}.
 *
 * <p>Draws: the order, by exchanging entry i = 3, 2, 1 of (brightness, contrast, saturation, hue) with entry
 * {@code below(i + 1)}; then a uniform number for each of the four, in the order in which they are written here.
 *
 * @param brightness factors are uniform in [max(0, 1 - brightness), 1 + brightness]; 0 leaves it
 * @param contrast likewise
 * @param saturation likewise
 * @param hue turns are uniform in [-hue, hue] of the circle, 0 to 0.5
 */
record ColourJitter(double brightness, double contrast, double saturation, double hue) implements Transform {
    private static final int KINDS = 4;

    ColourJitter {
        if (!(brightness >= 0 && contrast >= 0 && saturation >= 0 && hue >= 0 && hue <= 0.5)) {
            throw new UserError("colour jitter of brightness " + brightness + ", contrast " + contrast + ", saturation "
                    + saturation + " and hue " + hue + "; expected at least 0, and a hue of at most 0.5");
        }
    }

    @Override
    public void apply(Canvas image, DrawSequence draws, Workspace workspace) {
        // Four kinds of two bits each.
        int order = 0b11_10_01_00;
        for (int i = KINDS - 1; i > 0; i--) {
            order = exchanged(order, i, draws.below(i + 1));
        }
        float bright = factor(brightness, draws);
        float contrasted = factor(contrast, draws);
        float saturated = factor(saturation, draws);
        double turn = draws.between(-hue, hue);
        for (int i = 0; i < KINDS; i++) {
            switch (entry(order, i)) {
                case 0 -> {
                    if (brightness > 0) {
                        Tones.brightness(image, bright);
                    }
                }
                case 1 -> {
                    if (contrast > 0) {
                        Tones.contrast(image, contrasted);
                    }
                }
                case 2 -> {
                    if (saturation > 0) {
                        Tones.colour(image, saturated);
                    }
                }
                default -> {
                    if (hue > 0) {
                        Tones.hue(image, turn);
                    }
                }
            }
        }
    }

    private static float factor(double spread, DrawSequence draws) {
        return (float) draws.between(Math.max(0, 1 - spread), 1 + spread);
    }

    private static int entry(int order, int i) {
        return (order >> (2 * i)) & 3;
    }

    private static int exchanged(int order, int i, int j) {
        int difference = entry(order, i) ^ entry(order, j);
        return order ^ (difference << (2 * i)) ^ (difference << (2 * j));
    }
}
