package dev.hornbeam.training.sharpness;

/**
 * The largest loss found within a distance of the weights.
 *
 * <p>It begins with SAM's step, the whole radius along the gradient (Foret et al. 2021, equation 2), and goes on with steps of
 * half the radius along the gradient there, brought back to the ball where they leave it. It is a lower bound of the largest loss in the ball.
 *
 * @param radius Euclidean distance over all weights together
 * @param clean loss at the weights
 * @param sam loss after SAM's step alone
 * @param worst the largest loss on the way
 * @param steps gradients taken
 */
public record WorstLoss(double radius, double clean, double sam, double worst, int steps) {

    /**
     * Looks for it.
     *
     * @param radius at least 0
     * @param steps gradients to take, at least 1
     */
    public static WorstLoss find(LossFunction function, double radius, int steps) {
        if (!(radius >= 0) || Double.isInfinite(radius) || steps < 1) {
            throw new IllegalArgumentException("worst loss with radius " + radius + " and " + steps
                    + " steps; expected a finite radius of at least 0 and at least 1 step");
        }
        double[] weights = function.weights();
        double[] offset = new double[weights.length];
        LossFunction.Slope here = function.slope(weights);
        double clean = here.loss();
        double sam = clean;
        double worst = clean;
        for (int step = 0; step < steps; step++) {
            double norm = LossFunction.norm(here.gradient());
            if (norm == 0) {
                break;
            }
            offset = LossFunction.plus(offset, (step == 0 ? radius : radius / 2) / norm, here.gradient());
            double length = LossFunction.norm(offset);
            if (length > radius) {
                for (int i = 0; i < offset.length; i++) {
                    offset[i] *= radius / length;
                }
            }
            double[] there = LossFunction.plus(weights, 1, offset);
            double loss;
            if (step + 1 < steps) {
                here = function.slope(there);
                loss = here.loss();
            } else {
                loss = function.loss(there);
            }
            if (step == 0) {
                sam = loss;
            }
            worst = Math.max(worst, loss);
        }
        return new WorstLoss(radius, clean, sam, worst, steps);
    }
}
