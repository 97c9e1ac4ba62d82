package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.method.SharpnessPerturbation;
import dev.hornbeam.training.method.WeightNoisePerturbation;
import dev.hornbeam.training.method.WeightPerturbation;
import org.junit.jupiter.api.condition.DisabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The same training on the CPU and on the {@linkplain Device#standard() standard device}, where that is another one: the
 * losses of every step agree, which they only do with identical noise draws.
 */
@DisabledIf("standardDeviceIsTheCpu")
class OtherDeviceTrainingTest {
    private static final double RELATIVE = 1e-4;

    static boolean standardDeviceIsTheCpu() {
        return Device.standard().equals(Device.cpu());
    }

    enum Method {
        SGD,
        DAMP,
        SAM
    }

    private static WeightPerturbation weights(Method method) {
        return switch (method) {
            case SGD -> WeightPerturbation.none();
            case DAMP ->
                new WeightNoisePerturbation(
                        Noise.Kind.MULTIPLICATIVE, 0.2, 2, Noise.Gradient.AT_PERTURBED, FixedBatchTraining.SEED);
            case SAM -> SharpnessPerturbation.sam(0.05, 1, FixedBatchTraining.SEED);
        };
    }

    private static double[] losses(FixedBatchTraining.Task task, Method method, Device device, int steps) {
        double[] losses = new double[steps];
        try (FixedBatchTraining training = new FixedBatchTraining(task, weights(method), device)) {
            for (int i = 0; i < steps; i++) {
                losses[i] = training.step();
            }
        }
        return losses;
    }

    private static void compare(FixedBatchTraining.Task task, Method method, int steps) {
        boolean before = Engine.isExact();
        double[] expected;
        // Winograd's larger rounding errors, which training amplifies, are not what is looked for.
        Engine.setExact(true);
        try {
            expected = losses(task, method, Device.cpu(), steps);
        } finally {
            Engine.setExact(before);
        }
        double[] got = losses(task, method, Device.standard(), steps);
        for (int i = 0; i < steps; i++) {
            assertEquals(expected[i], got[i], RELATIVE * expected[i], "loss of step " + i);
        }
        // Each step of DAMP has noise of its own: its loss rises and falls, until it has fallen far enough.
        if (method != Method.DAMP || steps >= 20) {
            assertTrue(got[steps - 1] < got[0], "the loss falls, from " + got[0] + " to " + got[steps - 1]);
        }
    }

    /**
     * Noise and ascents make training on a small batch chaotic: differences in the last bit grow tenfold every step or two.
     * So they are given fewer steps here, and all twenty with {@code -Dhornbeam.full=true}, on more or larger images.
     */
    @ParameterizedTest
    @EnumSource(Method.class)
    void twentyStepsOfResNet20(Method method) {
        boolean full = Boolean.getBoolean("hornbeam.full");
        boolean ascents = method == Method.SAM;
        int batch = !full ? 8 : ascents ? 128 : 32;
        int side = !full ? 8 : ascents ? 16 : 32;
        int steps = full || method == Method.SGD ? 20 : 3;
        compare(new FixedBatchTraining.Task("resnet20", batch, side, 3, 10, false, Precision.F32), method, steps);
    }

    @ParameterizedTest
    @CsvSource({
        "resnet20_gn, 4, 8",
        "preactresnet18_damp, 2, 16",
        "wrn-28-2_sharpdro, 4, 8",
        "cnn9, 2, 32",
        "smallcnn_trades, 4, 28",
        "vit-s-16, 1, 32"
    })
    void twoStepsOfEveryFamily(String model, int batch, int side) {
        compare(new FixedBatchTraining.Task(model, batch, side, 3, 10, false, Precision.F32), Method.SGD, 2);
    }
}
