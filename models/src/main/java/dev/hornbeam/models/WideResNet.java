package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.GlobalAvgPool;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/**
 * WRN-d-k, the wide residual networks of Zagoruyko and Komodakis 2016, as in the code of TRADES and SAT: a 3×3 stem of 16
 * channels, three groups of (d - 4) / 6 pre-activation blocks of widths k·(16, 32, 64) with dropout between their
 * convolutions, a last norm and ReLU, global average pooling and a linear layer {@code fc}.
 *
 * <p>Input [n, h, w, channels] with h, w at least 4 or so; output logits [n, classes]. For 10 classes of RGB images WRN-28-10
 * has 36,479,194 parameters and WRN-34-10 46,160,474. A base width in the {@link ModelSpec} stands in the place of 16. The
 * drop rate is 0 unless given.
 *
 * <p>Parameters are named {@code conv1, block1.layer.0.bn1, block1.layer.0.conv1 … block3.layer.n.conv2, bn1, fc}, shortcuts
 * {@code block1.layer.0.convShortcut}. (The file of TRADES' published WRN-34-10 also has a {@code sub_block1} that nothing
 * uses.)
 */
public final class WideResNet extends Module implements Headed {
    /** Width of the published stems, and of the groups over the widening factor. */
    public static final int WIDTH = 16;

    private final Conv2d stem;
    private final Sequential[] groups = new Sequential[3];
    private final BatchNorm2d norm;
    private final GlobalAvgPool pool = new GlobalAvgPool();
    private final Linear fc;

    /**
     * The network with weights drawn from {@code seed}.
     *
     * @param depth 6n + 4 with n at least 1
     * @param widening k, at least 1
     */
    public WideResNet(int depth, int widening, ModelSpec spec, long seed) {
        if (depth < 10 || (depth - 4) % 6 != 0) {
            throw new IllegalArgumentException("depth is " + depth + "; expected 6n + 4: 10, 16, 22, 28, 34, 40 …");
        }
        if (widening < 1) {
            throw new IllegalArgumentException("widening is " + widening + "; expected at least 1");
        }
        int width = spec.width().orElse(WIDTH);
        double dropRate = spec.dropRate().orElse(0);
        stem = child("conv1", new Conv2d(spec.channels(), width, 3, 1, 1));
        int in = width;
        for (int i = 0; i < groups.length; i++) {
            int out = Math.multiplyExact(width << i, widening);
            Sequential layer = ResidualStages.stage(
                    (depth - 4) / 6,
                    in,
                    out,
                    i == 0 ? 1 : 2,
                    (from, to, stride) -> new WideBlock(from, to, stride, dropRate));
            groups[i] = child("block" + (i + 1), new Sequential().add("layer", layer));
            in = out;
        }
        norm = child("bn1", new BatchNorm2d(in));
        fc = child("fc", new Linear(in, spec.classes()));
        Init.standard(this, seed);
        Init.heConvolutions(this, Init.Fan.OUT, seed);
        Init.constant(fc.bias(), 0);
    }

    @Override
    public String head() {
        return "fc";
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor y = chain(stem.forward(x), groups);
        return fc.forward(pool.forward(norm.forward(y, null, Activation.RELU, 0)));
    }
}
