package dev.hornbeam.training.augmentation;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.random.DrawSequence;

/**
 * RandAugment: some operations drawn at random, one after the other, all of the same level.
 *
 * <p>Source: Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space" (2020); operations,
 * levels and the nearest pixel as in torchvision. Draws for each operation: {@code below(14)}, which one; {@code below(2)}, 1
 * for a negative magnitude, of operations that have one.
 *
 * @param operations how many are applied, at least 1
 * @param level their strength, 0 to 30
 */
record RandAugment(int operations, int level) implements Transform {
    RandAugment {
        if (operations < 1 || level < 0 || level >= Operation.LEVELS) {
            throw new UserError("RandAugment of " + operations + " operations and level " + level
                    + "; expected at least 1 and 0.." + (Operation.LEVELS - 1));
        }
    }

    @Override
    public void apply(Canvas image, DrawSequence draws, Workspace workspace) {
        for (int i = 0; i < operations; i++) {
            Operation operation = Operation.of(draws.below(Operation.count()));
            boolean negative = draws.coin() && operation.isSigned();
            double magnitude = operation.magnitude(level, image.width(), image.height());
            operation.apply(image, negative ? -magnitude : magnitude);
        }
    }
}
