package dev.hornbeam.training.evaluation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.nn.Lambda;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Split;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The attack on a linear network of two classes, where the direction that raises the loss is known. */
final class FastGradientSignTest {
    private static final Normalization NORMALIZATION = new Normalization(List.of(.5, .25), List.of(.5, .125));
    // Two pixels of two channels: what class 1 gets above class 0.
    private static final float[] WEIGHTS = {1, -2, 0, 3};

    private static Sequential network() {
        Linear linear = new Linear(4, 2, false, WeightLayout.SAME);
        linear.weight().value().write(0, new float[] {0, 0, 0, 0, 1, -2, 0, 3}, 0, 8);
        return new Sequential(Lambda.flatten(), linear);
    }

    private static float normalized(double pixel, int channel) {
        return (float) ((pixel - NORMALIZATION.mean().get(channel))
                / NORMALIZATION.std().get(channel));
    }

    @Test
    void movesPixelsAgainstTheTrueClassAndClips() {
        double[][] pixels = {{.5, .02, .3, .99}, {.95, .4, .6, .01}};
        float[] input = new float[8];
        for (int i = 0; i < 8; i++) {
            input[i] = normalized(pixels[i / 4][i % 4], i % 2);
        }
        float[] before = input.clone();
        try (Sequential network = network();
                TensorScope _ = TensorScope.open()) {
            network.eval();
            float[][] attacked = new FastGradientSign(network, NORMALIZATION)
                    .attack(input, new long[] {2, 1, 2, 2}, new int[] {0, 1}, new double[] {0, .0625}, Device.cpu());
            assertArrayEquals(before, input, "the input stays");
            assertArrayEquals(input, attacked[0], 1e-6f);
            for (int i = 0; i < 8; i++) {
                // Of class 0 the loss rises with the other's output, of class 1 it falls.
                double direction = Math.signum(WEIGHTS[i % 4]) * (i < 4 ? 1 : -1);
                double expected = Math.clamp(pixels[i / 4][i % 4] + .0625 * direction, 0.0, 1.0);
                assertEquals(normalized(expected, i % 2), attacked[1][i], 2e-6, "pixel " + i);
            }
            assertTrue(network.parameters().stream().allMatch(p -> p.grad() == null));
            assertTrue(Autograd.isRecording());
        }
    }

    @Test
    void errorsRiseWithEpsilonAndTheModeComesBack() {
        byte[] pixels = {100, 60, 100, 70, 100, 60, 100, 55};
        ImageSet set = ImageSet.of("two", Split.TEST, 1, 2, 2, pixels, new int[] {1, 0}, List.of("a", "b"), List.of());
        try (Sequential network = network()) {
            network.train(true);
            Evaluator evaluator = new Evaluator(network, Augmentation.none(NORMALIZATION), 1, 1, Device.cpu());
            int[] seen = {0};
            AdversarialErrors errors =
                    evaluator.fastGradientSign(set, NORMALIZATION, List.of(0.0, .5), images -> seen[0] += images);
            assertEquals(2, seen[0]);
            Evaluator.Result clean = evaluator.evaluate(set);
            assertEquals(clean.error(), errors.errors().getFirst());
            assertEquals(clean.loss(), errors.losses().getFirst(), 1e-5);
            assertEquals(1, errors.errors().get(1));
            assertTrue(errors.losses().get(1) > errors.losses().get(0));
            assertTrue(network.isTraining());
            assertThrows(UserError.class, () -> evaluator.fastGradientSign(set, NORMALIZATION, List.of(2.0), _ -> {}));
            assertFalse(evaluator.metrics(set, List.of(), _ -> {}).accuracy() > 1);
        }
    }
}
