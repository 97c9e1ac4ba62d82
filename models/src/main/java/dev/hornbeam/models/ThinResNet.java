package dev.hornbeam.models;

import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.GlobalAvgPool;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/**
 * The thin residual networks for CIFAR of He et al. 2016a, section 4.2: depth 6n + 2, widths w·(1, 2, 4) with w = 16, and
 * shortcuts without parameters (option A).
 *
 * <p>Input [n, h, w, channels]; output logits [n, classes]. For 10 classes of RGB images: ResNet-20 269,722 parameters, -32 464,154,
 * -44 658,586, -56 853,018, -110 1,727,962; the same with group norm.
 *
 * <p>Parameters are named {@code conv1, bn1, layer1.0.conv1 … layer3.n.bn2, fc}.
 */
public final class ThinResNet extends Module implements Headed {
    /** Base width of the published networks. */
    public static final int WIDTH = 16;

    private final ConvNormAct stem;
    private final Sequential[] stages = new Sequential[3];
    private final GlobalAvgPool pool = new GlobalAvgPool();
    private final Linear fc;

    private ThinResNet(int blocks, ModelSpec spec, Normalisation normalisation) {
        int width = spec.width().orElse(WIDTH);
        stem = new ConvNormAct(
                child("conv1", new Conv2d(spec.channels(), width, 3, 1, 1)),
                child("bn1", ConvNormAct.norm(normalisation, width)),
                true);
        int in = width;
        for (int i = 0; i < stages.length; i++) {
            int out = width << i;
            stages[i] = child(
                    "layer" + (i + 1),
                    ResidualStages.stage(
                            blocks,
                            in,
                            out,
                            i == 0 ? 1 : 2,
                            (from, to, stride) ->
                                    new BasicBlock(from, to, stride, BasicBlock.Shortcut.ZERO_PADDING, normalisation)));
            in = out;
        }
        fc = child("fc", new Linear(in, spec.classes()));
    }

    /**
     * The network of {@code depth} layers, with weights drawn from {@code seed}.
     *
     * @param depth 6n + 2 with n at least 1
     */
    public static ThinResNet ofDepth(int depth, ModelSpec spec, Normalisation normalisation, long seed) {
        if (depth < 8 || (depth - 2) % 6 != 0) {
            throw new IllegalArgumentException("depth is " + depth + "; expected 6n + 2: 8, 14, 20, 32, 44, 56, 110 …");
        }
        ThinResNet network = new ThinResNet((depth - 2) / 6, spec, normalisation);
        Init.standard(network, seed);
        Init.heConvolutions(network, Init.Fan.IN, seed);
        Init.heNormal(network.fc.weight(), Init.Fan.IN, Init.RELU_GAIN, seed);
        if (spec.zeroInitResidual()) {
            ResidualStages.zeroResiduals(network);
        }
        return network;
    }

    @Override
    public String head() {
        return "fc";
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor y = chain(stem.forward(x), stages);
        return fc.forward(pool.forward(y));
    }
}
