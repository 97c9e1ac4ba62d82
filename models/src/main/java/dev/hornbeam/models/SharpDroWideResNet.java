package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.GlobalAvgPool;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Lambda;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/**
 * The WRN-28-2 of SharpDRO (Huang et al. 2023), which is that of Oliver et al. 2018: leaky ReLUs with slope 0.1, batch norms
 * with momentum 0.001 and epsilon 0.001, and a first block that activates before the residual.
 *
 * <p>SharpDRO's code names these two constants, but does not hand them on to PyTorch's layer, which then takes 0.1 and 1e-5;
 * here they are what that code and its sources say.
 *
 * <p>Input [n, h, w, channels] with h, w at least 4 or so; output logits [n, classes]. With base width 16 and 10 classes of
 * RGB images it has 1,467,610 parameters.
 *
 * <p>Parameters are named {@code init_conv, unit1.0.pre_act.0, unit1.0.identity, unit1.0.layer.0 … unit3.3.layer.5, unit4.0,
 * fc}.
 */
public final class SharpDroWideResNet extends Module implements Headed {
    /** Width of the published stem. */
    public static final int WIDTH = 16;

    /** Slope of the activations below zero. */
    static final double SLOPE = 0.1;

    private static final int WIDENING = 2;
    private static final int BLOCKS = 4;
    private static final double MOMENTUM = 1e-3;
    private static final double EPSILON = 1e-3;

    private final Conv2d stem;
    private final Sequential[] units = new Sequential[3];
    private final BatchNorm2d norm;
    private final GlobalAvgPool pool = new GlobalAvgPool();
    private final Linear fc;

    /** The network with weights drawn from {@code seed}. */
    public SharpDroWideResNet(ModelSpec spec, long seed) {
        int width = spec.width().orElse(WIDTH);
        stem = child("init_conv", new Conv2d(spec.channels(), width, 3, 1, 1));
        int in = width;
        for (int i = 0; i < units.length; i++) {
            int out = (width << i) * WIDENING;
            Sequential unit = new Sequential();
            for (int block = 0; block < BLOCKS; block++) {
                boolean first = block == 0;
                unit.add(new SharpDroBlock(first ? in : out, out, first && i > 0 ? 2 : 1, first && i == 0));
            }
            units[i] = child("unit" + (i + 1), unit);
            in = out;
        }
        norm = norm(in);
        child("unit4", new Sequential(norm, Lambda.leakyRelu(SLOPE)));
        fc = child("fc", new Linear(in, spec.classes()));
        Init.standard(this, seed);
        Init.heConvolutions(this, Init.Fan.OUT, seed);
        Init.xavierNormal(fc.weight(), seed);
        Init.constant(fc.bias(), 0);
    }

    /** A batch norm with the constants of this network. */
    static BatchNorm2d norm(int channels) {
        return new BatchNorm2d(channels, MOMENTUM, EPSILON);
    }

    @Override
    public String head() {
        return "fc";
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor y = chain(stem.forward(x), units);
        return fc.forward(pool.forward(norm.forward(y, null, Activation.LEAKY_RELU, SLOPE)));
    }
}
