package dev.hornbeam.training.augmentation;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.random.DrawSequence;

/**
 * AugMix: the image mixed with a mixture of copies, each changed by a chain of operations.
 *
 * <p>Source: Hendrycks et al., "AugMix: a simple data processing method to improve robustness and uncertainty" (ICLR 2020) and
 * its published code: nine operations, none of which is among the common corruptions; bilinear interpolation; levels uniform in
 * [0.1, severity). Here the result is rounded to 8 bits once; the published code mixes normalised numbers, which is the same but
 * for that rounding. Its Jensen-Shannon loss over three views is not part of it.
 *
 * <p>Draws: weights of the chains, Dirichlet(alpha); the share of the mixture, Beta(alpha, alpha); then for each chain its
 * length, {@code 1 + below(3)}, unless it is given, and for each operation {@code below(9)}, the level, and {@code below(2)}, 1
 * for a negative magnitude, the last of operations that have one.
 *
 * @param severity upper bound of levels, 1 to 10
 * @param width number of chains, at least 1
 * @param depth operations in each chain; 0 draws 1 to 3
 * @param alpha of the two distributions, above 0
 */
record AugMix(int severity, int width, int depth, double alpha) implements Transform {
    private static final int LONGEST = 3;
    private static final int OPERATIONS = 9;
    private static final ThreadLocal<double[]> WEIGHTS = ThreadLocal.withInitial(() -> new double[0]);

    AugMix {
        if (severity < 1 || severity > 10 || width < 1 || depth < 0 || !(alpha > 0)) {
            throw new UserError("AugMix of severity " + severity + ", width " + width + ", depth " + depth
                    + " and alpha " + alpha + "; expected 1..10, at least 1, at least 0, and above 0");
        }
    }

    @Override
    public void apply(Canvas image, DrawSequence draws, Workspace workspace) {
        double[] weights = WEIGHTS.get();
        if (weights.length != width) {
            weights = new double[width];
            WEIGHTS.set(weights);
        }
        draws.dirichlet(alpha, weights);
        double share = draws.beta(alpha, alpha);
        int length = image.length();
        float[] mixture = workspace.mixture(length);
        byte[] pixels = image.pixels();
        float own = (float) (1 - share);
        for (int i = 0; i < length; i++) {
            mixture[i] = own * (pixels[i] & 0xff);
        }
        Canvas chain = workspace.chain();
        for (double weight : weights) {
            chain.load(image);
            int operations = depth > 0 ? depth : 1 + draws.below(LONGEST);
            for (int k = 0; k < operations; k++) {
                operation(chain, draws.below(OPERATIONS), draws);
            }
            add(chain.pixels(), length, (float) (share * weight), mixture);
        }
        for (int i = 0; i < length; i++) {
            pixels[i] = (byte) Math.clamp(Math.round(mixture[i]), 0, 255);
        }
    }

    private static void add(byte[] pixels, int length, float weight, float[] mixture) {
        for (int i = 0; i < length; i++) {
            mixture[i] += weight * (pixels[i] & 0xff);
        }
    }

    private void operation(Canvas image, int number, DrawSequence draws) {
        switch (number) {
            case 0 -> Operation.AUTO_CONTRAST.apply(image, 0);
            case 1 -> Operation.EQUALIZE.apply(image, 0);
            case 2 -> Operation.POSTERIZE.apply(image, 4 - whole(draws, 4));
            case 3 -> Operation.ROTATE.apply(image, signed(draws, whole(draws, 30)), true);
            case 4 -> Operation.SOLARIZE.apply(image, 256 - whole(draws, 256));
            case 5 -> Operation.SHEAR_X.apply(image, signed(draws, level(draws) * 0.3 / 10), true);
            case 6 -> Operation.SHEAR_Y.apply(image, signed(draws, level(draws) * 0.3 / 10), true);
            case 7 -> Operation.TRANSLATE_X.apply(image, signed(draws, whole(draws, image.width() / 3.0)));
            default -> Operation.TRANSLATE_Y.apply(image, signed(draws, whole(draws, image.height() / 3.0)));
        }
    }

    private double level(DrawSequence draws) {
        return draws.between(0.1, severity);
    }

    private int whole(DrawSequence draws, double largest) {
        return (int) (level(draws) * largest / 10);
    }

    private static double signed(DrawSequence draws, double magnitude) {
        return draws.coin() ? -magnitude : magnitude;
    }
}
